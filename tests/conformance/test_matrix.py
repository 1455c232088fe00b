"""Every client through its own SDK, on every upstream, in every scenario."""

from itertools import product

import pytest

from gateway.canonical.request import Dialect
from tests.conformance.cells import Cell, Scenario, cells
from tests.conformance.plays import PLAYS, play
from tests.conformance.stage import Clients, Stage
from tests.support.emulators.emulator import Emulator

CELLS = [pytest.param(cell, id=str(cell)) for cell in cells()]


@pytest.mark.parametrize("cell", CELLS)
def test_a_client_and_an_upstream_understand_each_other(
    cell: Cell, clients: Clients, emulator: Emulator
) -> None:
    play(Stage(cell, clients, emulator))


def test_every_combination_is_a_cell() -> None:
    played = {(cell.client, cell.wire, cell.scenario) for cell in cells()}
    assert played == set(product(Dialect, Dialect, Scenario))


def test_no_cell_is_marked_away() -> None:
    assert [param.id for param in CELLS if param.marks] == []


@pytest.mark.parametrize("scenario", Scenario)
def test_a_cell_that_nobody_has_written_fails(scenario: Scenario, emulator: Emulator) -> None:
    unwritten = {known: PLAYS[known] for known in Scenario if known is not scenario}
    stage = Stage(Cell(Dialect.GEMINI, Dialect.GEMINI, scenario, False), {}, emulator)
    with pytest.raises(KeyError):
        play(stage, unwritten)


@pytest.mark.parametrize("dialect", Dialect)
def test_a_cell_of_a_client_that_there_is_not_fails(
    dialect: Dialect, clients: Clients, emulator: Emulator
) -> None:
    others = {known: clients[known] for known in Dialect if known is not dialect}
    with pytest.raises(KeyError):
        play(Stage(Cell(dialect, Dialect.GEMINI, Scenario.TEXT, False), others, emulator))
