"""What keeps a client's connection open while its upstream says nothing, in each dialect."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.canonical.request import Dialect
from tests.e2e.dialects.conftest import KEEPALIVE_S
from tests.e2e.dialects.test_upstream_errors import read
from tests.support import answers
from tests.support.fake_upstream import Answer, FakeUpstream
from tests.support.gateway import Gateway
from tests.support.speakers import ANTHROPIC, CHAT, GEMINI, Speaker, error_of

PING = b'event: ping\ndata: {"type": "ping"}\n\n'
MAX_BYTES = 3000
"""More than any of these answers has; what bridges a silence would go on for ever."""


@pytest.fixture(params=["native", "translated"])
def wire(request: pytest.FixtureRequest, speaker: Speaker) -> Speaker:
    """An upstream of the client's dialect, and one of another."""
    other = ANTHROPIC if speaker is CHAT else CHAT
    return speaker if request.param == "native" else other


@pytest.fixture
def resume() -> Iterator[threading.Event]:
    """Lets the upstream go on; set at the latest when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def read_until(response: Any, ends: Callable[[bytes], bool]) -> bytes:
    """Read what comes, byte by byte, until it is enough."""
    got = b""
    while not ends(got):
        byte = response.read(1)
        assert byte, got
        got += byte
        assert len(got) < MAX_BYTES, got
    return got


def test_a_silent_upstream_is_bridged_before_output(
    impatient: Gateway,
    upstream: FakeUpstream,
    resume: threading.Event,
    speaker: Speaker,
    wire: Speaker,
) -> None:
    answer = wire.streamed("noon")
    upstream.script = lambda _: Answer(
        headers=answer.headers, body=answer.body, framing="chunked", hold=resume
    )
    model = f"{wire.instance}:m"
    body = speaker.body(model, stream=True)
    with impatient.client.open("POST", speaker.path(model, True), body) as response:
        assert response.status == 200
        before = read_until(response, lambda got: got.count(speaker.keepalive) == 2)
        resume.set()
        rest = response.read()
    assert before == speaker.keepalive * 2
    assert speaker.texts(rest) == "noon"


def test_a_silent_upstream_is_bridged_after_output(
    impatient: Gateway,
    upstream: FakeUpstream,
    resume: threading.Event,
    speaker: Speaker,
    wire: Speaker,
) -> None:
    upstream.script = lambda _: wire.stream_of(
        *wire.preamble, wire.said("It is "), resume, wire.said("noon."), *wire.ending
    )
    translated = speaker is ANTHROPIC and wire is not ANTHROPIC
    keepalive = PING if translated else speaker.keepalive
    model = f"{wire.instance}:m"
    body = speaker.body(model, stream=True)
    with impatient.client.open("POST", speaker.path(model, True), body) as response:
        before = read_until(response, lambda got: got.endswith(keepalive * 3))
        resume.set()
        rest = response.read()
    assert speaker.texts(before) == "It is "
    assert speaker.texts(rest) == "noon."


def test_the_sdk_passes_over_what_bridges_a_silence(
    impatient: Gateway, upstream: FakeUpstream, speaker: Speaker, wire: Speaker
) -> None:
    silences = [threading.Event(), threading.Event()]
    upstream.script = lambda _: wire.stream_of(
        silences[0],
        *wire.preamble,
        wire.said("It is "),
        silences[1],
        wire.said("noon."),
        *wire.ending,
    )
    timers = [
        threading.Timer(4 * KEEPALIVE_S * n, silence.set) for n, silence in enumerate(silences, 1)
    ]
    for timer in timers:
        timer.start()
    assert read(impatient, speaker, f"{wire.instance}:m") == "It is noon."
    for timer in timers:
        timer.join()


def test_a_silent_array_is_bridged_with_white_space(
    impatient: Gateway, upstream: FakeUpstream, resume: threading.Event
) -> None:
    upstream.script = lambda _: GEMINI.stream_of(
        GEMINI.said("It is "), resume, GEMINI.said("noon."), *GEMINI.ending
    )
    path = "/v1beta/models/google:m:streamGenerateContent"
    with impatient.client.open("POST", path, GEMINI.body("")) as response:
        before = read_until(response, lambda got: got.endswith(b"  "))
        resume.set()
        whole = before + response.read()
    assert "".join(map(GEMINI.piece, json.loads(whole))) == "It is noon."


def test_an_answer_that_is_not_streamed_is_waited_for_with_white_space(
    impatient: Gateway,
    upstream: FakeUpstream,
    resume: threading.Event,
    speaker: Speaker,
    wire: Speaker,
) -> None:
    answer = wire.whole("noon")
    upstream.script = lambda _: Answer(headers=answer.headers, body=answer.body, hold=resume)
    model = f"{wire.instance}:m"
    path = speaker.path(model, False)
    with impatient.client.open("POST", path, speaker.body(model)) as response:
        assert response.status == 200
        before = read_until(response, lambda got: len(got) == 2)
        resume.set()
        rest = response.read()
    assert before == b"  "
    assert speaker.text(json.loads(rest)) == "noon"


def test_a_failure_after_white_space_is_in_the_body(
    impatient: Gateway, upstream: FakeUpstream, resume: threading.Event, speaker: Speaker
) -> None:
    refusal = speaker.refusal(400)
    upstream.script = lambda _: Answer(400, refusal.headers, refusal.body, hold=resume)
    model = f"{speaker.instance}:m"
    path = speaker.path(model, False)
    with impatient.client.open("POST", path, speaker.body(model)) as response:
        assert response.status == 200
        response.read(1)
        resume.set()
        rest = response.read()
    assert "no luck" in error_of(speaker.dialect, json.loads(rest))[1]


def test_a_failure_after_a_bridged_silence_is_the_last_frame(
    impatient: Gateway, upstream: FakeUpstream, resume: threading.Event, speaker: Speaker
) -> None:
    refusal = speaker.refusal(400)
    upstream.script = lambda _: Answer(400, refusal.headers, refusal.body, hold=resume)
    model = f"{speaker.instance}:m"
    body = speaker.body(model, stream=True)
    with impatient.client.open("POST", speaker.path(model, True), body) as response:
        assert response.status == 200
        read_until(response, lambda got: got.endswith(speaker.keepalive))
        resume.set()
        rest = response.read()
    assert b"no luck" in rest
    assert answers.DONE not in rest
    assert speaker.dialect is Dialect.GEMINI or rest.endswith(b"\n\n")


@pytest.mark.parametrize("model", ["claude:m", "google:m"])
def test_a_count_is_waited_for_with_white_space(
    impatient: Gateway, upstream: FakeUpstream, resume: threading.Event, model: str
) -> None:
    count = b'{"input_tokens": 41, "totalTokens": 41}'
    upstream.script = lambda _: Answer(headers=(answers.JSON,), body=(count,), hold=resume)
    path, body = "/v1/messages/count_tokens", ANTHROPIC.body(model)
    with impatient.client.open("POST", path, body) as response:
        response.read(1)
        resume.set()
        rest = response.read()
    assert json.loads(rest)["input_tokens"] == 41
