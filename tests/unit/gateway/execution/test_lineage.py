"""What is remembered of each attempt."""

from gateway.canonical.attempt import AttemptRecord, Outcome
from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import Event, Failed, Finished, TextDelta, Usage
from tests.unit.gateway.execution.scripted import (
    NOW,
    Script,
    World,
    answer,
    execution_of,
    preamble,
    progress_of,
    refused,
    truncated,
)


def _lineage(scripts: dict[str, Script]) -> list[AttemptRecord]:
    """What is remembered of a call whose candidates are the instances in their order."""
    world = World(scripts)
    execution = execution_of(*scripts)
    world.run(execution, progress_of(execution))
    return world.lineage


def _outcomes(scripts: dict[str, Script]) -> list[Outcome]:
    return [record.outcome for record in _lineage(scripts)]


def test_an_answer_is_a_success() -> None:
    (record,) = _lineage({"a": Script([answer("a")])})
    assert (record.outcome, record.reason, record.seq) == (Outcome.SUCCESS, "", 1)


def test_an_attempt_names_call_candidate_and_key() -> None:
    (record,) = _lineage({"a": Script([answer("a")])})
    named = (record.call_id, record.owner, record.instance, record.model, record.credential_id)
    assert named == ("qw.1", "local", "a", "m", "k0")


def test_an_attempt_with_several_keys_is_one_and_names_the_last() -> None:
    (record,) = _lineage({"a": Script([[refused(429)], answer("a")])})
    assert (record.outcome, record.credential_id) == (Outcome.SUCCESS, "k1")


def test_an_attempt_without_a_key_names_none() -> None:
    (record,) = _lineage({"a": Script(keys=())})
    assert (record.outcome, record.credential_id) == (Outcome.SWALLOWED, "")


def test_a_failure_before_output_is_swallowed_and_the_next_attempt_counts_on() -> None:
    records = _lineage({"a": Script([[refused(500)]]), "b": Script([answer("b")])})
    assert [(record.seq, record.outcome) for record in records] == [
        (1, Outcome.SWALLOWED),
        (2, Outcome.SUCCESS),
    ]


def test_a_swallowed_failure_says_why() -> None:
    first = _lineage({"a": Script([[refused(500)]]), "b": Script([answer("b")])})[0]
    assert (first.reason, first.status) == ("up said 500", 500)


def test_a_refusal_of_the_request_is_surfaced() -> None:
    assert _outcomes({"a": Script([[refused(400)]])}) == [Outcome.SURFACED]


def test_a_failure_after_output_is_surfaced() -> None:
    script = Script([[*preamble("a"), TextDelta("x"), truncated("a")]])
    (record,) = _lineage({"a": script})
    assert (record.outcome, record.reason) == (Outcome.SURFACED, "a broke off")


def test_an_answer_that_ends_in_a_failure_of_its_own_is_surfaced() -> None:
    failure = Failure(kind=Kind.UPSTREAM, message="it said so", status=502)
    (record,) = _lineage({"a": Script([[TextDelta("x"), Failed(failure)]])})
    assert (record.outcome, record.reason) == (Outcome.SURFACED, "it said so")


def test_a_call_whose_reader_leaves_is_cancelled() -> None:
    world = World({"a": Script([answer("a")])})
    execution = execution_of("a")
    events = world.executor().execute(execution, progress_of(execution))
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert [record.outcome for record in world.lineage] == [Outcome.CANCELLED]


def test_tokens_are_those_of_the_last_count() -> None:
    events: list[Event] = [
        Usage(1, 0),
        TextDelta("x"),
        Usage(9, 7, cached_tokens=3, reasoning_tokens=2),
        Finished("stop"),
    ]
    (record,) = _lineage({"a": Script([events])})
    counted = (record.input_tokens, record.output_tokens)
    assert (counted, record.cached_tokens, record.reasoning_tokens) == ((9, 7), 3, 2)


def test_an_attempt_without_output_has_no_time_of_it() -> None:
    (record,) = _lineage({"a": Script([[refused(500)]])})
    assert record.first_output_at is None


def test_output_has_its_time() -> None:
    (record,) = _lineage({"a": Script([answer("a")])})
    assert (record.started_at, record.first_output_at, record.finished_at) == (NOW, NOW, NOW)
