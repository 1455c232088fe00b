"""The stub does what its model's name says."""

import json
import threading
from collections.abc import Iterator

import pytest

from backends.local_stub import KEYS, MODELS, LocalStub
from gateway.canonical.call import Call, Candidate
from gateway.canonical.errors import Failure, Kind, Next, UpstreamError
from gateway.canonical.events import (
    Event,
    Finished,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
    is_output,
)
from gateway.canonical.request import Dialect
from gateway.credentials.credential import Credential
from gateway.execution.execution import Execution

FIRST, SECOND = (Credential(f"c{n}", key) for n, key in enumerate(KEYS))
TEXT = "one two  three"
LEFT = Failure(kind=Kind.CANCELLED, message="the client left", status=499)


def _execution(**fields: object) -> Execution:
    body = {"model": "stub:x", "messages": [{"role": "user", "content": "say it"}], **fields}
    call = Call(
        id="qw.1",
        owner="local",
        dialect=Dialect.OPENAI_CHAT,
        model="stub:x",
        stream=True,
        candidates=(),
        deadline_at=0,
    )
    return Execution(call, json.dumps(body).encode())


def _play(
    model: str,
    execution: Execution | None = None,
    *,
    key: Credential = FIRST,
    text: str = TEXT,
) -> Iterator[Event]:
    stub = LocalStub("stub", text=text, first_key=FIRST.secret)
    return stub.stream(execution or _execution(), Candidate("stub", model), credential=key)


def _text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def _broken_off(played: Iterator[Event]) -> tuple[list[Event], UpstreamError]:
    """What was played, and what it broke off with."""
    events: list[Event] = []
    try:
        for event in played:
            events.append(event)
    except UpstreamError as error:
        return events, error
    pytest.fail("it did not break off")


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("stub-default", TEXT),
        ("echo", "say it"),
        ("slow-0", TEXT),
        ("long-stream-2", "0 1 "),
        ("long-stream-0", ""),
    ],
)
def test_a_scenario_says_its_text_between_start_and_end(model: str, text: str) -> None:
    events = list(_play(model))
    assert events[0] == Started(f"stub:{model}")
    assert _text(events) == text
    assert events[-2:] == [Usage(1, len(text.split())), Finished("stop")]


@pytest.mark.parametrize("text", ["", " ", "a\n\nb", "日本 語", "x" * 1000])
def test_any_text_is_said_whole(text: str) -> None:
    assert _text(list(_play("stub-default", text=text))) == text


def test_an_echo_of_nothing_is_nothing() -> None:
    events = list(_play("echo", _execution(messages=[{"role": "system", "content": "s"}])))
    assert _text(events) == ""
    assert events[-1] == Finished("stop")


@pytest.mark.parametrize("scenario", ["429-then-ok", "401"])
def test_a_second_key_is_not_refused(scenario: str) -> None:
    assert _text(list(_play(scenario, key=SECOND))) == TEXT


@pytest.mark.parametrize(
    ("model", "status", "follows", "headers"),
    [
        ("429-then-ok", 429, Next.CREDENTIAL, {"retry-after": "1"}),
        ("401", 401, Next.CREDENTIAL, {}),
        ("error-before-output", 500, Next.CANDIDATE, {}),
        ("no-such-model", 404, Next.SURFACE, {}),
        ("slow-", 404, Next.SURFACE, {}),
        ("slow-1x", 404, Next.SURFACE, {}),
        ("slow-1234567", 404, Next.SURFACE, {}),
        ("echo-5", 404, Next.SURFACE, {}),
        ("", 404, Next.SURFACE, {}),
    ],
)
def test_a_refusal_is_that_of_an_upstream(
    model: str, status: int, follows: Next, headers: dict[str, str]
) -> None:
    events, error = _broken_off(_play(model))
    assert not any(is_output(event) for event in events)
    assert (error.status, error.next, error.headers) == (status, follows, headers)
    assert error.failure.status == (502 if status == 500 else status)


def test_an_unknown_model_is_told_of_the_known_ones() -> None:
    _, error = _broken_off(_play("no-such-model"))
    failure = error.failure
    assert (failure.code, failure.param) == ("model_not_found", "model")
    assert all(model in failure.message for model in MODELS)


@pytest.mark.parametrize(
    ("text", "half"), [("abcdef", "abc"), ("abc", "ab"), ("a", "a")], ids=["even", "odd", "one"]
)
def test_a_cut_comes_after_half_of_the_text(text: str, half: str) -> None:
    events, error = _broken_off(_play("cut-mid-stream", text=text))
    assert _text(events) == half
    assert error.failure.kind is Kind.TRUNCATED


@pytest.mark.parametrize(
    ("tools", "name"),
    [
        (None, "stub_tool"),
        ([{"type": "function", "function": {"name": "f"}}, {"function": {"name": "g"}}], "f"),
    ],
    ids=["without-tools", "with-tools"],
)
def test_a_tool_call_names_the_first_tool(tools: object, name: str) -> None:
    assert list(_play("tool-call", _execution(tools=tools))) == [
        Started("stub:tool-call"),
        ToolCallStarted(0, "stub-tool-1", name),
        ToolCallDelta(0, "{}"),
        Usage(1, 1),
        Finished("tool_calls"),
    ]


@pytest.mark.parametrize("model", ["slow", "slow-600", "long-stream", "long-stream-100000"])
def test_a_long_scenario_ends_when_its_call_is_cancelled(model: str) -> None:
    execution = _execution()
    threading.Timer(0.1, execution.cancellation.cancel, [LEFT]).start()
    _, error = _broken_off(_play(model, execution))
    assert (error.failure, error.next) == (LEFT, Next.SURFACE)


def test_a_slow_answer_sends_nothing_while_it_waits() -> None:
    execution = _execution()
    threading.Timer(0.2, execution.cancellation.cancel, [LEFT]).start()
    events, _ = _broken_off(_play("slow-600", execution))
    assert events == [Started("stub:slow-600")]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_that_it_lists_has_a_scenario(model: str) -> None:
    execution = _execution()
    execution.cancellation.cancel(LEFT)
    _, error = _broken_off(_play(model, execution, key=SECOND))
    assert error.status != 404
