"""Chat requests in canonical words."""

import json
from typing import Any

import pytest

from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.request import (
    Choice,
    Format,
    Message,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.wire.openai_chat.parse_request import parse_request
from gateway.wire.openai_chat.reasoning import OWN

HI = {"role": "user", "content": "hi"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}


def _parse(**fields: object) -> Request:
    return parse_request(json.dumps({"model": "m", "messages": [HI], **fields}).encode())


def _messages(*messages: dict[str, Any]) -> tuple[Message, ...]:
    return _parse(messages=messages).messages


def _content(*content: object) -> tuple[AnyPart, ...]:
    return _messages({"role": "user", "content": content})[0].parts


def _refusal(**fields: object) -> Failure:
    with pytest.raises(GatewayError) as caught:
        _parse(**fields)
    failure = caught.value.failure
    assert (failure.kind, failure.status) == (Kind.INVALID_REQUEST, 400)
    return failure


@pytest.mark.parametrize(
    ("name", "role"),
    [("system", Role.SYSTEM), ("developer", Role.SYSTEM), ("user", Role.USER)],
)
def test_a_role_is_read(name: str, role: Role) -> None:
    assert _messages({"role": name, "content": "x"}) == (Message(role, (Text("x"),)),)


def test_system_messages_stay_where_they_are() -> None:
    messages = _messages(HI, {"role": "system", "content": "s"}, HI)
    assert [message.role for message in messages] == [Role.USER, Role.SYSTEM, Role.USER]


def test_user_messages_that_follow_each_other_stay_apart() -> None:
    assert len(_messages(HI, HI)) == 2


PARTS: list[Any] = [
    pytest.param({"type": "text", "text": "a"}, Text("a"), id="text"),
    pytest.param("a", Text("a"), id="bare-text"),
    pytest.param({"type": "refusal", "refusal": "no"}, Refusal("no"), id="refusal"),
    pytest.param(
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        Media(kind=MediaKind.IMAGE, url="https://x/y.png", detail="low"),
        id="image-url",
    ),
    pytest.param(
        {"type": "image_url", "image_url": "https://x/y.png"},
        Media(kind=MediaKind.IMAGE, url="https://x/y.png"),
        id="image-url-as-text",
    ),
    pytest.param(
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUI="}},
        Media(kind=MediaKind.IMAGE, mime="image/png", data="QUI="),
        id="image-data",
    ),
    pytest.param(
        {"type": "image_url", "image_url": {"url": "DATA:image/svg+xml,%3Csvg%3E"}},
        Media(kind=MediaKind.IMAGE, mime="image/svg+xml", data="PHN2Zz4="),
        id="image-data-not-in-base64",
    ),
    pytest.param(
        {"type": "image_url", "image_url": {"url": "data:application/pdf;base64,QUI="}},
        Media(kind=MediaKind.DOCUMENT, mime="application/pdf", data="QUI="),
        id="document-as-an-image",
    ),
    pytest.param(
        {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
        Media(kind=MediaKind.VIDEO, url="https://x/y.mp4"),
        id="video",
    ),
    pytest.param(
        {"type": "input_audio", "input_audio": {"data": "QUI=", "format": "mp3"}},
        Media(kind=MediaKind.AUDIO, mime="audio/mp3", data="QUI="),
        id="audio",
    ),
    pytest.param(
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUI="},
        },
        Media(kind=MediaKind.DOCUMENT, mime="application/pdf", data="QUI=", name="a.pdf"),
        id="file",
    ),
    pytest.param(
        {"type": "file", "file": {"file_data": "QUI="}},
        Media(kind=MediaKind.DOCUMENT, mime="application/pdf", data="QUI="),
        id="file-without-type",
    ),
    pytest.param(
        {"type": "file", "file": {"file_data": "https://x/y.pdf"}},
        Media(kind=MediaKind.DOCUMENT, url="https://x/y.pdf"),
        id="file-url",
    ),
    pytest.param(
        {"type": "file", "file": {"file_id": "file-1"}},
        Media(kind=MediaKind.DOCUMENT, file_id="file-1"),
        id="file-id",
    ),
    pytest.param(
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        Text("a", cache="5m"),
        id="cache",
    ),
    pytest.param(
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        Text("a", cache="1h"),
        id="cache-for-an-hour",
    ),
]


@pytest.mark.parametrize(("wire", "part"), PARTS)
def test_a_part_is_read(wire: object, part: AnyPart) -> None:
    assert _content(wire) == (part,)


def test_a_part_of_an_unknown_type_is_kept_for_this_dialect() -> None:
    wire = {"type": "hologram", "x": [1, None]}
    (part,) = _content(wire)
    assert isinstance(part, NativePart)
    assert (part.dialect, part.type, json.loads(part.data)) == (OWN, "hologram", wire)


def test_a_mark_on_a_message_is_on_its_last_part() -> None:
    cache = {"type": "ephemeral"}
    messages = _messages({"role": "system", "content": "s", "cache_control": cache}, HI)
    assert messages[0].parts == (Text("s", cache="5m"),)


def test_assistant_messages_that_follow_each_other_are_one() -> None:
    messages = _messages(
        HI,
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
    )
    assert messages[1] == Message(Role.ASSISTANT, (Text("a"), ToolCall("c", "f", '{"x": 1}')))
    assert len(messages) == 2


@pytest.mark.parametrize("content", [None, "", []], ids=["null", "empty", "no-parts"])
def test_an_assistant_message_may_have_calls_alone(content: object) -> None:
    messages = _messages(HI, {"role": "assistant", "content": content, "tool_calls": [CALL]})
    assert messages[1].parts == (ToolCall("c", "f", '{"x": 1}'),)


def test_an_assistant_message_that_says_nothing_is_left_out() -> None:
    assert len(_messages(HI, {"role": "assistant", "content": ""}, HI)) == 2


def test_an_assistant_message_is_read_in_order() -> None:
    message = {
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        "refusal": "no",
        "reasoning_content": "r",
        "tool_calls": [CALL],
        "annotations": [],
        "audio": None,
        "function_call": None,
    }
    request = _parse(messages=[HI, message])
    assert request.dropped == request.refused == ()
    assert request.messages[1].parts == (
        Reasoning(text="r"),
        Text("a"),
        Text("b"),
        Refusal("no"),
        ToolCall("c", "f", '{"x": 1}'),
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"x": 1}', '{"x": 1}'),
        ({"x": [1]}, '{"x": [1]}'),
        (None, "{}"),
        ("", ""),
        ("no {", "no {"),
    ],
)
def test_arguments_are_text(arguments: object, text: str) -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
    messages = _messages(HI, {"role": "assistant", "tool_calls": [call]})
    assert messages[1].parts == (ToolCall("c", "f", text),)


def test_tool_results_that_follow_each_other_are_one_message_and_know_their_tool() -> None:
    other = {"id": "d", "type": "custom", "custom": {"name": "g", "input": "in"}}
    messages = _messages(
        HI,
        {"role": "assistant", "tool_calls": [CALL, other]},
        {"role": "tool", "tool_call_id": "d", "content": "2"},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "1"}]},
        {"role": "tool", "tool_call_id": "z", "content": "", "name": "h"},
        {"role": "tool", "tool_call_id": "y", "content": "?"},
    )
    assert messages[1].parts[1] == ToolCall("d", "g", "in", custom=True)
    assert messages[2] == Message(
        Role.TOOL,
        (
            ToolResult(call_id="d", parts=(Text("2"),), name="g", custom=True),
            ToolResult(call_id="c", parts=(Text("1"),), name="f"),
            ToolResult(call_id="z", parts=(Text(""),), name="h"),
            ToolResult(call_id="y", parts=(Text("?"),)),
        ),
    )


def test_a_mark_within_a_result_is_the_results() -> None:
    text = {"type": "text", "text": "1", "cache_control": {"type": "ephemeral"}}
    messages = _messages(HI, {"role": "tool", "tool_call_id": "c", "content": [text]})
    assert messages[1].parts == (ToolResult(call_id="c", parts=(Text("1"),), cache="5m"),)


def test_the_old_function_calls_are_tool_calls() -> None:
    function = {"name": "f", "arguments": "{}"}
    request = _parse(
        messages=[
            HI,
            {"role": "assistant", "content": None, "function_call": function},
            {"role": "function", "name": "f", "content": "1"},
            {"role": "assistant", "content": None, "function_call": function},
            {"role": "function", "name": "f", "content": "2"},
        ],
        functions=[{"name": "f", "parameters": {"type": "object"}}],
        function_call={"name": "f"},
    )
    assert request.messages[1:] == (
        Message(Role.ASSISTANT, (ToolCall("call_0", "f", "{}"),)),
        Message(Role.TOOL, (ToolResult(call_id="call_0", parts=(Text("1"),), name="f"),)),
        Message(Role.ASSISTANT, (ToolCall("call_1", "f", "{}"),)),
        Message(Role.TOOL, (ToolResult(call_id="call_1", parts=(Text("2"),), name="f"),)),
    )
    assert request.tools == (Tool(name="f", parameters=b'{"type": "object"}'),)
    assert request.tool_choice == ToolChoice(Choice.NAMED, "f")


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"reasoning": {}}, None, id="empty"),
        pytest.param({"reasoning_effort": "low"}, ReasoningOptions(effort="low"), id="effort"),
        pytest.param(
            {"reasoning": {"effort": "high", "exclude": True}},
            ReasoningOptions(effort="high", visible=False),
            id="openrouter",
        ),
        pytest.param(
            {"reasoning": {"max_tokens": 9}}, ReasoningOptions(budget_tokens=9), id="budget"
        ),
        pytest.param(
            {"reasoning": {"enabled": True}}, ReasoningOptions(adaptive=True), id="enabled"
        ),
        pytest.param(
            {"reasoning": {"enabled": False}}, ReasoningOptions(effort="none"), id="not-enabled"
        ),
        pytest.param(
            {"thinking": {"type": "disabled"}}, ReasoningOptions(effort="none"), id="disabled"
        ),
        pytest.param(
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
            ReasoningOptions(budget_tokens=9),
            id="thinking",
        ),
    ],
)
def test_how_much_to_think_is_read(
    fields: dict[str, object], options: ReasoningOptions | None
) -> None:
    assert _parse(**fields).reasoning == options


SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}, "strict": True}}


@pytest.mark.parametrize(
    ("wire", "format"),
    [
        pytest.param(None, None, id="null"),
        pytest.param({"type": "text"}, None, id="text"),
        pytest.param(
            {"type": "json_object"}, ResponseFormat(type=Format.JSON_OBJECT), id="json-object"
        ),
        pytest.param(
            SCHEMA,
            ResponseFormat(type=Format.JSON_SCHEMA, name="n", schema=b'{"a": 1}', strict=True),
            id="json-schema",
        ),
    ],
)
def test_the_form_of_the_answer_is_read(wire: object, format: ResponseFormat | None) -> None:
    assert _parse(response_format=wire).response_format == format


def test_all_that_has_a_place_is_read() -> None:
    sampling = Sampling(
        temperature=0.5,
        top_p=1.0,
        top_k=4,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
    )
    request = _parse(
        temperature=0.5,
        top_p=1,
        top_k=4,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        max_tokens=1,
        max_completion_tokens=2,
        stop="x",
        logprobs=True,
        top_logprobs=3,
        n=2,
        user="u",
        parallel_tool_calls=False,
        stream=True,
        stream_options={"include_usage": True},
        modalities=["text"],
    )
    assert request == Request(
        messages=(Message(Role.USER, (Text("hi"),)),),
        sampling=sampling,
        max_output_tokens=2,
        stop=("x",),
        logprobs=True,
        top_logprobs=3,
        choices=2,
        user="u",
        parallel_tool_calls=False,
        stream=True,
    )


@pytest.mark.parametrize(("stop", "read"), [(None, ()), ("a", ("a",)), (["a", "b"], ("a", "b"))])
def test_stop_sequences_are_read(stop: object, read: tuple[str, ...]) -> None:
    assert _parse(stop=stop).stop == read


DROPPED = [
    "logit_bias",
    "service_tier",
    "store",
    "metadata",
    "prediction",
    "verbosity",
    "safety_identifier",
    "prompt_cache_key",
    "min_p",
]


@pytest.mark.parametrize("field", DROPPED)
def test_a_field_without_a_place_is_dropped_by_name(field: str) -> None:
    assert _parse(**{field: {"x": 1}}).dropped == (field,)
    assert _parse(**{field: None}).dropped == ()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        pytest.param({"audio": {"voice": "alloy"}}, ("audio",), id="audio"),
        pytest.param({"web_search_options": {}}, ("web_search_options",), id="web-search"),
        pytest.param({"modalities": ["text", "audio"]}, ("modalities",), id="modalities"),
        pytest.param(
            {"messages": [HI, {"role": "assistant", "audio": {"id": "a"}}]},
            ("messages.audio",),
            id="audio-of-a-past-turn",
        ),
    ],
)
def test_a_field_that_changes_the_answer_is_refused_by_name(
    fields: dict[str, object], names: tuple[str, ...]
) -> None:
    request = _parse(**fields)
    assert (request.refused, request.dropped) == (names, ())


def test_fields_of_messages_parts_and_tools_are_dropped_by_path() -> None:
    part = {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    request = _parse(
        messages=[{"role": "user", "content": [part], "name": "me", "weight": None}],
        tools=[{"type": "function", "x": 1, "function": {"name": "f", "arguments": {}}}],
    )
    assert request.dropped == (
        "messages.content.prompt_cache_breakpoint",
        "messages.name",
        "tools.function.arguments",
        "tools.x",
    )


WRONG: list[Any] = [
    ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user"}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    ({"messages": [{"role": "system", "content": []}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
    (
        {"messages": [HI, {"role": "user", "content": [{"type": "text", "text": 1}]}]},
        "messages[1].content[0].text",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "messages[0].content[0].image_url.url",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
        "messages[0].content[0].file",
    ),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
    ({"messages": [{"role": "tool", "tool_call_id": "c"}]}, "messages[0].content"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]},
        "messages[0].tool_calls[0].function",
    ),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": 1}}]}]},
        "messages[0].tool_calls[0].function.name",
    ),
    ({"n": 0}, "n"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
        "response_format.json_schema.schema",
    ),
    ({"reasoning": {"effort": 1}}, "reasoning.effort"),
    ({"top_k": "1"}, "top_k"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=[str(case[0])[:90] for case in WRONG])
def test_what_is_wrong_is_a_400_that_names_it(fields: dict[str, object], param: str) -> None:
    assert _refusal(**fields).param == param


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"messages":' + b"[" * 100_000, b'{"messages":["\xff"]}', b'{"x":1}'],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_request_is_a_400(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        parse_request(body)
    assert caught.value.failure.status == 400
