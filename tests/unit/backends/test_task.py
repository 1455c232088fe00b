"""What one attempt sends, and how it reads the answer."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from backends.task import Task, estimate, make_task, unsupported
from backends.wires import WIRES
from gateway.canonical.call import Call
from gateway.canonical.errors import Kind, Next, UpstreamError
from gateway.canonical.events import (
    Dropped,
    Event,
    Finished,
    NativeBody,
    NativeFrame,
    TextDelta,
    Usage,
)
from gateway.canonical.request import Dialect, Operation
from tests.support import answers

CHAT, RESPONSES, MESSAGES, GEMINI = Dialect
ASKED = b'{ "model":"x", "messages":[{"role":"user","content":"hi"}], "max_tokens" : 5 }'


@dataclass(frozen=True)
class Frame:
    """One frame, and what it says."""

    frame: bytes
    data: str | None


@dataclass
class Came:
    """An answer that came, whole or as frames."""

    whole: bytes = b""
    frames: Sequence[bytes] = ()
    finished: bool = field(default=False)

    @property
    def is_json(self) -> bool:
        return not self.frames

    def body(self) -> bytes:
        return self.whole

    def events(self) -> Iterator[Frame]:
        for frame in self.frames:
            text = frame.decode().strip()
            yield Frame(frame, text.removeprefix("data: ") if text.startswith("data:") else None)

    def finish(self) -> None:
        self.finished = True


def call(dialect: Dialect = CHAT, **fields: Any) -> Call:
    """A call of a client of a dialect."""
    return Call(
        id="t-1",
        owner="",
        dialect=dialect,
        model="up:m",
        candidates=(),
        deadline_at=0.0,
        **{"stream": False, **fields},
    )


def task(
    asked: Call, wire: Dialect = CHAT, *, body: bytes = ASKED, members: Mapping[str, Any] = {}
) -> Task:
    """What is sent to an upstream of a dialect."""
    made = replace(WIRES[wire], members=members)
    return make_task(asked, body, wire=made, model="m", instance="up")


def raised(asked: Call, wire: Dialect, body: bytes) -> UpstreamError:
    """The error for what cannot be sent."""
    with pytest.raises(UpstreamError) as caught:
        task(asked, wire, body=body)
    return caught.value


def read(made: Task, came: Came) -> list[Event]:
    return list(made.read(came))


class TestNativePath:
    def test_sends_the_clients_bytes_but_for_the_model(self) -> None:
        assert task(call()).body == ASKED.replace(b'"x"', b'"m"')

    def test_drops_nothing(self) -> None:
        body = b'{"model":"x","messages":[],"top_k":1,"unknown":2}'
        assert task(call(), body=body).dropped == ()

    def test_gives_a_whole_answer_back_as_it_came(self) -> None:
        (body, *_) = read(task(call()), Came(answers.body("hello")))
        assert body == NativeBody(answers.body("hello"))

    def test_gives_frames_back_as_they_came(self) -> None:
        frames = answers.frames("hello")
        events = read(task(call(stream=True)), Came(frames=frames))
        assert [event.data for event in events if isinstance(event, NativeFrame)] == frames

    def test_reads_no_further_than_the_end(self) -> None:
        frames = [*answers.frames("hello"), b"data: more\n\n"]
        events = read(task(call(stream=True)), Came(frames=frames))
        assert events[-1] == Finished("stop")

    def test_lets_the_connection_be_used_again_after_a_good_stream(self) -> None:
        came = Came(frames=answers.frames("hello"))
        read(task(call(stream=True)), came)
        assert came.finished

    def test_refuses_a_stream_without_its_end(self) -> None:
        came = Came(frames=answers.frames("hello")[:-2])
        with pytest.raises(UpstreamError) as caught:
            read(task(call(stream=True)), came)
        assert caught.value.failure.kind is Kind.TRUNCATED

    def test_refuses_a_whole_answer_where_a_stream_was_asked_for(self) -> None:
        with pytest.raises(UpstreamError) as caught:
            read(task(call(stream=True)), Came(answers.body("hello")))
        assert "did not stream" in caught.value.failure.message
        assert caught.value.next is Next.CANDIDATE

    def test_tells_the_error_that_came_instead_of_a_stream(self) -> None:
        error = json.dumps({"error": {"message": "busy", "code": 429}}).encode()
        with pytest.raises(UpstreamError) as caught:
            read(task(call(stream=True)), Came(error))
        assert "busy" in caught.value.failure.message


class TestTranslation:
    def test_sends_the_upstreams_dialect(self) -> None:
        sent = json.loads(task(call(MESSAGES)).body)
        assert sent["model"] == "m"
        assert sent["messages"] == [{"role": "user", "content": "hi"}]

    def test_names_what_it_drops(self) -> None:
        body = b'{"model":"x","messages":[{"role":"user","content":"hi"}],"seed":1,"mine":2}'
        assert task(call(), MESSAGES, body=body).dropped == ("mine", "seed")

    def test_refuses_what_would_change_the_answer(self) -> None:
        body = b'{"model":"x","messages":[{"role":"user","content":"hi"}],"logprobs":true}'
        error = raised(call(), MESSAGES, body)
        assert (error.failure.status, error.failure.param) == (400, "logprobs")
        assert error.next is Next.CANDIDATE

    def test_refuses_what_cannot_be_read_for_good(self) -> None:
        error = raised(call(), MESSAGES, b'{"model":"x","messages":[{"role":5}]}')
        assert (error.failure.status, error.next) == (400, Next.SURFACE)

    @pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
    def test_asks_for_a_stream_where_the_client_does(self, streams: bool) -> None:
        sent = json.loads(task(call(MESSAGES, stream=streams)).body)
        assert bool(sent.get("stream")) is streams

    def test_reads_a_whole_answer_into_events(self) -> None:
        events = read(task(call(MESSAGES)), Came(answers.body("hello")))
        assert TextDelta("hello") in events
        assert events[-1] == Finished("stop")

    def test_reads_a_stream_into_events(self) -> None:
        frames = [b": comment\n\n", *answers.frames("hel", "lo")]
        events = read(task(call(MESSAGES, stream=True)), Came(frames=frames))
        assert [e.text for e in events if isinstance(e, TextDelta)] == ["hel", "lo"]

    def test_makes_a_stream_of_a_whole_answer(self) -> None:
        events = read(task(call(MESSAGES, stream=True)), Came(answers.body("hello")))
        assert TextDelta("hello") in events

    def test_calls_a_member_what_the_upstream_calls_it(self) -> None:
        renamed = {"max_completion_tokens": "max_tokens"}
        body = task(call(MESSAGES), members=renamed).body
        assert json.loads(body)["max_tokens"] == 5
        assert "max_completion_tokens" not in json.loads(body)

    def test_leaves_out_a_member_that_the_upstream_refuses(self) -> None:
        sent = task(call(MESSAGES, stream=True), members={"stream_options": None}).body
        assert "stream_options" not in json.loads(sent)


class TestCount:
    COUNTED = call(MESSAGES, operation=Operation.COUNT_TOKENS)

    def test_is_sent_as_it_is_to_an_upstream_of_the_dialect(self) -> None:
        assert task(self.COUNTED, MESSAGES).body == ASKED.replace(b'"x"', b'"m"')

    def test_is_sent_in_the_words_of_another_dialect(self) -> None:
        sent = json.loads(task(self.COUNTED, GEMINI).body)
        assert sent["generateContentRequest"]["model"] == "models/m"

    def test_is_read(self) -> None:
        events = read(task(self.COUNTED, GEMINI), Came(b'{"totalTokens": 41}'))
        assert events == [Usage(41, 0), Finished("stop")]

    def test_of_the_clients_dialect_is_given_back_as_it_came(self) -> None:
        came = b'{ "input_tokens": 41 }'
        events = read(task(self.COUNTED, MESSAGES), Came(came))
        assert events == [NativeBody(came), Usage(41, 0), Finished("stop")]

    def test_names_what_another_dialect_is_not_asked(self) -> None:
        body = (
            b'{"model":"x","messages":[{"role":"user","content":'
            b'[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]}'
        )
        assert task(self.COUNTED, GEMINI, body=body).dropped == ("prompt_cache",)

    def test_of_what_another_dialect_cannot_say_is_refused(self) -> None:
        body = (
            b'{"model":"x","messages":[{"role":"user","content":"a"}],'
            b'"tools":[{"type":"web_search_20250305","name":"web_search"}]}'
        )
        failure = raised(self.COUNTED, GEMINI, body).failure
        assert (failure.status, failure.param) == (400, "provider_tools")

    def test_that_cannot_be_read_is_refused_for_good(self) -> None:
        error = raised(self.COUNTED, GEMINI, b'{"model":"x","messages":[{"role":5}]}')
        assert (error.failure.status, error.next) == (400, Next.SURFACE)


class TestEmbedding:
    ASKED = call(operation=Operation.EMBED)

    def test_is_sent_as_it_is_but_for_the_model(self) -> None:
        body = b'{ "model":"x" , "input": "hi", "unknown": 1.0 }'
        assert task(self.ASKED, body=body).body == body.replace(b'"x"', b'"m"')

    def test_is_given_back_as_it_came(self) -> None:
        came = b'{ "data": [{"embedding": [1]}], "usage": {"prompt_tokens": 3} }'
        events = read(task(self.ASKED, body=b'{"model":"x","input":"hi"}'), Came(came))
        assert events == [NativeBody(came), Usage(3, 0), Finished("stop")]


def test_an_estimate_says_that_it_is_one() -> None:
    dropped, usage, _ = estimate(b"x" * 400)
    assert dropped == Dropped(("exact_token_count",))
    assert usage == Usage(100, 0)


def test_an_estimate_is_never_nothing() -> None:
    assert Usage(1, 0) in list(estimate(b"{}"))


def test_an_operation_that_is_not_there_leads_to_the_next_candidate() -> None:
    error = unsupported(call(operation=Operation.EMBED), instance="acme", kind="anthropic")
    assert (error.failure.status, error.next) == (400, Next.CANDIDATE)
    assert "acme" in error.failure.message
