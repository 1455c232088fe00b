"""generateContent requests: what is checked, what passes, and what of it is understood."""

import base64
import json
from typing import Any

import pytest

from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.errors import Failure, GatewayError
from gateway.canonical.request import (
    Request,
    Role,
)
from gateway.wire.gemini.codec import CODEC
from gateway.wire.gemini.envelope import Envelope
from gateway.wire.opaque import wrap

HI: dict[str, Any] = {"role": "user", "parts": [{"text": "hi"}]}


def _request(*contents: object, **fields: object) -> Request:
    return CODEC.parse_request(json.dumps({"contents": list(contents) or [HI], **fields}).encode())


def _config(**fields: object) -> Request:
    return _request(generationConfig=fields)


def _parts(*parts: object, role: str = "user") -> tuple[AnyPart, ...]:
    (message,) = _request({"role": role, "parts": list(parts)}).messages
    return message.parts


def _refusal(body: object) -> Failure:
    with pytest.raises(GatewayError) as caught:
        CODEC.parse_request(json.dumps(body).encode())
    return caught.value.failure


def _turn(role: str, *parts: object) -> dict[str, Any]:
    return {"role": role, "parts": list(parts)}


def _call(name: str, **fields: object) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": {}, **fields}}


def _response(name: str, response: object = None, **fields: object) -> dict[str, Any]:
    inner = {"name": name, "response": {} if response is None else response}
    return {"functionResponse": inner | fields}


def test_the_url_says_which_model_and_whether_to_stream() -> None:
    envelope = CODEC.parse_envelope(b'{"contents": [{}], "model": "x"}', max_depth=9)
    assert envelope == Envelope(model="", streams=False, as_array=False)


@pytest.mark.parametrize(
    ("contents", "param"),
    [
        pytest.param([], "contents", id="none"),
        pytest.param("hi", "contents", id="text"),
        pytest.param(["hi"], "contents[0]", id="item"),
        pytest.param([HI, {"role": 1}], "contents[1].role", id="role"),
    ],
)
def test_the_envelope_names_the_faulty_field(contents: object, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        CODEC.parse_envelope(json.dumps({"contents": contents}).encode(), max_depth=9)
    assert (caught.value.failure.status, caught.value.failure.param) == (400, param)


@pytest.mark.parametrize("contents", [HI, [HI], [{"parts": {"text": "hi"}}]], ids=str)
def test_a_list_of_one_may_be_written_as_the_one(contents: object) -> None:
    body = json.dumps({"contents": contents}).encode()
    CODEC.parse_envelope(body, max_depth=9)
    assert CODEC.parse_request(body).last_user_text == "hi"


WRONG: list[tuple[object, str]] = [
    ([{"role": "system", "parts": [{"text": "x"}]}], "contents[0].role"),
    ([_turn("user", {"text": 1})], "contents[0].parts[0].text"),
    ([_turn("user", "hi")], "contents[0].parts[0]"),
    (
        [HI, _turn("user", {"inlineData": {"data": "AA"}})],
        "contents[1].parts[0].inlineData.mimeType",
    ),
    (
        [_turn("user", {"inline_data": {"mime_type": "a/b"}})],
        "contents[0].parts[0].inlineData.data",
    ),
    ([_turn("user", {"fileData": {}})], "contents[0].parts[0].fileData.fileUri"),
    ([_turn("model", {"functionCall": {}})], "contents[0].parts[0].functionCall.name"),
    ([_turn("user", _call("f"))], "contents[0].parts[0]"),
    ([_turn("user", {"functionResponse": {}})], "contents[0].parts[0].functionResponse.name"),
    ([_turn("user", {"text": "x", "thought": "yes"})], "contents[0].parts[0].thought"),
    ([_turn("user", {"text": ""})], "contents"),
]


@pytest.mark.parametrize(("contents", "param"), WRONG, ids=[param for _, param in WRONG])
def test_a_faulty_part_is_named(contents: object, param: str) -> None:
    failure = _refusal({"contents": contents})
    assert (failure.status, failure.param) == (400, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        ({"tools": "x"}, "tools"),
        ({"generationConfig": []}, "generationConfig"),
        ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"generationConfig": {"topK": 1.5}}, "generationConfig.topK"),
        ({"generationConfig": {"maxOutputTokens": True}}, "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"stopSequences": [1]}}, "generationConfig.stopSequences[0]"),
        ({"generationConfig": {"responseLogprobs": 1}}, "generationConfig.responseLogprobs"),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "toolConfig.functionCallingConfig.mode",
        ),
    ],
    ids=str,
)
def test_a_faulty_option_is_named(fields: dict[str, Any], param: str) -> None:
    failure = _refusal({"contents": [HI]} | fields)
    assert (failure.status, failure.param) == (400, param)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("systemInstruction", "generationConfig", "maxOutputTokens"), id="camel"),
        pytest.param(("system_instruction", "generation_config", "max_output_tokens"), id="snake"),
    ],
)
def test_names_are_read_in_both_spellings(names: tuple[str, str, str]) -> None:
    system, config, most = names
    request = _request(**{system: {"parts": [{"text": "s"}]}, config: {most: 5}})
    assert request.messages[0].role is Role.SYSTEM
    assert request.max_output_tokens == 5


@pytest.mark.parametrize(
    "system",
    ["s", {"parts": [{"text": "s"}]}, {"parts": {"text": "s"}}, {"text": "s"}, [{"text": "s"}]],
    ids=str,
)
def test_an_instruction_is_read_in_all_its_forms(system: object) -> None:
    assert _request(systemInstruction=system).messages[0].parts == (Text("s"),)


@pytest.mark.parametrize("system", [None, "", {"parts": []}, {"parts": {"text": ""}}], ids=str)
def test_an_empty_instruction_is_none(system: object) -> None:
    assert [m.role for m in _request(systemInstruction=system).messages] == [Role.USER]


def test_null_is_as_good_as_absent() -> None:
    nothing = dict.fromkeys(("systemInstruction", "tools", "toolConfig", "generationConfig"))
    assert _request(**nothing) == _request()
    assert _config(temperature=None, stopSequences=None) == _request()


@pytest.mark.parametrize("role", ["user", "", "function", "USER"])
def test_everyone_but_the_model_is_the_user(role: str) -> None:
    assert _request({"role": role, "parts": [{"text": "x"}]}).messages[0].role is Role.USER


def test_a_content_without_role_is_of_the_user() -> None:
    assert _request({"parts": [{"text": "x"}]}).messages[0].role is Role.USER


def test_turns_of_one_role_become_one_message() -> None:
    request = _request(HI, HI, _turn("model", {"text": "a"}), _turn("model", _call("f")), HI)
    assert [m.role for m in request.messages] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert len(request.messages[0].parts) == 2
    assert request.messages[1].parts == (Text("a"), ToolCall("call_0", "f", "{}"))


def test_what_was_streamed_in_pieces_is_joined_up_to_its_signature() -> None:
    pieces = [
        {"text": "th", "thought": True},
        {"text": "ink", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": "s1"},
        {"text": "an"},
        {"text": "swer"},
        {"text": "", "thoughtSignature": "s2"},
        {"text": "more"},
    ]
    (_, message) = _request(HI, *(_turn("model", piece) for piece in pieces)).messages
    assert message.parts == (
        Reasoning(text="think", signature=Opaque("gemini", "s1")),
        Text("answer", signature=Opaque("gemini", "s2")),
        Text("more"),
    )


def test_pieces_of_the_user_are_not_joined() -> None:
    assert _parts({"text": "a"}, {"text": "b"}) == (Text("a"), Text("b"))


def test_a_signature_stays_with_its_call() -> None:
    parts = _parts(_call("f") | {"thought_signature": "c2ln"}, _call("g"), role="model")
    assert [part.signature for part in parts] == [Opaque("gemini", "c2ln"), None]


def test_a_signature_of_another_dialect_is_known_again() -> None:
    foreign = Opaque("anthropic-messages", "EqQB")
    signature = wrap(foreign, own="gemini")
    base64.urlsafe_b64decode(signature)
    part = {"text": "t", "thought": True, "thoughtSignature": signature}
    assert _parts(part, role="model") == (Reasoning(text="t", signature=foreign),)


def test_a_signature_without_a_part_is_kept() -> None:
    parts = _parts({"text": "a"}, {"thoughtSignature": "s"}, role="model")
    assert parts == (Text("a", signature=Opaque("gemini", "s")),)


def test_calls_without_ids_get_their_own_and_results_find_them_by_name_and_order() -> None:
    request = _request(
        HI,
        _turn("model", _call("f"), _call("g"), _call("f")),
        _turn("user", _response("f"), _response("g"), _response("f")),
        _turn("model", _call("f")),
        _turn("user", _response("f")),
    )
    calls = [p.id for m in request.messages for p in m.parts if isinstance(p, ToolCall)]
    results = [p.call_id for m in request.messages for p in m.parts if isinstance(p, ToolResult)]
    assert calls == results == ["call_0", "call_1", "call_2", "call_3"]


def test_an_id_of_ours_is_never_one_of_the_request() -> None:
    request = _request(HI, _turn("model", _call("f"), _call("g", id="call_0")))
    assert [part.id for part in request.messages[1].parts] == ["call_1", "call_0"]


def test_results_find_their_calls_by_id_in_any_order() -> None:
    request = _request(
        HI,
        _turn("model", _call("f", id="a"), _call("g", id="b")),
        _turn("function", _response("g", id="b"), {"functionResponse": {"id": "a"}}),
    )
    message = request.messages[2]
    assert message.role is Role.TOOL
    assert [(p.call_id, p.name) for p in message.parts] == [("b", "g"), ("a", "f")]


def test_results_come_before_what_the_user_says_with_them() -> None:
    request = _request(
        HI, _turn("model", _call("f")), _turn("user", {"text": "and"}, _response("f"))
    )
    assert [m.role for m in request.messages[2:]] == [Role.TOOL, Role.USER]


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "ok"}, "ok", False),
        ({"error": "bad"}, "bad", True),
        ({"error": {"code": 1}}, '{"code": 1}', True),
        ({"result": "ok"}, '{"result": "ok"}', False),
        ({"output": {"a": 1}}, '{"output": {"a": 1}}', False),
        ({"output": "ok", "more": 1}, '{"output": "ok", "more": 1}', False),
        ({"error": None}, '{"error": null}', False),
        ({}, "{}", False),
        ("plain", '"plain"', False),
    ],
    ids=str,
)
def test_what_a_tool_answered_is_read(response: object, text: str, is_error: bool) -> None:
    (result,) = _parts(_response("f", response))
    assert isinstance(result, ToolResult)
    assert (result.text, result.is_error) == (text, is_error)


def test_a_result_has_media() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    (result,) = _parts(_response("f", {"output": "see"}, parts=[image, {"odd": 1}]))
    assert isinstance(result, ToolResult)
    assert result.parts == (
        Text("see"),
        Media(kind=MediaKind.IMAGE, mime="image/png", data="AAAA"),
        NativePart("gemini", "odd", b'{"odd": 1}'),
    )


@pytest.mark.parametrize(
    ("part", "media"),
    [
        (
            {"inline_data": {"mime_type": "audio/wav", "data": "-_-_"}},
            Media(kind=MediaKind.AUDIO, mime="audio/wav", data="+/+/"),
        ),
        (
            {"inlineData": {"mimeType": "text/plain", "data": "MTIz", "displayName": "a.txt"}},
            Media(kind=MediaKind.DOCUMENT, mime="text/plain", data="MTIz", name="a.txt"),
        ),
        (
            {"fileData": {"fileUri": "https://a.example/x.PDF?y=1"}},
            Media(
                kind=MediaKind.DOCUMENT, mime="application/pdf", url="https://a.example/x.PDF?y=1"
            ),
        ),
        (
            {"fileData": {"fileUri": "https://youtu.be/abc"}},
            Media(kind=MediaKind.VIDEO, url="https://youtu.be/abc"),
        ),
        (
            {"fileData": {"fileUri": "gs://b/x.mp4", "mimeType": "video/mp4"}},
            Media(kind=MediaKind.VIDEO, mime="video/mp4", file_id="gs://b/x.mp4"),
        ),
        (
            {
                "fileData": {
                    "mimeType": "image/png",
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/f",
                }
            },
            Media(
                kind=MediaKind.IMAGE,
                mime="image/png",
                file_id="https://generativelanguage.googleapis.com/v1beta/files/f",
            ),
        ),
        (
            {"fileData": {"fileUri": "https://[bad"}},
            Media(kind=MediaKind.DOCUMENT, url="https://[bad"),
        ),
    ],
    ids=["audio", "document", "web", "youtube", "bucket", "google-file", "no-address"],
)
def test_media_are_read(part: object, media: Media) -> None:
    assert _parts(part) == (media,)


def test_what_only_this_dialect_says_is_kept_as_it_is() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "s"}
    (part,) = _parts(code, role="model")
    assert part == NativePart("gemini", "executableCode", json.dumps(code).encode())


def test_arguments_stay_as_they_were_written() -> None:
    body = (
        b'{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{"x": 1.0}}}]}]}'
    )
    (message,) = CODEC.parse_request(body).messages
    assert message.parts == (ToolCall("call_0", "f", '{"x": 1.0}'),)
