"""The plan of a run, and how turns of native and translated calls become figures."""

from pathlib import Path

import pytest

from bench.bodies import Dialect
from bench.programs import Endpoint
from bench.report import IDLE, TARGETS
from bench.scenarios import MIN_TURN_S, TURNS, Subject, Translated, compare, scenarios

LATER = {"batch"}


@pytest.mark.parametrize("quick", [False, True])
def test_names_are_unique(quick: bool) -> None:
    names = [scenario.name for scenario in scenarios(quick=quick)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("quick", [False, True])
def test_every_target_is_of_a_planned_scenario(quick: bool) -> None:
    names = {scenario.name for scenario in scenarios(quick=quick)}
    assert {target.scenario for target in TARGETS} <= names | {IDLE} | LATER


@pytest.mark.parametrize("quick", [False, True])
def test_every_foreign_dialect_is_measured_streamed_and_not(quick: bool) -> None:
    planned = [each for each in scenarios(quick=quick) if isinstance(each, Translated)]
    foreign = set(Dialect) - {Dialect.CHAT}
    assert {(each.dialect, each.stream) for each in planned} == {
        (dialect, stream) for dialect in foreign for stream in (False, True)
    }


@pytest.mark.parametrize("quick", [False, True])
def test_no_turn_is_too_short_to_be_counted(quick: bool) -> None:
    planned = [each for each in scenarios(quick=quick) if isinstance(each, Translated)]
    assert min(each.plan(each.dialect).duration_s for each in planned) >= MIN_TURN_S


def test_a_translated_scenario_says_its_client() -> None:
    scenario = Translated(Dialect.MESSAGES, stream=True, concurrency=64, seconds=3)
    assert scenario.name == "S c64 D0 translated messages"


def test_a_system_that_does_not_speak_the_dialect_is_not_asked(tmp_path: Path) -> None:
    scenario = Translated(Dialect.MESSAGES, stream=True, concurrency=64, seconds=3)
    nobody = Subject(Endpoint("127.0.0.1:1"), dict, tmp_path)
    assert scenario.run(nobody) == {}


def _turn(native_ms: float, translated_ms: float) -> tuple[dict[str, float], dict[str, float]]:
    native = {"cpu_total": native_ms, "failed": 1.0, "completed": 100.0}
    return native, native | {"cpu_total": translated_ms, "failed": 2.0, "completed": 50.0}


def test_a_ratio_is_of_neighbours_and_their_median() -> None:
    # The machine was twice as slow in the second turn: both sides of it show that.
    figures = compare([_turn(1.0, 1.5), _turn(2.0, 3.0), _turn(1.0, 4.0)])
    assert figures["cpu_ratio"] == 1.5


def test_the_figures_are_the_translated_calls_own() -> None:
    figures = compare([_turn(1.0, 1.5), _turn(2.0, 3.0), _turn(1.0, 4.0)])
    assert (figures["cpu_total"], figures["cpu_native"]) == (3.0, 1.0)


def test_failed_calls_of_both_sides_count() -> None:
    figures = compare([_turn(1.0, 1.5)] * TURNS)
    assert (figures["failed"], figures["completed"]) == (9.0, 150.0)


def test_there_is_no_ratio_where_no_native_call_was_completed() -> None:
    native = {"failed": 64.0, "completed": 0.0}
    figures = compare([(native, {"cpu_total": 1.0, "failed": 0.0, "completed": 10.0})])
    assert "cpu_ratio" not in figures


def test_what_failed_is_told_by_its_kind() -> None:
    native, translated = _turn(1.0, 1.5)
    figures = compare([(native, translated | {"failed by status 503": 2.0})] * TURNS)
    assert figures["failed by status 503"] == 6.0
