"""The executor checked against a model: every sequence of up to three candidates, whatever they do.

The model is the table `OUTCOMES`: what a candidate with an outcome does, and what that means for
the call. Everything else here follows from the table.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    Started,
    TextDelta,
    is_output,
    is_terminal,
)
from gateway.execution.progress import Progress, decode_progress
from tests.unit.gateway.execution.scripted import (
    KEYS,
    NOW,
    Script,
    World,
    answer,
    execution_of,
    flood,
    preamble,
    progress_of,
    refused,
    truncated,
)

INSTANCES = ("a", "b", "c")
COOLDOWNS_S = {"a": 20, "b": 10, "c": 15}


@dataclass(frozen=True)
class Outcome:
    """What a candidate does, and what the call makes of it."""

    script: Callable[[str], Script]
    calls: int
    """How many keys are tried."""
    role: str
    """answers, breaks (after output), surfaces, fails (the next is tried), cooling, dead."""
    kind: Kind | None = None
    status: int = 0


def _plays(*steps: Callable[[str], list[Event | Exception]]) -> Callable[[str], Script]:
    return lambda name: Script([step(name) for step in steps])


def _raises(status: int) -> Callable[[str], list[Event | Exception]]:
    return lambda name: [refused(status, name)]


def _keyless(*, dead: bool) -> Callable[[str], Script]:
    return lambda name: Script(keys=(), retry_at=None if dead else NOW + COOLDOWNS_S[name])


def _all_refused(status: int, *, dead: bool) -> Callable[[str], Script]:
    return lambda name: Script(
        [[refused(status, name)]], retry_at=None if dead else NOW + COOLDOWNS_S[name]
    )


def _said(name: str) -> list[Event]:
    return answer(name)[:-1]


OUTCOMES = {
    "ok": Outcome(_plays(answer), 1, "answers"),
    "ok-without-text": Outcome(_plays(lambda n: [*preamble(n), Finished("stop")]), 1, "answers"),
    "429-then-ok": Outcome(_plays(_raises(429), answer), 2, "answers"),
    "401-then-ok": Outcome(_plays(_raises(401), answer), 2, "answers"),
    "429-then-500": Outcome(_plays(_raises(429), _raises(500)), 2, "fails", Kind.UPSTREAM, 502),
    "429-always": Outcome(_all_refused(429, dead=False), 2, "cooling"),
    "401-always": Outcome(_all_refused(401, dead=True), 2, "dead"),
    "500": Outcome(_plays(_raises(500)), 1, "fails", Kind.UPSTREAM, 502),
    "breaks-off-after-preamble": Outcome(
        _plays(lambda n: [*preamble(n), truncated(n)]), 1, "fails", Kind.TRUNCATED, 502
    ),
    "stops-at-once": Outcome(_plays(lambda _: []), 1, "fails", Kind.TRUNCATED, 502),
    "stops-after-preamble": Outcome(_plays(preamble), 1, "fails", Kind.TRUNCATED, 502),
    "floods": Outcome(_plays(flood), 1, "fails", Kind.UPSTREAM, 502),
    "bug": Outcome(_plays(lambda _: [ValueError("bug")]), 1, "fails", Kind.INTERNAL, 502),
    "bug-after-preamble": Outcome(
        _plays(lambda n: [*preamble(n), ValueError("bug")]), 1, "fails", Kind.INTERNAL, 502
    ),
    "cooling": Outcome(_keyless(dead=False), 0, "cooling"),
    "dead": Outcome(_keyless(dead=True), 0, "dead"),
    "400": Outcome(_plays(_raises(400)), 1, "surfaces", Kind.UPSTREAM, 400),
    "429-then-400": Outcome(_plays(_raises(429), _raises(400)), 2, "surfaces", Kind.UPSTREAM, 400),
    "breaks-off-after-output": Outcome(
        _plays(lambda n: [*_said(n), truncated(n)]), 1, "breaks", Kind.TRUNCATED, 502
    ),
    "429-after-output": Outcome(
        _plays(lambda n: [*_said(n), refused(429, n)]), 1, "breaks", Kind.UPSTREAM, 429
    ),
    "stops-after-output": Outcome(_plays(_said), 1, "breaks", Kind.TRUNCATED, 502),
    "bug-after-output": Outcome(
        _plays(lambda n: [*_said(n), ValueError("bug")]), 1, "breaks", Kind.INTERNAL, 502
    ),
}
ENDS = ("answers", "breaks", "surfaces")

Sequence = tuple[str, ...]
SEQUENCES = [s for length in (1, 2, 3) for s in product(OUTCOMES, repeat=length)]


@dataclass(frozen=True)
class Run:
    """What happened to the call of one sequence of outcomes."""

    outcomes: Sequence
    events: list[Event]
    world: World

    @property
    def tried(self) -> list[tuple[str, Outcome]]:
        """The candidates that should have been tried, up to the first that ends the call."""
        tried = []
        for name, outcome in zip(INSTANCES, self.outcomes, strict=False):
            tried.append((name, OUTCOMES[outcome]))
            if OUTCOMES[outcome].role in ENDS:
                break
        return tried


def _world(outcomes: Sequence) -> World:
    return World({n: OUTCOMES[o].script(n) for n, o in zip(INSTANCES, outcomes, strict=False)})


def _run(outcomes: Sequence, progress: Progress | None = None, max_attempts: int = 10) -> Run:
    execution = execution_of(*INSTANCES[: len(outcomes)])
    world = _world(outcomes)
    events = world.run(execution, progress or progress_of(execution, max_attempts))
    return Run(outcomes, events, world)


@pytest.fixture(scope="module")
def runs() -> Iterator[list[Run]]:
    """Every sequence, executed once."""
    logging.disable(logging.ERROR)
    yield [_run(outcomes) for outcomes in SEQUENCES]
    logging.disable(logging.NOTSET)


def _violators(runs: list[Run], holds: Callable[[Run], bool]) -> list[Sequence]:
    return [run.outcomes for run in runs if not holds(run)]


def _sources(events: list[Event]) -> set[str]:
    """The instances whose words are among the events."""
    texts = [e.text for e in events if isinstance(e, TextDelta)]
    begun = [e.model for e in events if isinstance(e, Started)]
    return {text.partition(":")[0] for text in texts} | set(begun)


def test_every_call_ends_with_exactly_one_terminal_event(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        return [is_terminal(event) for event in run.events].count(True) == 1 and is_terminal(
            run.events[-1]
        )

    assert _violators(runs, holds) == []


def test_at_most_one_candidate_gave_output(runs: list[Run]) -> None:
    assert _violators(runs, lambda run: len(_sources(run.events)) <= 1) == []


def test_a_failed_attempts_preamble_is_never_seen(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        name, outcome = run.tried[-1]
        return _sources(run.events) == ({name} if outcome.role in ("answers", "breaks") else set())

    assert _violators(runs, holds) == []


def test_an_answer_is_whole_and_in_order(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        name, outcome = run.tried[-1]
        if outcome.role not in ("answers", "breaks"):
            return len(run.events) == 1
        steps = run.world.scripts[name].steps[-1]
        said = [step for step in steps if not isinstance(step, Exception)]
        return run.events == (said if outcome.role == "answers" else [*said, run.events[-1]])

    assert _violators(runs, holds) == []


def test_nothing_is_asked_after_output(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        world = _world(run.outcomes)
        execution = execution_of(*INSTANCES[: len(run.outcomes)])
        events = world.executor().execute(execution, progress_of(execution))
        called = [len(world.called) for event in events if is_output(event) or is_terminal(event)]
        return len(world.called) == called[0]

    assert _violators(runs, holds) == []


def test_candidates_and_keys_are_tried_in_order_until_one_ends_the_call(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        expected = [(name, key) for name, outcome in run.tried for key in KEYS[: outcome.calls]]
        return run.world.called == expected

    assert _violators(runs, holds) == []


def test_a_key_that_was_refused_is_excluded_from_the_next_lease(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        before: dict[str, tuple[str, ...]] = {}
        for instance, excluded in run.world.acquired:
            if excluded != before.get(instance, ()):
                return False
            before[instance] = (*excluded, *KEYS[len(excluded) : len(excluded) + 1])
        return True

    assert _violators(runs, holds) == []


def test_every_stream_is_closed_and_every_lease_reported_once_in_order(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        reported = [(instance, key) for instance, key, _ in run.world.reports]
        return run.world.closed == run.world.called == reported

    assert _violators(runs, holds) == []


def test_a_lease_is_told_the_error_that_came_before_output_and_no_other(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        *earlier, (name, outcome) = run.tried
        good = outcome.role in ("answers", "breaks")
        reports = run.world.reports
        told = [error is not None for _, _, error in reports]
        return told == [True] * (len(told) - good) + [False] * good

    assert _violators(runs, holds) == []


def test_the_terminal_event_is_the_one_of_the_model(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        end = run.events[-1]
        if run.tried[-1][1].role == "answers":
            return end == Finished("stop")
        return isinstance(end, Failed) and _told(end.failure) == _expected(run)

    assert _violators(runs, holds) == []


def _told(failure: Failure) -> tuple[Kind, int, int | None]:
    return failure.kind, failure.status, failure.retry_after_s


def _expected(run: Run) -> tuple[Kind, int, int | None]:
    """The failure that the client is told: the last real one, else when the soonest key is free."""
    real = [o for _, o in run.tried if o.kind]
    if real:
        assert real[-1].kind
        return real[-1].kind, real[-1].status, None
    cooling = [COOLDOWNS_S[name] for name, outcome in run.tried if outcome.role == "cooling"]
    if cooling:
        return Kind.RATE_LIMITED, 429, min(cooling)
    return Kind.CREDENTIALS_EXHAUSTED, 502, None


def test_a_call_that_is_taken_up_again_at_any_lease_goes_on_alike(runs: list[Run]) -> None:
    def holds(run: Run) -> bool:
        for taken, snapshot in enumerate(run.world.snapshots):
            again = _run(run.outcomes, decode_progress(snapshot))
            if again.events != run.events or again.world.acquired != run.world.acquired[taken:]:
                return False
        return True

    assert _violators(runs, holds) == []


@pytest.mark.parametrize("max_attempts", [1, 2])
def test_candidates_beyond_the_most_attempts_might_as_well_not_be_there(
    runs: list[Run], max_attempts: int
) -> None:
    short = {run.outcomes: run for run in runs if len(run.outcomes) <= max_attempts}

    def holds(run: Run) -> bool:
        alike = short[run.outcomes[:max_attempts]]
        bounded = _run(run.outcomes, max_attempts=max_attempts)
        return bounded.events == alike.events and bounded.world.called == alike.world.called

    assert _violators(runs, holds) == []
