"""What an upstream says in anger reaches the client in its dialect, without the upstream's key."""

from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors as google

from gateway.canonical.request import Dialect
from tests.support import answers
from tests.support.fake_upstream import Answer, FakeUpstream, by_path
from tests.support.gateway import Gateway
from tests.support.speakers import ANTHROPIC, CHAT, SPEAKERS, Speaker, error_of

CUT = "local-stub:cut-mid-stream"
BROKEN = {
    Dialect.OPENAI_CHAT: openai.APIError,
    Dialect.OPENAI_RESPONSES: openai.APIError,
    Dialect.ANTHROPIC_MESSAGES: anthropic.APIStatusError,
    Dialect.GEMINI: google.APIError,
}

every_way = pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
every_wire = pytest.mark.parametrize("wire", SPEAKERS.values(), ids=SPEAKERS)


def ask(gateway: Gateway, speaker: Speaker, model: str, *, stream: bool = False) -> Any:
    """Ask as a client of a dialect and read the whole answer."""
    path = speaker.path(model, stream)
    return gateway.client.send("POST", path, speaker.body(model, stream=stream))


@every_wire
@every_way
@pytest.mark.parametrize(
    ("status", "told"),
    [(400, 400), (403, 403), (404, 404), (413, 413), (422, 422), (500, 502), (503, 502)],
)
def test_a_refusal_before_output_has_its_status_and_the_clients_shape(
    polyglot: Gateway,
    upstream: FakeUpstream,
    speaker: Speaker,
    wire: Speaker,
    streams: bool,
    status: int,
    told: int,
) -> None:
    upstream.script = lambda _: wire.refusal(status)
    reply = ask(polyglot, speaker, f"{wire.instance}:m", stream=streams)
    assert reply.status == told
    _, message = error_of(speaker.dialect, reply.json)
    assert told == 502 or "no luck" in message


@every_way
def test_a_failed_call_is_named(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker, streams: bool
) -> None:
    upstream.script = lambda _: speaker.refusal(400)
    reply = ask(polyglot, speaker, f"{speaker.instance}:m", stream=streams)
    assert reply.headers["X-Queueway-Call-Id"].startswith(f"{polyglot.prefix}-")


def test_a_refusal_of_the_clients_dialect_is_told_byte_for_byte(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker
) -> None:
    answer = speaker.refusal(400)
    upstream.script = lambda _: answer
    assert [ask(polyglot, speaker, f"{speaker.instance}:m").body] == list(answer.body)


def test_an_upstream_that_refuses_its_key_is_a_502(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker
) -> None:
    upstream.script = lambda _: speaker.refusal(401)
    reply = ask(polyglot, speaker, f"{speaker.instance}:m")
    assert reply.status == 502
    error_of(speaker.dialect, reply.json)


@every_wire
def test_a_key_that_rests_is_a_429_that_says_for_how_long(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker, wire: Speaker
) -> None:
    upstream.script = lambda _: wire.refusal(429, headers=[("Retry-After", "41")])
    reply = ask(polyglot, speaker, f"{wire.instance}:m")
    assert reply.status == 429
    assert 39 <= int(reply.headers["Retry-After"]) <= 41
    error_of(speaker.dialect, reply.json)


@every_wire
@every_way
@pytest.mark.parametrize("status", [400, 404])
def test_a_key_in_an_upstreams_error_is_not_told(
    polyglot: Gateway,
    upstream: FakeUpstream,
    speaker: Speaker,
    wire: Speaker,
    streams: bool,
    status: int,
) -> None:
    upstream.script = lambda _: wire.refusal(status, f"your key {wire.key} may not do this")
    reply = ask(polyglot, speaker, f"{wire.instance}:m", stream=streams)
    assert reply.status == status
    assert "may not do this" in error_of(speaker.dialect, reply.json)[1]
    assert wire.key.encode() not in reply.body


@every_wire
def test_a_key_in_an_error_inside_a_stream_is_not_told(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker, wire: Speaker
) -> None:
    error = {"type": "error", **wire.error(400, f"{wire.key} may not do this")}
    upstream.script = lambda _: wire.stream_of(
        *wire.preamble, wire.said("half"), answers.frame(error)
    )
    reply = ask(polyglot, speaker, f"{wire.instance}:m", stream=True)
    assert reply.status == 200
    assert b"may not do this" in reply.body
    assert wire.key.encode() not in reply.body


def test_a_key_is_sent_in_its_header_and_nowhere_else(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker
) -> None:
    upstream.script = lambda _: speaker.whole()
    ask(polyglot, speaker, f"{speaker.instance}:m")
    (request,) = upstream.requests
    name, prefix = speaker.key_header
    assert request.header(name) == prefix + speaker.key
    elsewhere = [value for header, value in request.headers if header.lower() != name.lower()]
    assert speaker.key not in f"{request.path} {elsewhere} {request.body!r}"


def read(gateway: Gateway, speaker: Speaker, model: str) -> str:
    """Stream an answer through the dialect's own SDK and return its text."""
    root = f"http://127.0.0.1:{gateway.port}"
    question: Any = speaker.question
    match speaker.dialect:
        case Dialect.OPENAI_CHAT:
            with openai.OpenAI(base_url=gateway.url, api_key="any", max_retries=0) as client:
                chunks = client.chat.completions.create(model=model, stream=True, **question)
                return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        case Dialect.OPENAI_RESPONSES:
            with openai.OpenAI(base_url=gateway.url, api_key="any", max_retries=0) as client:
                events = client.responses.create(model=model, stream=True, **question)
                kind = "response.output_text.delta"
                return "".join(event.delta for event in events if event.type == kind)
        case Dialect.ANTHROPIC_MESSAGES:
            with (
                anthropic.Anthropic(base_url=root, api_key="any", max_retries=0) as client,
                client.messages.stream(model=model, **question) as stream,
            ):
                return "".join(stream.text_stream)
        case Dialect.GEMINI:
            with genai.Client(api_key="any", http_options={"base_url": root}) as client:
                chunks = client.models.generate_content_stream(model=model, **question)
                return "".join(chunk.text or "" for chunk in chunks)


def test_the_sdk_reads_a_good_stream(polyglot: Gateway, speaker: Speaker) -> None:
    assert read(polyglot, speaker, "local-stub:long-stream-3").split() == ["0", "1", "2"]


def test_the_sdk_raises_when_a_translated_stream_breaks(
    polyglot: Gateway, speaker: Speaker
) -> None:
    with pytest.raises(BROKEN[speaker.dialect]):
        read(polyglot, speaker, CUT)


@every_wire
def test_the_sdk_raises_when_an_upstream_stops_talking(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker, wire: Speaker
) -> None:
    upstream.script = lambda _: wire.stream_of(*wire.preamble, wire.said("half"))
    with pytest.raises(BROKEN[speaker.dialect]):
        read(polyglot, speaker, f"{wire.instance}:m")


@every_wire
def test_the_sdk_raises_when_an_upstreams_connection_breaks(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker, wire: Speaker
) -> None:
    frames = (*wire.preamble, wire.said("half"), *wire.ending)
    cut_at = sum(map(len, frames[: len(wire.preamble) + 1])) + 3
    upstream.script = lambda _: answers.events(frames, cut_at=cut_at)
    with pytest.raises(BROKEN[speaker.dialect]):
        read(polyglot, speaker, f"{wire.instance}:m")


def test_a_broken_array_ends_with_the_error_and_is_still_json(polyglot: Gateway) -> None:
    speaker = SPEAKERS[Dialect.GEMINI]
    path = f"/v1beta/models/{CUT}:streamGenerateContent"
    reply = polyglot.client.send("POST", path, speaker.body(""))
    *chunks, last = reply.json
    assert "".join(map(speaker.piece, chunks))
    error_of(Dialect.GEMINI, last)


@every_wire
def test_what_is_no_answer_is_a_502(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker, wire: Speaker
) -> None:
    page = Answer(headers=(("Content-Type", "text/html"),), body=(b"<html>hello</html>",))
    upstream.script = lambda _: page
    reply = ask(polyglot, speaker, f"{wire.instance}:m")
    assert reply.status == 502
    error_of(speaker.dialect, reply.json)


def test_after_a_failure_the_next_candidate_of_another_dialect_answers(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker
) -> None:
    other = ANTHROPIC if speaker is CHAT else CHAT
    upstream.script = by_path(
        {speaker.instance: speaker.refusal(500), other.instance: other.whole("noon")}
    )
    reply = ask(polyglot, speaker, f"{speaker.instance}:m|{other.instance}:m")
    assert speaker.text(reply.json) == "noon"
