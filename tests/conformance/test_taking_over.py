"""A conversation with tool calls that another upstream goes on with, in the middle of a turn.

No upstream gets what only another can read, and none refuses the rest.
"""

import dataclasses
from itertools import permutations, product

import pytest

from gateway.canonical.request import Dialect
from tests.conformance.cells import Cell, Scenario
from tests.conformance.plays import TOOLS
from tests.conformance.stage import Clients, Stage
from tests.support.emulators.emulator import Emulator, model_of
from tests.support.emulators.scenes import RESULTS, TAKEN_OVER, TOOL_LOOP


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("client", "before", "after"),
    [(client, *wires) for client, wires in product(Dialect, permutations(Dialect, 2))],
)
def test_a_tool_loop_goes_on_with_another_upstream(
    client: Dialect,
    before: Dialect,
    after: Dialect,
    stream: bool,
    clients: Clients,
    emulator: Emulator,
) -> None:
    stage = Stage(Cell(client, before, Scenario.TOOL_RESULTS, stream), clients, emulator)
    ask = stage.ask("tool-results", tools=TOOLS, thinks=True)
    conversation = stage.client.open(ask)
    first = stage.client.send(ask, conversation)
    results = [(id, name, RESULTS[args["city"]]) for id, name, args in first.calls]
    conversation += [*first.turn, *stage.client.results(results)]
    other = dataclasses.replace(ask, model=f"{after}:{model_of(after, 'taking-over')}")
    heard = stage.client.send(other, conversation)
    assert emulator.complaints == []
    assert heard.text == "".join(TAKEN_OVER.text)
    [turn] = emulator.asked[-1].turns
    assert [(name, args) for _, name, args in turn.calls] == [
        (call.name, call.arguments) for call in TOOL_LOOP[0].calls
    ]
    assert [text for _, text in emulator.asked[-1].results] == [text for _, _, text in results]
