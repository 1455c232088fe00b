"""Nothing that a client or an upstream can send makes the codec fail in a way of its own."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.canonical.collect import collect
from gateway.canonical.errors import Failure, GatewayError, UpstreamError
from gateway.canonical.events import Event, Finished, Started, decode_event, encode_event
from gateway.canonical.features import negotiate
from gateway.wire.openai_chat.codec import CODEC
from tests.unit.gateway.wire.json_texts import values
from tests.unit.gateway.wire.openai_chat.recordings import (
    frames_of,
    parse_stream,
    render_stream,
    render_whole,
)

T = TypeVar("T")


def _unless_refused(read: Callable[[], T]) -> T | None:
    """What is read; None when it is refused as the client's or the upstream's fault."""
    failure: Failure
    try:
        return read()
    except (GatewayError, UpstreamError) as error:
        failure = error.failure
    assert 400 <= failure.status <= 502
    return None


def _of_client(read: Callable[[], T]) -> T | None:
    """The same for what a client sends: its faults are a 400."""
    failure: Failure
    try:
        return read()
    except GatewayError as error:
        failure = error.failure
    assert failure.status == 400
    return None


FEW = settings(max_examples=100)

_WORDS = st.sampled_from(["", "a", "f", "c", "{", "}", "{}", "data:image/png;base64,QQ==", "auto"])
_TYPES = st.sampled_from(
    ["text", "image_url", "file", "input_audio", "thinking", "function", "custom", "refusal"]
    + ["reasoning.text", "reasoning.summary", "reasoning.encrypted", "json_schema", "x"]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.just(10**400)
    | st.floats(allow_nan=False)
    | _WORDS
)
_NAMES = st.sampled_from(
    ["type", "text", "content", "role", "tool_calls", "function", "custom", "name", "arguments"]
    + ["id", "index", "image_url", "url", "file", "file_data", "file_id", "refusal", "thinking"]
    + ["reasoning_details", "reasoning", "signature", "data", "summary", "annotations", "audio"]
    + ["url_citation", "start_index", "end_index", "images", "logprobs", "token", "logprob"]
    + ["top_logprobs", "function_call", "cache_control", "tool_call_id", "format", "input"]
    + ["allowed_tools", "tools", "mode", "json_schema", "schema", "citations", "search_results"]
)
_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_NAMES, inner, max_size=4)
        | st.fixed_dictionaries({"type": _TYPES}, optional={"text": inner, "image_url": inner})
    ),
    max_leaves=10,
)
_OBJECTS = st.dictionaries(_NAMES, _ANYTHING, max_size=6)
_ROLES = st.sampled_from(["system", "user", "assistant", "tool", "function", "wizard"])
_MESSAGES = st.builds(lambda role, fields: {**fields, "role": role}, _ROLES, _OBJECTS)
_FIELDS = st.sampled_from(
    ["tool_choice", "function_call", "response_format", "reasoning", "thinking", "stop", "n"]
    + ["modalities", "audio", "temperature", "top_k", "user", "functions", "max_tokens"]
)
_REQUESTS = st.builds(
    lambda messages, tools, fields: {"model": "m", "messages": messages, "tools": tools, **fields},
    st.lists(_MESSAGES, min_size=1, max_size=4),
    st.none() | st.lists(_OBJECTS, max_size=2),
    st.dictionaries(_FIELDS, _ANYTHING, max_size=3),
)


@FEW
@given(request=_REQUESTS)
def test_a_request_is_read_or_refused(request: dict[str, Any]) -> None:
    body = json.dumps(request).encode()
    if _of_client(lambda: CODEC.parse_envelope(body, max_depth=32)) is None:
        return
    parsed = _of_client(lambda: CODEC.parse_request(body))
    if parsed is None:
        return
    negotiate(parsed, CODEC.support)
    for model in ("m", "gpt-5.4", "mistral-small", "anthropic/claude-haiku-4.5"):
        json.loads(CODEC.render_request(parsed, model=model, stream=True))


@FEW
@given(body=st.binary() | values().map(str.encode))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    _of_client(lambda: CODEC.parse_envelope(body, max_depth=32))
    _of_client(lambda: CODEC.parse_request(body))


@pytest.mark.parametrize("open", [b"[", b'{"a":', b'{"content":['])
@pytest.mark.parametrize(
    "head",
    [
        b'{"model":"m","messages":',
        b'{"model":"m","messages":[{"role":"user","content":',
        b'{"model":"m","messages":[{"role":"assistant","reasoning_details":',
        b'{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f",'
        b'"arguments":',
        b'{"model":"m","messages":[],"tools":[{"function":{"name":"f","parameters":',
    ],
)
def test_a_body_that_is_nested_deep_is_refused(head: bytes, open: bytes) -> None:
    body = head + open * 50_000
    assert _of_client(lambda: CODEC.parse_envelope(body, max_depth=10**9)) is None
    assert _of_client(lambda: CODEC.parse_request(body)) is None


def _check(events: Iterable[Event]) -> None:
    """What an upstream said can be carried, collected and shown."""
    carried = [decode_event(encode_event(event)) for event in events]
    assert isinstance(carried[0], Started)
    assert isinstance(carried[-1], Finished)
    answer = collect(carried)
    json.loads(render_whole(answer))
    stream = render_stream(carried)
    assert frames_of(stream)[-1] == b"data: [DONE]\n\n"
    collect(parse_stream(stream))


_DELTAS = st.dictionaries(_NAMES, _ANYTHING, max_size=5) | _ANYTHING
_CHOICES = st.fixed_dictionaries(
    {"delta": _DELTAS},
    optional={
        "index": _ANYTHING,
        "finish_reason": _ANYTHING,
        "logprobs": _ANYTHING,
        "message": _ANYTHING,
    },
)
_CHUNKS = st.fixed_dictionaries(
    {"choices": st.lists(_CHOICES, max_size=2) | _ANYTHING},
    optional={
        "id": _SCALARS,
        "model": _SCALARS,
        "usage": st.dictionaries(
            st.sampled_from(["prompt_tokens", "completion_tokens", "prompt_tokens_details"]),
            _ANYTHING,
        ),
        "citations": _ANYTHING,
        "search_results": _ANYTHING,
        "x_groq": _ANYTHING,
    },
)


def _read_stream(chunks: list[dict[str, Any]]) -> list[Event]:
    parser = CODEC.stream_parser("up")
    events: list[Event] = []
    for data in [*map(json.dumps, chunks), "[DONE]"]:
        events += parser.read(data)
    return [*events, *parser.end()]


def _pass_on(chunks: list[dict[str, Any]]) -> list[Event]:
    reader = CODEC.native_reader("up")
    for data in map(json.dumps, chunks):
        frame = f"data: {data}\n\n".encode()
        assert reader.read(frame, data).data == frame
    return list(reader.end())


@FEW
@given(chunks=st.lists(_CHUNKS, max_size=4))
def test_a_stream_is_read_or_is_an_error_of_the_upstream(chunks: list[dict[str, Any]]) -> None:
    events = _unless_refused(lambda: _read_stream(chunks))
    if events is not None:
        _check(events)


@FEW
@given(chunks=st.lists(_CHUNKS, max_size=4))
def test_a_native_stream_is_passed_on_or_is_an_error(chunks: list[dict[str, Any]]) -> None:
    _unless_refused(lambda: _pass_on(chunks))


@FEW
@given(message=_DELTAS, fields=st.dictionaries(st.just("logprobs"), _ANYTHING), more=_CHUNKS)
def test_a_whole_answer_is_read_or_is_an_error_of_the_upstream(
    message: object, fields: dict[str, Any], more: dict[str, Any]
) -> None:
    choice = {**fields, "message": message, "finish_reason": "stop"}
    body = json.dumps({**more, "choices": [choice]}).encode()
    events = _unless_refused(lambda: list(CODEC.parse_answer(body, instance="up")))
    if events is not None:
        _check(events)


@FEW
@given(data=st.text() | values())
def test_any_frame_is_read_or_is_an_error_of_the_upstream(data: str) -> None:
    _unless_refused(lambda: list(CODEC.stream_parser("up").read(data)))


@FEW
@given(body=st.binary() | values().map(str.encode))
def test_any_answer_is_read_or_is_an_error_of_the_upstream(body: bytes) -> None:
    _unless_refused(lambda: list(CODEC.parse_answer(body, instance="up")))
    _unless_refused(lambda: list(CODEC.parse_native(body, instance="up")))
