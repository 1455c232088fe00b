"""Requests of this dialect in canonical words."""

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
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.errors import GatewayError
from gateway.canonical.request import (
    Choice,
    Format,
    Message,
    NativeTool,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Role,
    Tool,
    ToolChoice,
)
from gateway.wire.anthropic_messages.parse_request import parse_request

OWN = "anthropic-messages"
CACHE = {"type": "ephemeral"}


def _request(**fields: Any) -> Request:
    wire = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    return parse_request(json.dumps(wire, separators=(",", ":")).encode())


def _messages(*turns: tuple[str, Any], **fields: Any) -> tuple[Message, ...]:
    wire = [{"role": role, "content": content} for role, content in turns]
    return _request(messages=wire, **fields).messages


def _part(block: dict[str, Any], role: str = "user") -> Any:
    (message,) = _messages((role, [block]))
    (part,) = message.parts
    return part


def test_a_string_is_a_text() -> None:
    assert _messages(("user", "hi")) == (Message(Role.USER, (Text("hi"),)),)


def test_blocks_are_parts() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert _messages(("user", blocks)) == (Message(Role.USER, (Text("a"), Text("b"))),)


@pytest.mark.parametrize("system", ["rules", [{"type": "text", "text": "rules"}]])
def test_the_system_prompt_comes_first(system: Any) -> None:
    first, _ = _messages(("user", "hi"), system=system)
    assert first == Message(Role.SYSTEM, (Text("rules"),))


@pytest.mark.parametrize("system", ["", [], None])
def test_an_empty_system_prompt_is_none(system: Any) -> None:
    assert len(_messages(("user", "hi"), system=system)) == 1


def test_a_system_message_stays_where_it_is() -> None:
    roles = [m.role for m in _messages(("user", "a"), ("system", "rules"), ("user", "b"))]
    assert roles == [Role.USER, Role.SYSTEM, Role.USER]


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_adjacent_turns_of_a_role_are_one(role: str) -> None:
    (message,) = _messages((role, "a"), (role, "b"))
    assert message.parts == (Text("a"), Text("b"))


@pytest.mark.parametrize(
    ("control", "cache"),
    [
        (CACHE, "5m"),
        ({**CACHE, "ttl": "5m"}, "5m"),
        ({**CACHE, "ttl": "1h"}, "1h"),
        (None, None),
    ],
)
def test_a_cache_mark_is_read(control: Any, cache: str | None) -> None:
    assert _part({"type": "text", "text": "a", "cache_control": control}) == Text("a", cache=cache)


def test_citations_speak_of_their_whole_text() -> None:
    citation = {"type": "char_location", "cited_text": "q", "document_title": "t"}
    part = _part({"type": "text", "text": "four", "citations": [citation]}, "assistant")
    assert part.citations == (Citation(title="t", quote="q", start=0, end=4),)


@pytest.mark.parametrize(
    ("source", "media"),
    [
        (
            {"type": "base64", "media_type": "image/png", "data": "AAAA"},
            Media(kind=MediaKind.IMAGE, mime="image/png", data="AAAA"),
        ),
        ({"type": "url", "url": "https://x/y"}, Media(kind=MediaKind.IMAGE, url="https://x/y")),
        (
            {"type": "url", "url": "data:image/gif;base64,R0lG"},
            Media(kind=MediaKind.IMAGE, mime="image/gif", data="R0lG"),
        ),
        ({"type": "file", "file_id": "f"}, Media(kind=MediaKind.IMAGE, file_id="f")),
    ],
)
def test_an_image_has_one_source(source: dict[str, str], media: Media) -> None:
    assert _part({"type": "image", "source": source}) == media


def test_a_pdf_is_a_document() -> None:
    source = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
    part = _part({"type": "document", "source": source, "title": "T", "cache_control": CACHE})
    expected = Media(
        kind=MediaKind.DOCUMENT, mime="application/pdf", data="AAAA", name="T", cache="5m"
    )
    assert part == expected


def test_a_plain_text_document_becomes_base64() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "schön"}
    part = _part({"type": "document", "source": source})
    assert (part.mime, base64.b64decode(part.data).decode()) == ("text/plain", "schön")


def test_a_document_of_blocks_is_native() -> None:
    block = {"type": "document", "source": {"type": "content", "content": "x"}}
    part = _part(block)
    assert (part.dialect, part.type, json.loads(part.data)) == (OWN, "document", block)


@pytest.mark.parametrize(
    "type", ["server_tool_use", "web_search_tool_result", "search_result", "future_block"]
)
def test_a_block_of_this_dialect_only_is_native(type: str) -> None:
    block = {"type": type, "x": [1.50]}
    assert _part(block) == NativePart(OWN, type, json.dumps(block, separators=(",", ":")).encode())


def test_a_tool_call_keeps_its_arguments_as_written() -> None:
    body = (
        b'{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use",'
        b'"id":"t1","name":"f","input":{"n": 1.00},"caller":{"type":"direct"}}]}]}'
    )
    request = parse_request(body)
    assert request.messages[0].parts == (ToolCall("t1", "f", '{"n": 1.00}'),)
    assert request.dropped == ()


@pytest.mark.parametrize("input", [{}, None])
def test_a_call_without_arguments_has_an_empty_object(input: Any) -> None:
    block = {"type": "tool_use", "id": "t1", "name": "f", "input": input}
    assert _part(block, "assistant").arguments == "{}"


def test_tool_results_come_before_the_rest_of_their_turn() -> None:
    call = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "42"}
    _, tool, user = _messages(
        ("assistant", [call]), ("user", [{"type": "text", "text": "so?"}, result])
    )
    assert tool == Message(Role.TOOL, (ToolResult(call_id="t1", parts=(Text("42"),), name="f"),))
    assert user == Message(Role.USER, (Text("so?"),))


def test_results_in_adjacent_turns_are_one_message() -> None:
    results = [[{"type": "tool_result", "tool_use_id": id}] for id in ("a", "b")]
    (message,) = _messages(*(("user", blocks) for blocks in results))
    assert message == Message(Role.TOOL, (ToolResult(call_id="a"), ToolResult(call_id="b")))


def test_a_result_holds_texts_media_and_native_blocks() -> None:
    content = [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "url", "url": "https://x"}},
        {"type": "tool_reference", "tool_name": "f"},
    ]
    result = {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": content}
    part = _part(result)
    assert [type(inner) for inner in part.parts] == [Text, Media, NativePart]
    assert part.is_error


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            Reasoning(text="hm", signature=Opaque(OWN, "c2ln")),
        ),
        ({"type": "thinking", "thinking": "hm", "signature": ""}, Reasoning(text="hm")),
        (
            {"type": "thinking", "thinking": "", "signature": "c2ln"},
            Reasoning(signature=Opaque(OWN, "c2ln")),
        ),
        (
            {"type": "redacted_thinking", "data": "ZGF0"},
            Reasoning(signature=Opaque(OWN, "ZGF0"), redacted=True),
        ),
    ],
)
def test_thinking_keeps_its_signature(block: dict[str, Any], part: Reasoning) -> None:
    assert _part(block, "assistant") == part


def test_thinking_that_says_nothing_is_nothing() -> None:
    assert _messages(("assistant", [{"type": "thinking", "thinking": ""}])) == ()


def test_a_custom_tool_is_a_tool() -> None:
    schema = {"type": "object"}
    tool = {
        "type": "custom",
        "name": "f",
        "description": "d",
        "input_schema": schema,
        "strict": True,
        "cache_control": CACHE,
    }
    expected = Tool(
        name="f", description="d", parameters=b'{"type":"object"}', strict=True, cache="5m"
    )
    assert _request(tools=[tool]).tools == (expected,)


def test_a_tool_with_a_date_runs_at_the_provider() -> None:
    tool = {"type": "web_search_20250305", "name": "web_search"}
    (native,) = _request(tools=[tool]).tools
    assert isinstance(native, NativeTool)
    assert (native.dialect, native.type, json.loads(native.data)) == (OWN, tool["type"], tool)


@pytest.mark.parametrize(
    ("wire", "choice", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(Choice.AUTO), None),
        ({"type": "any"}, ToolChoice(Choice.REQUIRED), None),
        ({"type": "none"}, ToolChoice(Choice.NONE), None),
        ({"type": "tool", "name": "f"}, ToolChoice(Choice.NAMED, "f"), None),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(Choice.AUTO), False),
        ({"type": "any", "disable_parallel_tool_use": False}, ToolChoice(Choice.REQUIRED), True),
        ("any", ToolChoice(Choice.REQUIRED), None),
        (None, None, None),
    ],
)
def test_a_tool_choice_is_read(wire: Any, choice: ToolChoice | None, parallel: bool | None) -> None:
    request = _request(tool_choice=wire)
    assert (request.tool_choice, request.parallel_tool_calls) == (choice, parallel)


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            ReasoningOptions(budget_tokens=2000, visible=True),
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000, "display": "omitted"}},
            ReasoningOptions(budget_tokens=2000, visible=False),
        ),
        ({"thinking": {"type": "adaptive"}}, ReasoningOptions(adaptive=True)),
        ({"thinking": {"type": "disabled"}}, ReasoningOptions(effort="none")),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}},
            ReasoningOptions(adaptive=True, visible=False),
        ),
        (
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "low"},
            },
            ReasoningOptions(effort="low", visible=True),
        ),
        ({"output_config": {"effort": "max"}}, ReasoningOptions(effort="max")),
        ({"thinking": None, "output_config": None}, None),
    ],
)
def test_thinking_options_are_read(
    fields: dict[str, Any], options: ReasoningOptions | None
) -> None:
    assert _request(**fields).reasoning == options


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_structured_output_is_read_from_either_place(place: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    fields = {"output_format": form} if place == "output_format" else {place: {"format": form}}
    expected = ResponseFormat(type=Format.JSON_SCHEMA, schema=b'{"type":"object"}')
    assert _request(**fields).response_format == expected


def test_simple_options_are_read() -> None:
    request = _request(
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop_sequences=["END"],
        stream=True,
        metadata={"user_id": "u"},
    )
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.5, 0.9, 5)
    assert (request.max_output_tokens, request.stop, request.stream) == (9, ("END",), True)
    assert request.user == "u"


def test_nulls_are_as_good_as_absent() -> None:
    nulls = dict.fromkeys(
        ("system", "tools", "tool_choice", "metadata", "stop_sequences", "temperature", "container")
    )
    assert _request(**nulls) == _request()


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"service_tier": "auto"}, "service_tier"),
        ({"context_management": {"edits": []}}, "context_management"),
        ({"future": 1}, "future"),
        ({"metadata": {"other": "x"}}, "metadata.other"),
        ({"output_config": {"future": 1}}, "output_config.future"),
        ({"thinking": {"type": "between_tools"}}, "thinking.type"),
        (
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}},
            "output_config.effort",
        ),
        ({"tools": [{"name": "f", "defer_loading": True}]}, "tools.defer_loading"),
        ({"system": [{"type": "text", "text": "s", "x": 1}]}, "system.x"),
        ({"messages": [{"role": "user", "content": "a", "id": 1}]}, "messages.id"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}]},
            "messages.content.x",
        ),
    ],
)
def test_what_has_no_place_is_dropped_by_name(fields: dict[str, Any], name: str) -> None:
    assert _request(**fields).dropped == (name,)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"mcp_servers": [{"url": "https://x"}]}, "mcp_servers"),
        ({"container": "c1"}, "container"),
        ({"output_config": {"format": {"type": "grammar"}}}, "output_config.format"),
    ],
)
def test_what_changes_the_answer_is_refused_by_name(fields: dict[str, Any], name: str) -> None:
    request = _request(**fields)
    assert (request.refused, request.dropped) == ((name,), ())


def _content(block: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": [block]}]}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        (_content({}), "messages[0].content[0].type"),
        (_content({"type": "text"}), "messages[0].content[0].text"),
        (_content({"type": "text", "text": 5}), "messages[0].content[0].text"),
        (_content({"type": "image"}), "messages[0].content[0].source.type"),
        (
            _content({"type": "image", "source": {"type": "url"}}),
            "messages[0].content[0].source.url",
        ),
        (
            _content({"type": "image", "source": {"type": "odd"}}),
            "messages[0].content[0].source.type",
        ),
        (_content({"type": "tool_use", "name": "f"}), "messages[0].content[0].id"),
        (
            _content({"type": "tool_use", "id": "t", "name": "f", "input": []}),
            "messages[0].content[0].input",
        ),
        (_content({"type": "tool_result"}), "messages[0].content[0].tool_use_id"),
        (
            _content({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text"}]}),
            "messages[0].content[0].content[0].text",
        ),
        (
            _content({"type": "text", "text": "a", "cache_control": "yes"}),
            "messages[0].content[0].cache_control",
        ),
        ({"system": 5}, "system"),
        ({"tools": ["f"]}, "tools[0]"),
        ({"tools": [{"description": "d"}]}, "tools[0].name"),
        ({"tools": [{"name": "f", "input_schema": []}]}, "tools[0].input_schema"),
        ({"tool_choice": {"type": "odd"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": "tool"}, "tool_choice"),
        ({"thinking": {}}, "thinking.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
    ],
)
def test_a_fault_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as raised:
        _request(**fields)
    failure = raised.value.failure
    assert (failure.status, failure.param) == (400, param)
