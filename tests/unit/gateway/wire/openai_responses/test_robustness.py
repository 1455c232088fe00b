"""Whatever JSON comes, there is an answer or an error of ours, and never a crash."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.canonical.collect import collect
from gateway.canonical.errors import GatewayError, UpstreamError
from gateway.canonical.events import Event, encode_event
from gateway.wire.openai_responses.codec import CODEC
from tests.unit.gateway.wire.json_texts import values
from tests.unit.gateway.wire.openai_responses.answers import reply

SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
)


def _of(names: list[str], inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects that look like the dialect's, with values of any type."""
    return st.dictionaries(st.sampled_from(names), inner, max_size=6)


def _tree(names: list[str], types: list[str]) -> st.SearchStrategy[Any]:
    typed = st.sampled_from(types)
    return st.recursive(
        SCALARS | typed,
        lambda inner: st.lists(inner, max_size=3) | _of(names, inner | typed),
        max_leaves=12,
    )


ITEM_TYPES = [
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "reasoning",
    "image_generation_call",
    "web_search_call",
    "input_text",
    "input_image",
    "input_file",
    "input_audio",
    "output_text",
    "refusal",
    "url_citation",
]
ITEM_FIELDS = [
    "type",
    "role",
    "content",
    "text",
    "id",
    "call_id",
    "name",
    "namespace",
    "arguments",
    "input",
    "output",
    "summary",
    "encrypted_content",
    "annotations",
    "logprobs",
    "refusal",
    "result",
    "image_url",
    "file_data",
    "input_audio",
    "url",
]
ITEMS = _tree(ITEM_FIELDS, ITEM_TYPES)

REQUESTS = st.fixed_dictionaries(
    {"model": st.just("m"), "input": ITEMS | st.lists(_of(ITEM_FIELDS, ITEMS), max_size=3)},
    optional={
        "tools": ITEMS,
        "tool_choice": ITEMS,
        "text": _tree(["format", "type", "schema", "name", "verbosity"], ["json_schema", "text"]),
        "reasoning": _of(["effort", "summary", "x"], SCALARS),
        "include": SCALARS | st.lists(st.text(max_size=3), max_size=2),
        "instructions": SCALARS,
        "metadata": ITEMS,
    },
)

ANSWERS = st.fixed_dictionaries(
    {"output": st.lists(_of(ITEM_FIELDS, ITEMS) | ITEMS, max_size=3)},
    optional={
        "status": st.sampled_from(["completed", "incomplete", "failed", "queued", 7]),
        "incomplete_details": ITEMS,
        "usage": _of(["input_tokens", "input_tokens_details", "output_tokens"], SCALARS | ITEMS),
        "error": ITEMS,
        "id": SCALARS,
        "model": SCALARS,
    },
)

EVENT_TYPES = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.output_text.annotation.added",
    "response.content_part.done",
    "response.refusal.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.delta",
    "response.function_call_arguments.delta",
    "response.completed",
    "response.failed",
    "error",
    "of.tomorrow",
]
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(EVENT_TYPES) | ITEMS,
        "delta": SCALARS,
        "output_index": SCALARS | ITEMS,
        "content_index": SCALARS | ITEMS,
        "summary_index": SCALARS | ITEMS,
        "item_id": SCALARS,
        "item": _of(ITEM_FIELDS, ITEMS),
        "part": _of(ITEM_FIELDS, ITEMS),
        "annotation": ITEMS,
        "logprobs": ITEMS,
        "response": ANSWERS | ITEMS,
        "error": ITEMS,
    },
)


def _deliver(events: list[Event]) -> None:
    """Take events the whole way that they have to a client."""
    for event in events:
        encode_event(event)
    renderer = CODEC.renderer(reply())
    renderer.render(events)
    if events:
        CODEC.render_response(collect(events), reply())


@settings(max_examples=60, deadline=None)
@given(values() | REQUESTS.map(json.dumps))
def test_a_request(text: str) -> None:
    body = text.encode()
    with contextlib.suppress(GatewayError):
        CODEC.parse_envelope(body, max_depth=64)
    with contextlib.suppress(GatewayError):
        request = CODEC.parse_request(body)
        CODEC.parse_request(CODEC.render_request(request, model="m", stream=False))


@settings(max_examples=100, deadline=None)
@given(REQUESTS)
def test_a_request_that_looks_right(wire: Any) -> None:
    body = json.dumps(wire).encode()
    with contextlib.suppress(GatewayError):
        request = CODEC.parse_request(body)
        again = CODEC.render_request(request, model="m", stream=False)
        assert CODEC.render_request(request, model="m", stream=False) == again


@settings(max_examples=100, deadline=None)
@given(values() | ANSWERS.map(json.dumps))
def test_a_whole_answer(text: str) -> None:
    with contextlib.suppress(UpstreamError):
        _deliver(list(CODEC.parse_answer(text.encode(), instance="up")))
    with contextlib.suppress(UpstreamError):
        list(CODEC.parse_native(text.encode(), instance="up"))


@settings(max_examples=100, deadline=None)
@given(st.lists(values() | EVENTS.map(json.dumps), max_size=6))
def test_a_stream(frames: list[str]) -> None:
    parser, reader = CODEC.stream_parser("up"), CODEC.native_reader("up")
    events: list[Event] = []
    with contextlib.suppress(UpstreamError):
        for data in frames:
            events += parser.read(data)
        events += parser.end()
    _deliver(events)
    with contextlib.suppress(UpstreamError):
        for data in frames:
            frame = b"data: " + data.encode() + b"\n\n"
            assert reader.read(frame, data).data == frame
        list(reader.end())


@settings(max_examples=40, deadline=None)
@given(st.lists(EVENTS, max_size=4).map(json.dumps), st.integers(0, 300))
def test_a_stream_that_is_cut_anywhere(text: str, at: int) -> None:
    parser = CODEC.stream_parser("up")
    with contextlib.suppress(UpstreamError):
        parser.read(text[:at])
    with contextlib.suppress(UpstreamError):
        parser.end()


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"content":'])
@pytest.mark.parametrize("depth", [400, 900, 1000, 5000, 100_000])
def test_nesting(opening: bytes, depth: int) -> None:
    closing = opening.translate(None, b'"a:content')[::-1].translate(bytes.maketrans(b"[{", b"]}"))
    nested = opening * depth + b"1" + closing * depth
    for member in (b"input", b"tools", b"tool_choice", b"text", b"metadata", b"x"):
        body = b'{"model":"m","input":"x","' + member + b'":' + nested + b"}"
        with contextlib.suppress(GatewayError):
            CODEC.parse_request(body)
        with contextlib.suppress(GatewayError):
            CODEC.parse_envelope(body, max_depth=64)
    answer = b'{"type":"response.completed","output":[{"type":"x","a":' + nested + b"}]}"
    event = b'{"type":"response.output_item.done","item":{"type":"x","a":' + nested + b"}}"
    with contextlib.suppress(UpstreamError):
        list(CODEC.parse_answer(answer, instance="up"))
    for text in (answer, event):
        with contextlib.suppress(UpstreamError):
            CODEC.stream_parser("up").read(text.decode())
        with contextlib.suppress(UpstreamError):
            CODEC.native_reader("up").read(b"data: " + text + b"\n\n", text.decode())
