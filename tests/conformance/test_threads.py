"""A sample of the matrix on a gateway that runs on threads."""

import pytest

from tests.conformance.cells import Cell, Scenario, cells
from tests.conformance.plays import play
from tests.conformance.stage import Clients, Stage
from tests.support.emulators.emulator import Emulator

_SAMPLE = (Scenario.TEXT, Scenario.STREAM, Scenario.TOOLS)


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(cell, id=str(cell))
        for cell in cells()
        if cell.client is not cell.wire and cell.scenario in _SAMPLE
    ],
)
def test_a_client_and_another_wire_understand_each_other(
    cell: Cell, threaded_clients: Clients, emulator: Emulator
) -> None:
    play(Stage(cell, threaded_clients, emulator))
