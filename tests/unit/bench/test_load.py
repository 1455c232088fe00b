"""The load client counts an answer as good only when it is whole in its own dialect.

The answers that it has to take are the gateway's own, rendered by the codecs.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.bodies import Dialect
from bench.programs import Endpoint, LoadPlan, LoadResult, build, run_load
from gateway.canonical.collect import collect
from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import Event, Failed, Finished, Started, TextDelta, Usage
from gateway.canonical.request import Dialect as Served
from gateway.wire.codec import Reply
from gateway.wire.codecs import CODECS
from tests.support.fake_upstream import Answer, FakeUpstream

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")

SERVED = {
    Dialect.CHAT: Served.OPENAI_CHAT,
    Dialect.MESSAGES: Served.ANTHROPIC_MESSAGES,
    Dialect.RESPONSES: Served.OPENAI_RESPONSES,
    Dialect.GEMINI: Served.GEMINI,
}
ENVELOPES = {
    Dialect.CHAT: b'{"model":"m","messages":[{"role":"user","content":"x"}]}',
    Dialect.MESSAGES: b'{"model":"m","messages":[{"role":"user","content":"x"}]}',
    Dialect.RESPONSES: b'{"model":"m","input":"x"}',
    Dialect.GEMINI: b'{"contents":[{"parts":[{"text":"x"}]}]}',
}
BROKEN = Failed(Failure(kind=Kind.UPSTREAM, message="it broke off", status=502))


@pytest.fixture(scope="module")
def server() -> Iterator[FakeUpstream]:
    build()
    fake = FakeUpstream()
    yield fake
    fake.close()


def _said(*texts: str) -> list[Event]:
    return [Started("m"), *map(TextDelta, texts)]


def _whole(*texts: str) -> list[Event]:
    return [*_said(*texts), Usage(1, 2), Finished("stop")]


def _reply(dialect: Dialect) -> Reply:
    envelope = CODECS[SERVED[dialect]].parse_envelope(ENVELOPES[dialect], max_depth=9)
    return Reply(id="a1", created=1, model="m", envelope=envelope)


def _streamed(dialect: Dialect, events: list[Event]) -> Answer:
    body = CODECS[SERVED[dialect]].renderer(_reply(dialect)).render(events)
    headers = (("Content-Type", "text/event-stream"),)
    return Answer(headers=headers, body=(body,), framing="chunked")


def _load(
    server: FakeUpstream, answer: Answer, folder: Path, *, dialect: Dialect, stream: bool
) -> LoadResult:
    server.script = lambda _: answer
    plan = LoadPlan("bench-d0", stream, requests=1, timeout_s=20, dialect=dialect)
    return run_load(Endpoint(f"127.0.0.1:{server.port}"), plan, folder=folder)


@pytest.mark.parametrize("dialect", Dialect)
def test_a_whole_answer_is_good(server: FakeUpstream, tmp_path: Path, dialect: Dialect) -> None:
    body = CODECS[SERVED[dialect]].render_response(collect(_whole("word")), _reply(dialect))
    result = _load(server, Answer(body=(body,)), tmp_path, dialect=dialect, stream=False)
    assert (result.completed, result.errors) == (1, {})


@pytest.mark.parametrize("dialect", Dialect)
def test_an_answer_without_text_is_not(
    server: FakeUpstream, tmp_path: Path, dialect: Dialect
) -> None:
    body = CODECS[SERVED[dialect]].render_response(collect(_whole()), _reply(dialect))
    result = _load(server, Answer(body=(body,)), tmp_path, dialect=dialect, stream=False)
    assert result.errors == {"protocol": 1}


def test_a_refused_call_is_told_with_its_status(server: FakeUpstream, tmp_path: Path) -> None:
    answer = Answer(status=503, body=(b"{}",))
    result = _load(server, answer, tmp_path, dialect=Dialect.CHAT, stream=False)
    assert result.errors == {"status 503": 1}


@pytest.mark.parametrize("dialect", Dialect)
def test_a_stream_with_its_end_is_good(
    server: FakeUpstream, tmp_path: Path, dialect: Dialect
) -> None:
    answer = _streamed(dialect, _whole("word"))
    result = _load(server, answer, tmp_path, dialect=dialect, stream=True)
    assert (result.completed, result.errors) == (1, {})


@pytest.mark.parametrize("dialect", Dialect)
def test_a_stream_without_its_end_is_truncated(
    server: FakeUpstream, tmp_path: Path, dialect: Dialect
) -> None:
    answer = _streamed(dialect, _said("word"))
    result = _load(server, answer, tmp_path, dialect=dialect, stream=True)
    assert result.errors == {"truncated": 1}


@pytest.mark.parametrize("dialect", Dialect)
def test_an_error_in_a_stream_is_told(
    server: FakeUpstream, tmp_path: Path, dialect: Dialect
) -> None:
    answer = _streamed(dialect, [*_said("word"), BROKEN])
    result = _load(server, answer, tmp_path, dialect=dialect, stream=True)
    assert result.errors == {"error_event": 1}


@pytest.mark.parametrize("dialect", Dialect)
def test_every_chunk_of_a_stream_is_timed_once(
    server: FakeUpstream, tmp_path: Path, dialect: Dialect
) -> None:
    made_us = time.monotonic_ns() // 1000
    answer = _streamed(dialect, _whole(*(f"t={made_us}; word " for _ in range(3))))
    result = _load(server, answer, tmp_path, dialect=dialect, stream=True)
    assert result.chunk_delay is not None
    assert result.chunk_delay.count == 3


@pytest.mark.parametrize("dialect", Dialect)
def test_the_end_of_another_dialect_is_none(
    server: FakeUpstream, tmp_path: Path, dialect: Dialect
) -> None:
    others = [each for each in Dialect if each is not dialect]
    ends = b"".join(_end(other) for other in others)
    said = CODECS[SERVED[dialect]].renderer(_reply(dialect)).render(_said("word"))
    answer = Answer(body=(said + ends,), framing="chunked")
    result = _load(server, answer, tmp_path, dialect=dialect, stream=True)
    assert result.errors == {"truncated": 1}


def _end(dialect: Dialect) -> bytes:
    """What a stream of one dialect ends with."""
    render = CODECS[SERVED[dialect]].renderer(_reply(dialect)).render
    render(_said("word"))
    return render([Finished("stop")])
