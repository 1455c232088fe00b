"""What providers say otherwise than their dialect has it is read for what it means.

Each case is asked by a client of another dialect, so that the answer passes the canonical model.
"""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.canonical.call import Call, Candidate
from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import Reasoning, Text
from gateway.canonical.errors import Failure, Kind, Next, UpstreamError
from gateway.canonical.events import Event, Usage
from gateway.canonical.request import Dialect
from gateway.execution.execution import Execution
from tests.contract.providers import KEY, MODEL, PROVIDERS, make_backend
from tests.support import answers
from tests.support.fake_upstream import Answer as Scripted
from tests.support.fake_upstream import FakeUpstream

MESSAGES = [{"role": "user", "content": "hi"}]
REQUESTS: dict[Dialect, dict[str, Any]] = {
    Dialect.OPENAI_CHAT: {"model": "x:y", "messages": MESSAGES},
    Dialect.OPENAI_RESPONSES: {"model": "x:y", "input": "hi"},
    Dialect.ANTHROPIC_MESSAGES: {"model": "x:y", "messages": MESSAGES, "max_tokens": 9},
    Dialect.GEMINI: {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}

STREAM = ("Content-Type", "text/event-stream")
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
WORDS = "You exceeded your quota"


def ask(
    fake: FakeUpstream,
    scripted: Scripted,
    *,
    kind: str = "openai-legacy",
    client: Dialect = Dialect.ANTHROPIC_MESSAGES,
    stream: bool = False,
) -> list[Event]:
    """Let a client call an upstream once."""
    fake.script = lambda _: scripted
    call = Call(
        id="t.1",
        owner="",
        dialect=client,
        model="x:y",
        stream=stream,
        candidates=(),
        deadline_at=0.0,
    )
    body = json.dumps(REQUESTS[client]).encode()
    backend = make_backend(kind, base_url=fake.url)
    candidate = Candidate("acme", MODEL)
    return list(backend.stream(Execution(call, body), candidate, credential=KEY))


def answer(fake: FakeUpstream, scripted: Scripted, **how: Any) -> Answer:
    """What a client is told."""
    return collect(ask(fake, scripted, **how))


def error(fake: FakeUpstream, scripted: Scripted, **how: Any) -> UpstreamError:
    """What keeps a client from being told anything."""
    with pytest.raises(UpstreamError) as raised:
        ask(fake, scripted, **how)
    return raised.value


def whole(data: Any, *, status: int = 200, content_type: str = "application/json") -> Scripted:
    """One JSON document."""
    return Scripted(status, (("Content-Type", content_type),), (json.dumps(data).encode(),))


def streamed(*frames: bytes) -> Scripted:
    """A stream of these frames."""
    return answers.events(frames)


def message(**fields: Any) -> dict[str, Any]:
    """A whole completion of this message."""
    choice = {"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": "stop"}
    return {"id": "u-1", "object": "chat.completion", "choices": [choice], "usage": USAGE}


def delta(index: int | None = None, **function: str) -> dict[str, Any]:
    """A piece of a tool call."""
    place = {} if index is None else {"index": index}
    id = {"id": f"call-{function['name']}"} if "name" in function else {}
    return {"tool_calls": [{**place, **id, "type": "function", "function": function}]}


class TestAnErrorResponse:
    @pytest.mark.parametrize(
        "wire",
        [
            {"error": WORDS},
            WORDS,
            {"message": WORDS},
            {"detail": WORDS},
            {"detail": [{"loc": ["body"], "msg": WORDS, "type": "value_error"}]},
            {"error": {"message": WORDS, "code": 402}},
            [{"error": {"message": WORDS, "code": 402}}],
        ],
        ids=["bare", "string", "message", "detail", "details", "integer-code", "list"],
    )
    def test_tells_its_words_whatever_they_are_in(self, fake: FakeUpstream, wire: Any) -> None:
        failure = error(fake, whole(wire, status=402)).failure
        assert (failure.status, failure.message) == (402, f"acme: {WORDS}")

    def test_tells_an_integer_code_as_a_code(self, fake: FakeUpstream) -> None:
        wire = {"error": {"message": WORDS, "code": 402}}
        assert error(fake, whole(wire, status=402)).failure.code == "402"

    def test_of_a_status_and_a_title_alone_is_the_error_of_that_status(
        self, fake: FakeUpstream
    ) -> None:
        wire = {"status": 429, "title": "Too Many Requests"}
        refusal = error(fake, whole(wire, status=429))
        assert refusal.next is Next.CREDENTIAL
        assert refusal.failure == Failure(
            kind=Kind.RATE_LIMITED, message="acme: Too Many Requests", status=429
        )

    def test_may_call_itself_an_event_stream(self, fake: FakeUpstream) -> None:
        wire = {"error": {"message": WORDS, "code": 404}}
        scripted = whole(wire, status=404, content_type="text/event-stream")
        assert error(fake, scripted, stream=True).failure.message == f"acme: {WORDS}"


class TestAnErrorInsideAnAnswer:
    @pytest.mark.parametrize(
        ("wire", "status"),
        [
            ({"error": WORDS}, 502),
            ({"error": {"message": WORDS, "code": 402}}, 402),
            ({"error": {"message": WORDS, "code": "429"}}, 429),
            ({"error": {"message": WORDS, "status_code": 400}}, 400),
            ({"choices": [], "error": {"message": WORDS, "code": 402}}, 402),
            ({"choices": [{"index": 0, "error": {"message": WORDS, "code": 402}}]}, 402),
        ],
        ids=["bare", "integer", "digits", "status-code", "empty-choices", "in-choice"],
    )
    @pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
    @pytest.mark.parametrize(
        "client", [Dialect.OPENAI_CHAT, Dialect.ANTHROPIC_MESSAGES], ids=["native", "translated"]
    )
    def test_is_an_error_of_the_status_that_it_names(
        self, fake: FakeUpstream, *, wire: Any, status: int, stream: bool, client: Dialect
    ) -> None:
        scripted = streamed(answers.frame(wire)) if stream else whole(wire)
        assert error(fake, scripted, stream=stream, client=client).failure.status == status

    def test_ends_what_was_said_before_it(self, fake: FakeUpstream) -> None:
        wire = {"id": "u-1", "choices": [], "error": {"message": WORDS, "code": 402}}
        scripted = streamed(answers.PREAMBLE, answers.text("half"), answers.frame(wire))
        assert error(fake, scripted, stream=True).failure.message == f"acme: {WORDS}"

    @pytest.mark.parametrize("kind", ["openai-legacy", "gemini", "anthropic", "openai-responses"])
    @pytest.mark.parametrize("native", [True, False], ids=["native", "translated"])
    def test_may_be_a_document_that_calls_itself_an_event_stream(
        self, fake: FakeUpstream, kind: str, *, native: bool
    ) -> None:
        own = PROVIDERS[kind].dialects[0]
        other = next(dialect for dialect in Dialect if dialect is not own)
        wire = {"type": "error", "error": {"type": "x", "message": WORDS, "code": 402}}
        scripted = Scripted(200, (STREAM,), (json.dumps(wire, indent=1).encode(),))
        refusal = error(fake, scripted, kind=kind, stream=True, client=own if native else other)
        assert WORDS in refusal.failure.message


class TestAWholeAnswer:
    def test_may_be_padded(self, fake: FakeUpstream) -> None:
        padded = b"\n         \n\n" + json.dumps(message(content="hello")).encode() + b"\n\n"
        scripted = Scripted(200, (answers.JSON,), (padded,))
        assert answer(fake, scripted).text == "hello"

    def test_may_have_a_list_as_its_content(self, fake: FakeUpstream) -> None:
        parts = [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
            {"type": "text", "text": "hello"},
        ]
        told = answer(fake, whole(message(content=parts)))
        assert [type(part) for part in told.parts] == [Reasoning, Text]
        assert (told.reasoning, told.text) == ("Hm.", "hello")

    def test_may_have_no_finish_reason(self, fake: FakeUpstream) -> None:
        wire = message(content="hello")
        del wire["choices"][0]["finish_reason"]
        told = answer(fake, whole(wire))
        assert (told.text, told.finish_reason) == ("hello", "")

    def test_may_come_where_a_stream_was_asked_for(self, fake: FakeUpstream) -> None:
        assert answer(fake, whole(message(content="hello")), stream=True).text == "hello"

    @pytest.mark.parametrize("padding", ["", "\n   \n\n"])
    def test_may_call_itself_an_event_stream(self, fake: FakeUpstream, padding: str) -> None:
        document = padding + json.dumps(message(content="hello"), indent=1)
        scripted = Scripted(200, (STREAM,), (document.encode(),))
        assert answer(fake, scripted, stream=True).text == "hello"

    def test_keeps_the_order_of_tool_calls_without_an_index(self, fake: FakeUpstream) -> None:
        calls = [
            *delta(name="one", arguments='{"n":1}')["tool_calls"],
            *delta(name="two", arguments='{"n":2}')["tool_calls"],
        ]
        told = answer(fake, whole(message(content=None, tool_calls=calls)))
        assert called(told) == [("one", '{"n":1}'), ("two", '{"n":2}')]
        assert told.finish_reason == "tool_calls"


def called(told: Answer) -> list[tuple[str, str]]:
    """The tool calls of an answer."""
    return [(call.name, call.arguments) for call in told.tool_calls]


def chunk(delta: dict[str, Any], **fields: Any) -> bytes:
    """A chunk whose choice says nothing of a finish."""
    return answers.frame({"id": "u-1", "choices": [{"index": 0, "delta": delta}], **fields})


class TestAStream:
    @pytest.mark.parametrize("comment", [b": OPENROUTER PROCESSING\n\n", b":\n\n", b": \n"])
    def test_may_hold_comments_anywhere(self, fake: FakeUpstream, comment: bytes) -> None:
        frames = [piece for frame in answers.frames("hel", "lo") for piece in (comment, frame)]
        told = answer(fake, streamed(*frames), stream=True)
        assert (told.text, told.finish_reason) == ("hello", "stop")

    def test_may_leave_out_the_finish_reason_until_there_is_one(self, fake: FakeUpstream) -> None:
        frames = (chunk({"content": "hel"}), chunk({"content": "lo"}), *answers.ENDING)
        assert answer(fake, streamed(*frames), stream=True).text == "hello"

    def test_that_never_says_why_it_ended_is_whole_by_its_last_frame(
        self, fake: FakeUpstream
    ) -> None:
        told = answer(fake, streamed(chunk({"content": "hello"}), answers.DONE), stream=True)
        assert (told.text, told.finish_reason) == ("hello", "")

    def test_with_neither_a_reason_nor_a_last_frame_is_cut(self, fake: FakeUpstream) -> None:
        scripted = streamed(chunk({"content": "hello"}))
        assert error(fake, scripted, stream=True).failure.kind is Kind.TRUNCATED

    def test_may_have_chunks_without_choices(self, fake: FakeUpstream) -> None:
        usage = answers.frame({"id": "u-1", "choices": [], "usage": USAGE})
        none = answers.frame({"id": "u-1", "object": "chat.completion.chunk"})
        null = answers.frame({"id": "u-1", "choices": None})
        frames = (none, null, answers.text("hello"), answers.FINISH, usage, answers.DONE)
        told = answer(fake, streamed(*frames), stream=True)
        assert (told.text, told.usage) == ("hello", Usage(1, 2))

    def test_may_have_lists_as_its_pieces(self, fake: FakeUpstream) -> None:
        pieces: Sequence[Any] = (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}],
            [{"type": "text", "text": "hel"}],
            "lo",
        )
        frames = [*(chunk({"content": piece}) for piece in pieces), *answers.ENDING]
        told = answer(fake, streamed(*frames), stream=True)
        assert (told.reasoning, told.text) == ("Hm.", "hello")

    def test_tells_tool_calls_without_an_index_apart(self, fake: FakeUpstream) -> None:
        frames = (
            chunk(delta(name="one", arguments='{"n":')),
            chunk(delta(arguments="1}")),
            chunk(delta(name="two", arguments='{"n":2}')),
            answers.chunk({}, "tool_calls"),
            answers.DONE,
        )
        told = answer(fake, streamed(*frames), stream=True)
        assert called(told) == [("one", '{"n":1}'), ("two", '{"n":2}')]

    def test_tells_tool_calls_apart_that_all_have_the_first_index(self, fake: FakeUpstream) -> None:
        frames = (
            chunk(delta(0, name="one", arguments='{"n":1}')),
            chunk(delta(0, name="two", arguments='{"n":2}')),
            answers.chunk({}, "tool_calls"),
            answers.DONE,
        )
        told = answer(fake, streamed(*frames), stream=True)
        assert called(told) == [("one", '{"n":1}'), ("two", '{"n":2}')]


PIECES = [
    {"candidates": [{"content": {"parts": [{"text": "hel"}], "role": "model"}, "index": 0}]},
    {
        "candidates": [{"content": {"parts": [{"text": "lo"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2},
    },
]


class TestAStreamAsAnArray:
    @pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
    def test_is_the_answer_of_its_elements(self, fake: FakeUpstream, stream: bool) -> None:
        told = answer(fake, whole(PIECES), kind="gemini", stream=stream)
        assert (told.text, told.finish_reason, told.usage) == ("hello", "stop", Usage(1, 2))

    def test_may_call_itself_an_event_stream(self, fake: FakeUpstream) -> None:
        scripted = whole(PIECES, content_type="text/event-stream")
        assert answer(fake, scripted, kind="gemini", stream=True).text == "hello"

    def test_that_stops_before_it_says_why_is_cut(self, fake: FakeUpstream) -> None:
        scripted = whole(PIECES[:1])
        assert error(fake, scripted, kind="gemini", stream=True).failure.kind is Kind.TRUNCATED

    def test_may_end_with_an_error(self, fake: FakeUpstream) -> None:
        wire = {"error": {"code": 429, "message": WORDS, "status": "RESOURCE_EXHAUSTED"}}
        refusal = error(fake, whole([PIECES[0], wire]), kind="gemini", stream=True)
        assert (refusal.failure.status, refusal.next) == (429, Next.CREDENTIAL)
