"""No JSON breaks a reader: it is read, or it is refused in the reader's own words."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.canonical.collect import collect
from gateway.canonical.errors import Failure, GatewayError, UpstreamError
from gateway.wire.anthropic_messages.codec import CODEC
from gateway.wire.anthropic_messages.render_request import render_count_request
from tests.unit.gateway.wire.anthropic_messages.exchanges import REPLY

T = TypeVar("T")

BUDGET = settings(max_examples=80, deadline=None)
DEEP = 5_000

_WORDS = [
    *("type", "text", "thinking", "signature", "redacted_thinking", "data", "tool_use", "id"),
    *("name", "input", "tool_result", "tool_use_id", "content", "image", "document", "source"),
    *("base64", "url", "file", "file_id", "media_type", "cache_control", "ttl", "citations"),
    *("role", "user", "assistant", "system", "index", "delta", "content_block", "message"),
    *("usage", "error", "stop_reason", "partial_json", "message_start", "content_block_start"),
    *("content_block_delta", "content_block_stop", "message_delta", "message_stop", "ping"),
    *("server_tool_use", "input_tokens", "output_tokens", "end_turn", "custom", "any", "tool"),
    *("enabled", "adaptive", "disabled", "budget_tokens", "effort", "format", "json_schema"),
    *("schema", "disable_parallel_tool_use", "explanation", "stop_details", "citation", "tools"),
]
_words = st.sampled_from(_WORDS) | st.text(max_size=4)
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _words
_json = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=5),
    max_leaves=12,
)


def _one_of(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that have these members, each of its kind or of any."""
    return st.fixed_dictionaries({}, optional={k: v | _json for k, v in members.items()})


_blocks = st.deferred(
    lambda: _one_of(
        type=st.sampled_from(
            ["text", "thinking", "redacted_thinking", "tool_use", "tool_result", "image"]
        ),
        text=st.text(max_size=3),
        thinking=st.text(max_size=3),
        signature=st.text(max_size=3),
        data=st.text(max_size=3),
        id=st.text(max_size=3),
        name=st.text(max_size=3),
        input=st.dictionaries(st.text(max_size=2), _scalars, max_size=2),
        tool_use_id=st.text(max_size=3),
        content=st.lists(_json, max_size=2),
        source=_one_of(type=st.sampled_from(["base64", "url"]), url=st.text(max_size=3)),
        cache_control=st.just({"type": "ephemeral"}),
    )
)
_requests = st.fixed_dictionaries(
    {
        "model": st.just("m"),
        "messages": st.lists(
            _one_of(
                role=st.sampled_from(["user", "assistant", "system"]),
                content=st.text(max_size=3) | st.lists(_blocks, max_size=3),
            )
            | _json,
            max_size=3,
        )
        | _json,
    },
    optional={
        name: _json
        for name in (
            *("system", "tools", "tool_choice", "thinking", "output_config", "output_format"),
            *("metadata", "stop_sequences", "max_tokens", "stream", "container"),
        )
    },
)
_frames = _one_of(
    type=st.sampled_from(
        [
            *("message_start", "content_block_start", "content_block_delta", "error"),
            *("content_block_stop", "message_delta", "message_stop"),
        ]
    ),
    index=st.integers(0, 2),
    content_block=_blocks,
    delta=_one_of(
        text=st.text(max_size=3),
        thinking=st.text(max_size=3),
        partial_json=st.text(max_size=3),
        signature=st.text(max_size=3),
        stop_reason=_words,
        citation=_json,
    ),
    message=_one_of(id=_words, model=_words, content=st.just([]), usage=_json),
    usage=_json,
)


def _read_all(reader: Any, frames: Iterable[str]) -> list[Any]:
    events: list[Any] = []
    for data in frames:
        events += reader.read(data)
    return [*events, *reader.end()]


def _attempt(read: Callable[[], T]) -> tuple[T | None, Failure | None]:
    """What a reader gives, or how it refuses; anything else that it raises is a fault."""
    try:
        return read(), None
    except (GatewayError, UpstreamError) as error:
        return None, error.failure


@BUDGET
@given(_requests | _json)
def test_a_request_is_read_or_refused(wire: Any) -> None:
    body = json.dumps(wire).encode()
    _, failure = _attempt(lambda: CODEC.parse_envelope(body, max_depth=64))
    request, refusal = _attempt(lambda: CODEC.parse_request(body))
    assert {f.status for f in (failure, refusal) if f} <= {400}
    for model in ("claude-sonnet-4-5", "claude-opus-5"):
        if request:
            json.loads(CODEC.render_request(request, model=model, stream=True))
            json.loads(render_count_request(request, model=model))


@BUDGET
@given(_one_of(content=st.lists(_blocks, max_size=3), usage=_json, stop_reason=_words) | _json)
def test_an_answer_is_read_or_an_upstream_error(wire: Any) -> None:
    body = json.dumps(wire).encode()
    events, failure = _attempt(lambda: list(CODEC.parse_answer(body, instance="up")))
    native, same = _attempt(lambda: list(CODEC.parse_native(body, instance="up")))
    assert (failure, events is None) == (same, native is None)
    if events:
        json.loads(CODEC.render_response(collect(events), REPLY))
        CODEC.renderer(REPLY).render(events)


@BUDGET
@given(st.lists((_frames | _json).map(json.dumps) | st.text(max_size=5), max_size=8))
def test_a_stream_is_read_or_an_upstream_error(frames: list[str]) -> None:
    events, _ = _attempt(lambda: _read_all(CODEC.stream_parser("up"), frames))
    if events:
        collect(events)
        CODEC.renderer(REPLY).render(events)


@BUDGET
@given((_frames | _json).map(json.dumps) | st.text(max_size=5))
def test_a_native_frame_is_read_or_an_upstream_error(data: str) -> None:
    frame = f"data: {data}\n\n".encode()
    read, failure = _attempt(lambda: CODEC.native_reader("up").read(frame, data))
    assert failure or (read and read.data == frame)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b'{"model":"m","messages":[{"role":"user","content":' + b"[" * DEEP,
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"x":'
        + b"[" * DEEP
        + b"]" * DEEP
        + b"}",
        b"\xff",
        b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
    ],
)
@pytest.mark.parametrize(
    "read",
    [
        lambda body: CODEC.parse_envelope(body, max_depth=64),
        lambda body: CODEC.parse_envelope(body, max_depth=10**9),
        CODEC.parse_request,
        lambda body: list(CODEC.parse_answer(body, instance="up")),
        lambda body: list(CODEC.parse_native(body, instance="up")),
        lambda body: CODEC.stream_parser("up").read(body.decode(errors="replace")),
        lambda body: CODEC.native_reader("up").read(b"x\n\n", body.decode(errors="replace")),
    ],
)
def test_depth_and_broken_text_break_nothing(body: bytes, read: Callable[[bytes], object]) -> None:
    _, failure = _attempt(lambda: read(body))
    assert failure is None or failure.status in (400, 502)
