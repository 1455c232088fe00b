"""The items of the dialect's requests as canonical messages."""

import base64
import json
from typing import Any

import pytest

from gateway.canonical.content import (
    Citation,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.errors import GatewayError
from gateway.canonical.request import (
    Message,
    Request,
    Role,
)
from gateway.wire.opaque import wrap
from gateway.wire.openai_responses.parse_request import parse_request

OWN = "openai-responses"


def _parse(input: Any = "hi", **fields: Any) -> Request:
    return parse_request(json.dumps({"model": "m", "input": input, **fields}).encode())


def _messages(*items: Any) -> list[tuple[Role, tuple[Any, ...]]]:
    return [(message.role, message.parts) for message in _parse(list(items)).messages]


def _content(*parts: Any, role: str = "user") -> tuple[Any, ...]:
    (message,) = _parse([{"role": role, "content": list(parts)}]).messages
    return message.parts


def _param(input: Any = "hi", **fields: Any) -> str | None:
    with pytest.raises(GatewayError) as raised:
        _parse(input, **fields)
    assert raised.value.failure.status == 400
    return raised.value.failure.param


def test_input_of_text_is_what_the_user_says() -> None:
    assert _parse("hi").messages == (Message(Role.USER, (Text("hi"),)),)


def test_instructions_come_first() -> None:
    messages = _parse("hi", instructions="be terse").messages
    assert messages[0] == Message(Role.SYSTEM, (Text("be terse"),))


@pytest.mark.parametrize(
    ("role", "canonical"),
    [
        ("user", Role.USER),
        ("assistant", Role.ASSISTANT),
        ("system", Role.SYSTEM),
        ("developer", Role.SYSTEM),
        (None, Role.USER),
    ],
)
def test_roles(role: str | None, canonical: Role) -> None:
    assert _messages({"role": role, "content": "x"}) == [(canonical, (Text("x"),))]


def test_the_type_of_a_message_may_be_left_out() -> None:
    typed = {"type": "message", "role": "user", "content": "x"}
    assert _messages(typed) == _messages({"content": "x"})


def test_an_unknown_role_is_refused() -> None:
    assert _param([{"role": "critic", "content": "x"}]) == "input[0].role"


@pytest.mark.parametrize(
    ("part", "canonical"),
    [
        ({"type": "input_text", "text": "a"}, Text("a")),
        (
            {"type": "input_image", "image_url": "https://a.example/i.png", "detail": "low"},
            Media(kind=MediaKind.IMAGE, url="https://a.example/i.png", detail="low"),
        ),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,aGk="},
            Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk="),
        ),
        (
            {"type": "input_image", "file_id": "file-1", "image_url": None},
            Media(kind=MediaKind.IMAGE, file_id="file-1"),
        ),
        (
            {
                "type": "input_file",
                "filename": "a.csv",
                "file_data": "data:text/csv;charset=utf-8;base64,aGk=",
            },
            Media(kind=MediaKind.DOCUMENT, mime="text/csv", data="aGk=", name="a.csv"),
        ),
        (
            {"type": "input_file", "file_data": "aGk=", "filename": "a.pdf"},
            Media(kind=MediaKind.DOCUMENT, data="aGk=", name="a.pdf"),
        ),
        (
            {"type": "input_file", "file_url": "https://a.example/a.pdf"},
            Media(kind=MediaKind.DOCUMENT, url="https://a.example/a.pdf"),
        ),
        (
            {"type": "input_file", "file_id": "file-1"},
            Media(kind=MediaKind.DOCUMENT, file_id="file-1"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
            Media(kind=MediaKind.AUDIO, mime="audio/mpeg", data="aGk="),
        ),
    ],
)
def test_what_a_user_sends(part: dict[str, Any], canonical: Any) -> None:
    assert _content(part) == (canonical,)


def test_a_data_url_need_not_be_base64() -> None:
    part = {"type": "input_file", "file_data": "data:text/plain,a%20b", "filename": "a.txt"}
    (media,) = _content(part)
    assert base64.b64decode(media.data) == b"a b"


def test_an_unknown_part_is_kept_for_an_upstream_that_knows_it() -> None:
    part = {"type": "input_hologram", "x": 1}
    (native,) = _content(part)
    assert native == NativePart(OWN, "input_hologram", json.dumps(part).encode())


def test_what_the_assistant_said() -> None:
    annotation = {"type": "url_citation", "url": "https://a", "title": "A"}
    said = {"type": "output_text", "text": "a", "annotations": [annotation]}
    refused = {"type": "refusal", "refusal": "no"}
    assert _content(said, refused, role="assistant") == (
        Text("a", (Citation(url="https://a", title="A"),)),
        Refusal("no"),
    )


def test_items_of_the_assistant_that_follow_each_other_are_one_turn() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    assert _messages({"role": "assistant", "content": "a"}, call) == [
        (Role.ASSISTANT, (Text("a"), ToolCall("c1", "f", "{}")))
    ]


def test_empty_words_of_the_assistant_are_left_out() -> None:
    call = {"type": "function_call", "call_id": "c1", "name": "f"}
    messages = _messages({"role": "assistant", "content": ""}, call)
    assert messages == [(Role.ASSISTANT, (ToolCall("c1", "f", "{}"),))]


def test_results_that_follow_each_other_are_one_message_and_know_their_tool() -> None:
    items = [
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "free"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": ""},
    ]
    assert _messages(*items) == [
        (Role.ASSISTANT, (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", "free", custom=True))),
        (
            Role.TOOL,
            (
                ToolResult(call_id="c1", parts=(Text("one"),), name="f"),
                ToolResult(call_id="c2", name="g", custom=True),
            ),
        ),
    ]


def test_a_result_without_its_call_has_no_tool() -> None:
    ((_, (result,)),) = _messages({"type": "function_call_output", "call_id": "x", "output": "1"})
    assert result == ToolResult(call_id="x", parts=(Text("1"),))


def test_a_result_may_hold_images() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,aGk="}
    text = {"type": "input_text", "text": "see"}
    item = {"type": "function_call_output", "call_id": "x", "output": [text, image]}
    ((_, (result,)),) = _messages(item)
    assert result.parts == (Text("see"), Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk="))


def test_calls_within_a_namespace_have_a_flat_name() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "find", "namespace": "crm"}
    ((_, (call,)),) = _messages(item)
    assert call.name == "crm__find"


def test_reasoning_is_read_with_its_signature() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
        "encrypted_content": "gAAAA",
    }
    assert _messages(item, {"role": "user", "content": "x"})[0] == (
        Role.ASSISTANT,
        (Reasoning(text="a\n\nb", signature=Opaque(OWN, "gAAAA"), id="rs_1"),),
    )


def test_open_reasoning_is_read_where_there_is_no_summary() -> None:
    content = [{"type": "reasoning_text", "text": "raw"}]
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": content}
    assert _messages(item)[0][1] == (Reasoning(text="raw", id="rs_1"),)


def test_reasoning_that_only_points_to_what_is_stored_says_nothing() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}
    assert _messages(item, {"content": "x"}) == [(Role.USER, (Text("x"),))]


def test_reasoning_of_another_dialect_is_known_again() -> None:
    signature = Opaque("anthropic-messages", "sig")
    item = {"type": "reasoning", "summary": [], "encrypted_content": wrap(signature, own=OWN)}
    assert _messages(item)[0][1] == (Reasoning(signature=signature),)


@pytest.mark.parametrize("first", [True, False])
def test_the_signature_of_a_call_goes_back_onto_it(first: bool) -> None:
    signature = Opaque("gemini", "thought")
    carrier = {
        "type": "reasoning",
        "summary": [],
        "encrypted_content": wrap(signature, own=OWN, call_id="c1"),
    }
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    items = [carrier, call] if first else [call, carrier]
    assert _messages(*items) == [(Role.ASSISTANT, (ToolCall("c1", "f", "{}", signature),))]


def test_an_image_that_was_made_is_media_and_keeps_its_signature() -> None:
    signature = Opaque("gemini", "thought")
    encrypted = wrap(signature, own=OWN, call_id="ig_1")
    image = {
        "type": "image_generation_call",
        "id": "ig_1",
        "status": "completed",
        "output_format": "jpeg",
        "result": "aGk=",
    }
    carrier = {"type": "reasoning", "summary": [], "encrypted_content": encrypted}
    assert _messages(carrier, image)[0][1] == (
        Media(kind=MediaKind.IMAGE, mime="image/jpeg", data="aGk=", signature=signature),
    )


@pytest.mark.parametrize(
    ("type", "role"),
    [
        ("web_search_call", Role.ASSISTANT),
        ("computer_call", Role.ASSISTANT),
        ("computer_call_output", Role.TOOL),
        ("mcp_approval_response", Role.TOOL),
        ("compaction", Role.ASSISTANT),
        ("image_generation_call", Role.ASSISTANT),
        ("of_tomorrow", Role.ASSISTANT),
    ],
)
def test_items_of_the_provider_are_kept_as_they_came(type: str, role: Role) -> None:
    item = {"type": type, "id": "x_1", "output": {"a": 1.0}}
    assert _messages(item) == [(role, (NativePart(OWN, type, json.dumps(item).encode()),))]


@pytest.mark.parametrize("item", [{"type": "item_reference", "id": "x"}, {"id": "x"}])
def test_a_reference_to_what_is_stored_is_refused_by_other_dialects(item: Any) -> None:
    assert _parse([item, {"content": "x"}]).refused == ("item_reference",)


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([1], "input[0]"),
        ([{"type": 1}], "input[0].type"),
        ([{"role": "user"}], "input[0].content"),
        ([{"content": "x"}, {"role": "user", "content": None}], "input[1].content"),
        ([{"content": [{"type": "input_text"}]}], "input[0].content[0].text"),
        ([{"content": [{"text": "x"}]}], "input[0].content[0].type"),
        ([{"content": [{"type": "input_image"}]}], "input[0].content[0]"),
        ([{"content": [{"type": "input_file"}]}], "input[0].content[0]"),
        ([{"type": "function_call", "name": "f"}], "input[0].call_id"),
        ([{"type": "function_call", "call_id": "c", "name": 7}], "input[0].name"),
        ([{"type": "function_call_output", "call_id": "c"}], "input[0].output"),
        ([{"type": "function_call_output", "call_id": "c", "output": 1}], "input[0].output"),
        ([{"type": "reasoning", "summary": [1]}], "input[0].summary[0]"),
        ([], "input"),
    ],
)
def test_a_fault_is_named_by_its_path(items: Any, param: str) -> None:
    assert _param(items) == param
