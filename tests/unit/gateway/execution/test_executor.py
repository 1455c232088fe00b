"""What the model of the executor does not reach: time, cancellation, closing, words and bounds."""

from collections.abc import Iterator

import msgspec
import pytest

from gateway.canonical.call import Candidate
from gateway.canonical.errors import Failure, Kind, Native, UpstreamError
from gateway.canonical.events import (
    Answering,
    Event,
    Failed,
    Finished,
    NativeFrame,
    TextDelta,
    Usage,
)
from gateway.canonical.request import Dialect
from gateway.execution.execution import Execution
from gateway.execution.executor import MAX_HELD_BYTES, MAX_HELD_EVENTS, Executor
from tests.unit.gateway.execution.scripted import (
    NOW,
    Script,
    ScriptedKey,
    World,
    answer,
    execution_of,
    preamble,
    progress_of,
    refused,
)

CANCELLED = Failure(kind=Kind.CANCELLED, message="the client left", status=499)


def _failure(events: list[Event]) -> Failure:
    """The failure that a call without output ended with."""
    (event,) = events
    assert isinstance(event, Failed)
    return event.failure


class Meddler(World):
    """A world in which something happens to the call while an upstream plays."""

    def __init__(self, scripts: dict[str, Script], *, cancel_at: int | None = None) -> None:
        super().__init__(scripts)
        self._cancel_at = cancel_at
        self.passing_s = 0.0

    def stream(
        self, execution: Execution, candidate: Candidate, *, credential: ScriptedKey
    ) -> Iterator[Event]:
        played = super().stream(execution, candidate, credential=credential)
        for number in range(100):
            if number == self._cancel_at:
                execution.cancellation.cancel(CANCELLED)
            self.now += self.passing_s
            try:
                event = next(played)
            except StopIteration:
                return
            yield event


def test_a_call_past_its_deadline_asks_nobody() -> None:
    world = World({"a": Script([answer("a")])})
    execution = execution_of("a", deadline_at=NOW)
    failure = _failure(world.run(execution, progress_of(execution)))
    assert (failure.kind, failure.status) == (Kind.TIMEOUT, 504)
    assert (world.acquired, world.called) == ([], [])


@pytest.mark.parametrize(
    ("first", "called"),
    [
        pytest.param([[refused(500)]], [("a", "k0")], id="between-candidates"),
        pytest.param([[refused(429)], answer("a")], [("a", "k0")], id="between-keys"),
    ],
)
def test_a_call_whose_deadline_passes_tries_nothing_more(
    first: list[list[Event | Exception]], called: list[tuple[str, str]]
) -> None:
    world = Meddler({"a": Script(first), "b": Script([answer("b")])})
    world.passing_s = 10
    execution = execution_of("a", "b", deadline_at=NOW + 10)
    failure = _failure(world.run(execution, progress_of(execution)))
    assert failure.status == 504
    assert world.called == called


def test_a_call_that_was_cancelled_before_it_ran_asks_nobody() -> None:
    world = World({"a": Script([answer("a")])})
    execution = execution_of("a")
    execution.cancellation.cancel(CANCELLED)
    assert _failure(world.run(execution, progress_of(execution))) == CANCELLED
    assert (world.acquired, world.called) == ([], [])


@pytest.mark.parametrize(
    "end",
    [
        pytest.param([refused(500)], id="next-candidate"),
        pytest.param([refused(429)], id="next-key"),
        pytest.param([refused(400)], id="surface"),
        pytest.param([ValueError("read of a closed file")], id="bug"),
        pytest.param([], id="stops"),
    ],
)
def test_a_call_that_is_cancelled_before_output_ends_with_the_reason_alone(
    end: list[Event | Exception],
) -> None:
    scripts = {"a": Script([[*preamble("a"), *end]]), "b": Script([answer("b")])}
    world = Meddler(scripts, cancel_at=len(preamble("a")))
    execution = execution_of("a", "b")
    assert _failure(world.run(execution, progress_of(execution))) == CANCELLED
    assert world.called == [("a", "k0")]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param([refused(500)], id="upstream-error"),
        pytest.param([ValueError("read of a closed file")], id="bug"),
        pytest.param([], id="stops"),
    ],
)
def test_a_call_that_is_cancelled_after_output_ends_with_the_reason(
    end: list[Event | Exception],
) -> None:
    said = [*preamble("a"), TextDelta("a: x")]
    world = Meddler({"a": Script([[*said, *end]]), "b": Script([answer("b")])}, cancel_at=len(said))
    execution = execution_of("a", "b")
    events = world.run(execution, progress_of(execution))
    assert events == [*said, Failed(CANCELLED)]
    assert world.called == [("a", "k0")]


def test_a_call_that_is_cancelled_between_candidates_asks_nobody_more() -> None:
    world = Meddler({"a": Script([[refused(500)]]), "b": Script([answer("b")])}, cancel_at=0)
    execution = execution_of("a", "b")
    assert _failure(world.run(execution, progress_of(execution))) == CANCELLED
    assert world.called == [("a", "k0")]


@pytest.mark.parametrize("taken", range(1, 1 + len(answer("a"))))
def test_closing_an_execution_closes_the_stream_and_reports_the_lease(taken: int) -> None:
    world = World({"a": Script([answer("a")])})
    execution = execution_of("a")
    events = world.executor().execute(execution, progress_of(execution))
    whole = [Answering("a:m"), *answer("a")]
    assert [next(events) for _ in range(1 + taken)] == whole[: 1 + taken]
    events.close()
    assert world.closed == [("a", "k0")]
    assert world.reports == [("a", "k0", None)]


def test_closing_an_execution_that_never_began_asks_nobody() -> None:
    world = World({"a": Script([answer("a")])})
    execution = execution_of("a")
    world.executor().execute(execution, progress_of(execution)).close()
    assert (world.acquired, world.reports) == ([], [])


@pytest.mark.parametrize(
    "after",
    [
        pytest.param([ValueError("bug")], id="bug"),
        pytest.param([refused(500)], id="upstream-error"),
        pytest.param([TextDelta("late"), Finished("again")], id="more-events"),
    ],
)
def test_nothing_that_a_backend_does_after_its_end_changes_the_answer(
    after: list[Event | Exception],
) -> None:
    world = World({"a": Script([[*answer("a"), *after]]), "b": Script([answer("b")])})
    execution = execution_of("a", "b")
    assert world.run(execution, progress_of(execution)) == answer("a")
    assert world.closed == world.called == [("a", "k0")]
    assert world.reports == [("a", "k0", None)]


class Tidy(World):
    """A world whose upstreams have something to do after their answer."""

    tidied = False

    def stream(
        self, execution: Execution, candidate: Candidate, *, credential: ScriptedKey
    ) -> Iterator[Event]:
        yield from super().stream(execution, candidate, credential=credential)
        self.tidied = True


@pytest.mark.parametrize(
    ("end", "tidied"), [([], True), ([refused(500)], False)], ids=["whole", "broken-off"]
)
def test_a_backend_is_run_to_its_end_after_a_whole_answer(
    end: list[Event | Exception], tidied: bool
) -> None:
    world = Tidy({"a": Script([[*end, *answer("a")]])})
    execution = execution_of("a")
    world.run(execution, progress_of(execution))
    assert world.tidied is tidied


class Eager:
    """A backend that calls its upstream before anything of the answer is asked for."""

    def __init__(self, outcome: Exception | list[Event]) -> None:
        self._outcome = outcome

    def stream(
        self, execution: Execution, candidate: Candidate, *, credential: object
    ) -> Iterator[Event]:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return iter(self._outcome)


@pytest.mark.parametrize(
    "outcome",
    [refused(500), ValueError("bug"), [TextDelta("a"), Finished("stop")]],
    ids=["upstream-error", "bug", "an-iterator-without-close"],
)
def test_a_backend_that_is_no_generator_is_as_good(outcome: Exception | list[Event]) -> None:
    world = World({"a": Script(), "b": Script([[TextDelta("b"), Finished("stop")]])})
    executor = Executor(pool=world, backends={"a": Eager(outcome), "b": world}, now=lambda: NOW)
    execution = execution_of("a", "b")
    events = list(executor.execute(execution, progress_of(execution)))
    by = "b" if isinstance(outcome, Exception) else "a"
    assert events == [Answering(f"{by}:m"), TextDelta(by), Finished("stop")]


def test_who_answers_is_said_once_and_not_of_who_failed() -> None:
    world = World({"a": Script([[refused(500)]]), "b": Script([answer("b")])})
    execution = execution_of("a", "b")
    world.run(execution, progress_of(execution))
    assert world.answering == ["b:m"]


def test_when_nobody_answers_nobody_is_named() -> None:
    world = World({"a": Script([[refused(500)]]), "b": Script([[*preamble("b"), refused(500)]])})
    execution = execution_of("a", "b")
    world.run(execution, progress_of(execution))
    assert world.answering == []


def test_a_candidate_of_an_instance_that_this_worker_lacks_is_passed_over() -> None:
    world = World({"b": Script([answer("b")])})
    execution = execution_of("gone", "b")
    assert world.run(execution, progress_of(execution)) == answer("b")


def test_a_call_that_this_worker_has_no_instance_for_is_a_503() -> None:
    execution = execution_of("gone")
    failure = _failure(World({}).run(execution, progress_of(execution)))
    assert (failure.kind, failure.status) == (Kind.UNAVAILABLE, 503)
    assert "no instance gone" in failure.message


def test_two_candidates_of_one_instance_share_the_keys_that_were_refused() -> None:
    world = World({"a": Script([[refused(429)]])})
    execution = execution_of("a", "a")
    world.run(execution, progress_of(execution))
    assert world.called == [("a", "k0"), ("a", "k1")]
    assert world.acquired[-1] == ("a", ("k0", "k1"))


@pytest.mark.parametrize(
    ("held", "passes"),
    [
        pytest.param([Usage(1, 1)] * MAX_HELD_EVENTS, True, id="the-most-events"),
        pytest.param([Usage(1, 1)] * (MAX_HELD_EVENTS + 1), False, id="one-event-more"),
        pytest.param([NativeFrame(b"x" * MAX_HELD_BYTES, False)], True, id="the-most-bytes"),
        pytest.param([NativeFrame(b"x" * (MAX_HELD_BYTES + 1), False)], False, id="a-byte-more"),
        pytest.param(
            [NativeFrame(b"x" * MAX_HELD_BYTES, False), NativeFrame(b"x", False)],
            False,
            id="a-byte-more-in-another-frame",
        ),
    ],
)
def test_what_comes_before_output_is_held_within_bounds(held: list[Event], passes: bool) -> None:
    whole = [*held, TextDelta("a"), Finished("stop")]
    world = World({"a": Script([whole]), "b": Script([answer("b")])})
    execution = execution_of("a", "b")
    events = world.run(execution, progress_of(execution))
    assert events == (whole if passes else answer("b"))


def test_what_comes_after_output_is_not_held() -> None:
    whole = [TextDelta("a"), *[Usage(1, 1)] * (MAX_HELD_EVENTS + 1), Finished("stop")]
    world = World({"a": Script([whole])})
    execution = execution_of("a")
    assert world.run(execution, progress_of(execution)) == whole


def _native_refusal(status: int) -> UpstreamError:
    error = refused(status)
    native = Native(Dialect.OPENAI_CHAT, b'{"error":{"message":"theirs"}}')
    error.failure = msgspec.structs.replace(error.failure, native=native)
    return error


@pytest.mark.parametrize(
    ("scripts", "native"),
    [
        pytest.param({"a": Script([[_native_refusal(400)]])}, True, id="surfaced"),
        pytest.param({"a": Script([[_native_refusal(408)]])}, True, id="the-only-candidate"),
        pytest.param(
            {"a": Script([[refused(500)]]), "b": Script([[_native_refusal(400)]])},
            True,
            id="surfaced-after-another",
        ),
        pytest.param(
            {"a": Script([[refused(500)]]), "b": Script([[_native_refusal(408)]])},
            False,
            id="the-last-of-two",
        ),
    ],
)
def test_an_upstreams_own_error_stands_for_itself_and_not_for_others(
    scripts: dict[str, Script], native: bool
) -> None:
    execution = execution_of(*scripts)
    failure = _failure(World(scripts).run(execution, progress_of(execution)))
    assert (failure.native is not None) is native


def test_when_nobody_answers_the_message_names_every_candidate_and_its_reason() -> None:
    world = World({"a": Script([[refused(500, "a")]]), "b": Script(keys=())})
    execution = execution_of("a", "b")
    assert _failure(world.run(execution, progress_of(execution))).message == (
        "no candidate answered. a:m: a said 500; "
        "b:m: every key of b is rate limited; the soonest is usable in 20 s"
    )


@pytest.mark.parametrize(
    ("retry_at", "wait_s"),
    [
        pytest.param(NOW + 20.001, 21, id="rounded-up"),
        pytest.param(NOW + 0.001, 1, id="less-than-a-second"),
        pytest.param(NOW, 1, id="now"),
        pytest.param(NOW - 5, 1, id="past"),
    ],
)
def test_retry_after_is_whole_seconds_and_at_least_one(retry_at: float, wait_s: int) -> None:
    world = World({"a": Script(keys=(), retry_at=retry_at)})
    execution = execution_of("a")
    failure = _failure(world.run(execution, progress_of(execution)))
    assert (failure.status, failure.retry_after_s) == (429, wait_s)
    assert (failure.kind, failure.code) == (Kind.RATE_LIMITED, "rate_limit_exceeded")


@pytest.mark.parametrize(
    ("status", "retry_at", "words"),
    [
        pytest.param(
            429,
            NOW + 20,
            "every key of a is rate limited; the soonest is usable in 20 s "
            "(last refusal: a said 429)",
            id="cooling",
        ),
        pytest.param(
            401,
            None,
            "every upstream key of a has been refused as invalid (last refusal: a said 401); "
            "your own key is fine: the operator must replace the upstream key "
            "or run 'queueway keys reset'",
            id="dead",
        ),
    ],
)
def test_without_a_key_the_message_says_why_and_what_the_last_one_was_told(
    status: int, retry_at: float | None, words: str
) -> None:
    world = World({"a": Script([[refused(status, "a")]], retry_at=retry_at)})
    execution = execution_of("a")
    failure = _failure(world.run(execution, progress_of(execution)))
    assert failure.message == words
    assert (failure.status, failure.retry_after_s) == ((429, 20) if retry_at else (502, None))


def test_a_call_without_candidates_still_ends() -> None:
    execution = execution_of()
    assert _failure(World({}).run(execution, progress_of(execution))).status == 502
