"""A whole backend over a real socket: what its dialect makes of how a connection ends."""

import threading

import pytest

from gateway.canonical.call import Candidate
from gateway.canonical.errors import Kind, UpstreamError
from gateway.canonical.events import Finished, NativeFrame
from gateway.execution.execution import Execution
from tests.contract.open_call import SOON_S
from tests.contract.providers import BODY, KEY, MODEL, make_backend, run
from tests.contract.sockets import CANCELLED, make_execution
from tests.support import answers, fake_upstream
from tests.support.fake_upstream import FakeUpstream

FRAMINGS = ["chunked", "close", "length"]


def streamed(framing: str, *pieces: fake_upstream.Piece) -> fake_upstream.Answer:
    return fake_upstream.Answer(headers=(answers.EVENT_STREAM,), body=pieces, framing=framing)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_stream_that_reached_its_end_is_good(fake: FakeUpstream, framing: str) -> None:
    fake.script = fake_upstream.in_order(streamed(framing, *answers.frames("hello")))
    assert isinstance(run(make_backend("nvidia", base_url=fake.url))[-1], Finished)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_frames_are_the_upstreams_bytes(fake: FakeUpstream, framing: str) -> None:
    frames = [b": hi\n\n", *answers.frames("he", "llo")]
    fake.script = fake_upstream.in_order(streamed(framing, *frames))
    events = run(make_backend("nvidia", base_url=fake.url))
    assert [event.data for event in events if isinstance(event, NativeFrame)] == frames


@pytest.mark.parametrize("framing", FRAMINGS)
def test_stream_that_ends_before_its_end_is_truncated(fake: FakeUpstream, framing: str) -> None:
    """However politely the connection closed."""
    fake.script = fake_upstream.in_order(streamed(framing, answers.PREAMBLE, answers.text("hel")))
    with pytest.raises(UpstreamError) as raised:
        run(make_backend("nvidia", base_url=fake.url))
    assert raised.value.failure.kind == Kind.TRUNCATED


def test_connection_is_used_again_after_a_stream(fake: FakeUpstream) -> None:
    fake.script = fake_upstream.in_order(answers.stream("one"), answers.stream("two"))
    backend = make_backend("nvidia", base_url=fake.url)
    run(backend)
    run(backend)
    assert fake.requests[0].left is fake.requests[1].left


def test_upstream_that_goes_on_behind_its_end_holds_nobody_up(fake: FakeUpstream) -> None:
    more = (b": still here\n\n", threading.Event())
    fake.script = fake_upstream.in_order(streamed("chunked", *answers.frames("hello"), *more))
    run(make_backend("nvidia", base_url=fake.url))
    assert fake.requests[0].left.wait(SOON_S)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_closing_the_iterator_closes_the_connection(fake: FakeUpstream, framing: str) -> None:
    fake.script = fake_upstream.in_order(
        streamed(framing, answers.text("hel"), threading.Event(), b"late")
    )
    backend = make_backend("nvidia", base_url=fake.url)
    execution = Execution(make_execution().call, BODY)
    events = backend.stream(execution, Candidate("acme", MODEL), credential=KEY)
    next(events)
    events.close()
    assert fake.requests[0].left.wait(SOON_S)


def test_cancellation_between_two_events_ends_the_stream(fake: FakeUpstream) -> None:
    fake.script = fake_upstream.in_order(
        streamed("chunked", answers.text("hel"), threading.Event(), b"late")
    )
    execution = Execution(make_execution().call, BODY)
    backend = make_backend("nvidia", base_url=fake.url)
    events = backend.stream(execution, Candidate("acme", MODEL), credential=KEY)
    next(events)
    execution.cancellation.cancel(CANCELLED)
    with pytest.raises(UpstreamError):
        next(events)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(answers.error(400, f"bad key {KEY.secret}"), id="error-body"),
        pytest.param(
            answers.events([answers.frame({"error": {"message": f"bad key {KEY.secret}"}})]),
            id="error-frame",
        ),
    ],
)
def test_key_that_the_upstream_repeats_is_not_told(
    fake: FakeUpstream, answer: fake_upstream.Answer
) -> None:
    fake.script = fake_upstream.in_order(answer)
    with pytest.raises(UpstreamError) as raised:
        run(make_backend("nvidia", base_url=fake.url))
    assert KEY.secret not in f"{raised.value} {raised.value.failure} {raised.value.headers}"


def test_header_beyond_latin_1_reaches_the_upstream(fake: FakeUpstream) -> None:
    """As UTF-8, which is what upstreams take such bytes for."""
    fake.script = fake_upstream.in_order(answers.stream("hello"))
    run(make_backend("openrouter", base_url=fake.url, static_title="日本"))
    title = fake.requests[0].header("X-Title") or ""
    assert title.encode("latin-1").decode() == "日本"
