"""Before output the next candidate answers; after output nobody does."""

import json
import time
from collections.abc import Mapping

import pytest

from tests.e2e.conftest import SHORT_S
from tests.support import answers
from tests.support.client import Reply, data_frames
from tests.support.fake_upstream import Answer, FakeUpstream, by_path
from tests.support.gateway import Gateway

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def good(stream: bool) -> Answer:
    return answers.stream("from b") if stream else answers.whole("from b")


def text_of(reply: Reply) -> str:
    """The text of an answer, streamed or not."""
    if not reply.headers["Content-Type"].startswith("text/event-stream"):
        return str(reply.json["choices"][0]["message"]["content"])
    chunks = [json.loads(frame) for frame in data_frames(reply.body) if frame != "[DONE]"]
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)


def asked(upstream: FakeUpstream) -> list[str]:
    """The instances that were asked, in order."""
    return [request.path.split("/")[1] for request in upstream.requests]


def route(way: str, selector: str) -> Mapping[str, str]:
    return {} if way == "model" else {way: selector}


@pytest.mark.parametrize("way", ["model", "X-Queueway-Route", "X-LIP-Route"])
@BOTH
def test_the_second_candidate_answers_when_the_first_is_broken(
    gateway: Gateway, upstream: FakeUpstream, way: str, stream: bool
) -> None:
    upstream.script = by_path({"a": answers.error(500), "b": good(stream)})
    selector = "a:first|b:second"
    model = selector if way == "model" else "ignored"
    reply = gateway.chat(model, headers=route(way, selector), stream=stream)
    assert (reply.status, text_of(reply)) == (200, "from b")
    assert [request.json["model"] for request in upstream.requests] == ["first", "second"]


FAILURES_BEFORE_OUTPUT = {
    "408": answers.error(408),
    "500": answers.error(500),
    "503-html": Answer(503, [("Content-Type", "text/html")], [b"<html>busy</html>"]),
    "599-empty": Answer(599),
    "redirect": Answer(307, [("Location", "http://127.0.0.1:1/")]),
    "closed-before-the-status": Answer(cut_at=-1),
    "closed-before-the-body": Answer(cut_at=0, body=[b"x"]),
    "not-json": Answer(body=[b"<html>hello</html>"]),
    "json-list": Answer(headers=[answers.JSON], body=[b"[]"]),
    "error-with-200": Answer(headers=[answers.JSON], body=[b'{"error":{"message":"busy"}}']),
}


@pytest.mark.parametrize(
    "failure", FAILURES_BEFORE_OUTPUT.values(), ids=FAILURES_BEFORE_OUTPUT.keys()
)
@BOTH
def test_a_failure_before_output_is_followed_by_the_next_candidate(
    gateway: Gateway, upstream: FakeUpstream, failure: Answer, stream: bool
) -> None:
    upstream.script = by_path({"a": failure, "b": good(stream)})
    reply = gateway.chat("a:m|b:m", stream=stream)
    assert (reply.status, text_of(reply)) == (200, "from b")
    assert asked(upstream) == ["a", "b"]


BODY = answers.body()

CUT_BODIES = {
    "content-length": Answer(body=[BODY], cut_at=20),
    "chunked": Answer(body=[BODY], framing="chunked", cut_at=20),
    "close-delimited": Answer(body=[BODY], framing="close", cut_at=20),
    "empty": Answer(),
}


@pytest.mark.parametrize("cut", CUT_BODIES.values(), ids=CUT_BODIES.keys())
def test_a_whole_answer_that_is_cut_is_followed_by_the_next_candidate(
    gateway: Gateway, upstream: FakeUpstream, cut: Answer
) -> None:
    upstream.script = by_path({"a": cut, "b": answers.whole("from b")})
    reply = gateway.chat("a:m|b:m")
    assert (reply.status, text_of(reply)) == (200, "from b")


EMPTY_STREAMS = {
    "nothing": [],
    "comment": [b": hello\n\n"],
    "preamble": [answers.PREAMBLE],
    "half-a-frame": [answers.PREAMBLE, answers.text("x")[:40]],
    "error-frame": [answers.PREAMBLE, answers.frame({"error": {"message": "x", "code": 500}})],
    "error-frame-400": [answers.frame({"error": {"message": "x", "code": 400}})],
    "bare-error": [answers.frame({"error": "overloaded"})],
    "garbage-frame": [answers.PREAMBLE, b"data: hello\n\n"],
}


@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
@pytest.mark.parametrize("pieces", EMPTY_STREAMS.values(), ids=EMPTY_STREAMS.keys())
def test_a_stream_that_ends_before_output_is_followed_by_the_next_candidate(
    gateway: Gateway, upstream: FakeUpstream, pieces: list[bytes], framing: str
) -> None:
    ended = Answer(headers=[answers.EVENT_STREAM], body=pieces, framing=framing)
    upstream.script = by_path({"a": ended, "b": answers.stream("from b")})
    reply = gateway.chat("a:m|b:m", stream=True)
    assert (reply.status, text_of(reply)) == (200, "from b")


def test_an_upstream_that_does_not_stream_is_left_for_the_next_candidate(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = by_path({"a": answers.whole("from a"), "b": answers.stream("from b")})
    assert text_of(gateway.chat("a:m|b:m", stream=True)) == "from b"


@pytest.mark.parametrize(("code", "status"), [(400, 400), (503, 502), ("busy", 502)])
@BOTH
def test_an_error_in_an_answer_of_status_200_has_a_real_status(
    gateway: Gateway, upstream: FakeUpstream, code: int | str, status: int, stream: bool
) -> None:
    wire = {"error": {"message": "busy", "code": code}}
    answer = Answer(headers=[answers.JSON], body=[json.dumps(wire).encode()])
    upstream.script = by_path({"a": answer})
    assert gateway.chat("a:m", stream=stream).status == status


def test_the_client_sees_the_preamble_of_the_answering_candidate_alone(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    frames = answers.frames("from b")
    broken = answers.events([b": a is here\n\n", answers.PREAMBLE.replace(b"u-1", b"a-1")])
    upstream.script = by_path({"a": broken, "b": answers.events(frames)})
    assert gateway.chat("a:m|b:m", stream=True).body == b"".join(frames)


@BOTH
def test_a_refused_connection_is_followed_by_the_next_candidate(
    gateway: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.script = by_path({"b": good(stream)})
    reply = gateway.chat("gone:m|b:m", stream=stream)
    assert (reply.status, text_of(reply)) == (200, "from b")


@BOTH
def test_an_upstream_that_says_nothing_in_time_is_left_for_the_next_candidate(
    gateway: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.script = by_path({"hasty": answers.never(), "b": good(stream)})
    begun = time.monotonic()
    reply = gateway.chat("hasty:m|b:m", stream=stream)
    assert time.monotonic() - begun >= SHORT_S
    assert (reply.status, text_of(reply)) == (200, "from b")
    assert upstream.requests[0].left.wait(5), "the connection of the slow upstream stayed open"


def test_a_stream_that_falls_silent_before_output_is_left_for_the_next_candidate(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    silent = answers.events([answers.PREAMBLE, answers.never().hold])
    upstream.script = by_path({"hasty": silent, "b": answers.stream("from b")})
    assert text_of(gateway.chat("hasty:m|b:m", stream=True)) == "from b"


@BOTH
def test_a_rate_limited_candidate_is_followed_by_the_next(
    gateway: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.script = by_path({"a": answers.rate_limited("30"), "b": good(stream)})
    reply = gateway.chat("a:m|b:m", stream=stream)
    assert (reply.status, text_of(reply)) == (200, "from b")
    assert asked(upstream) == ["a", "a", "b"]


@pytest.mark.parametrize("status", [400, 402, 403, 404, 409, 413, 422])
@BOTH
def test_a_refusal_of_the_request_surfaces_at_once(
    gateway: Gateway, upstream: FakeUpstream, status: int, stream: bool
) -> None:
    upstream.script = by_path({"a": answers.error(status, "scripted")})
    reply = gateway.chat("a:m|b:m", stream=stream)
    assert (reply.status, reply.error["message"]) == (status, "scripted")
    assert asked(upstream) == ["a"]


BROKEN_AFTER_OUTPUT = {
    "cut": (b"", "stream_truncated"),
    "garbage": (b"data: hello\n\n", "upstream_error"),
}


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize(
    ("last", "code"), BROKEN_AFTER_OUTPUT.values(), ids=BROKEN_AFTER_OUTPUT.keys()
)
def test_a_failure_after_output_ends_the_stream_with_one_error_and_asks_nobody_else(
    gateway: Gateway, upstream: FakeUpstream, last: bytes, code: str, framing: str
) -> None:
    said = [answers.PREAMBLE, answers.text("from a")]
    broken = Answer(headers=[answers.EVENT_STREAM], body=[*said, last], framing=framing)
    upstream.script = by_path({"a": broken})
    reply = gateway.chat("a:m|b:m", stream=True)
    assert reply.status == 200
    assert reply.body.startswith(b"".join(said))
    (error,) = data_frames(reply.body[len(b"".join(said)) :])
    assert json.loads(error)["error"]["code"] == code
    assert asked(upstream) == ["a"]


def test_a_broken_connection_after_output_ends_the_stream_with_one_error(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    said = b"".join([answers.PREAMBLE, answers.text("from a")])
    upstream.script = by_path({"a": answers.events([said, b"data: ..."], cut_at=len(said) + 3)})
    reply = gateway.chat("a:m|b:m", stream=True)
    assert reply.body.startswith(said)
    assert len(data_frames(reply.body[len(said) :])) == 1
    assert "[DONE]" not in data_frames(reply.body)
    assert asked(upstream) == ["a"]


def test_a_stream_that_falls_silent_after_output_ends_with_one_error(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    silent = answers.events([answers.PREAMBLE, answers.text("x"), answers.never().hold])
    upstream.script = by_path({"hasty": silent})
    frames = data_frames(gateway.chat("hasty:m|b:m", stream=True).body)
    assert json.loads(frames[-1])["error"]["code"] == "upstream_timeout"
    assert asked(upstream) == ["hasty"]


def test_a_finish_before_the_connection_breaks_is_a_good_end(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    whole = [answers.PREAMBLE, answers.text("all"), answers.FINISH]
    upstream.script = by_path({"a": Answer(200, [answers.EVENT_STREAM], whole, "close")})
    assert gateway.chat("a:m|b:m", stream=True).body == b"".join(whole)


@BOTH
def test_when_nobody_answers_the_client_hears_of_every_candidate(
    gateway: Gateway, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.script = by_path({"a": answers.error(500), "b": answers.error(503)})
    reply = gateway.chat("a:x|gone:y|b:z", stream=stream)
    assert reply.status == 502
    assert all(tried in reply.error["message"] for tried in ("a:x", "gone:y", "b:z"))
    assert reply.headers["X-Queueway-Call-Id"].startswith(gateway.prefix)


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [("gone:m", 502, "upstream_error"), ("hasty:m", 504, "upstream_timeout")],
)
@BOTH
def test_an_upstream_that_cannot_be_reached_is_said_to_be_so(
    gateway: Gateway, upstream: FakeUpstream, model: str, status: int, code: str, stream: bool
) -> None:
    upstream.script = by_path({"hasty": answers.never()})
    reply = gateway.chat(model, stream=stream)
    assert (reply.status, reply.error["code"]) == (status, code)


def test_no_more_candidates_are_tried_than_are_allowed(
    gateway: Gateway, upstream: FakeUpstream
) -> None:
    upstream.script = lambda request: answers.error(500)
    assert gateway.chat("a:1|b:2|a:3|b:4").status == 502
    assert [request.json["model"] for request in upstream.requests] == ["1", "2", "3"]


def test_unknown_arms_are_passed_over(gateway: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = by_path({"b": answers.whole("from b")})
    assert text_of(gateway.chat("nope:m|b:m")) == "from b"
