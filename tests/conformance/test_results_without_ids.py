"""Tool results as Google's documentation writes them: with the tool's name and without an id."""

import pytest
from google.genai import types

from gateway.canonical.request import Dialect
from tests.conformance.cells import Cell, Scenario
from tests.conformance.plays import TOOLS
from tests.conformance.stage import Clients, Stage
from tests.support.emulators.emulator import Emulator
from tests.support.emulators.scenes import RESULTS, TOOL_LOOP


@pytest.mark.parametrize("wire", Dialect)
def test_results_belong_to_the_calls_in_their_order(
    wire: Dialect, clients: Clients, emulator: Emulator
) -> None:
    stage = Stage(Cell(Dialect.GEMINI, wire, Scenario.TOOL_RESULTS, False), clients, emulator)
    ask = stage.ask("tool-results", tools=TOOLS, thinks=True)
    conversation = stage.client.open(ask)
    first = stage.client.send(ask, conversation)
    texts = [RESULTS[args["city"]] for _, _, args in first.calls]
    parts = [
        types.Part.from_function_response(name=name, response={"output": text})
        for (_, name, _), text in zip(first.calls, texts, strict=True)
    ]
    conversation += [*first.turn, types.Content(role="user", parts=parts)]
    heard = stage.client.send(ask, conversation)
    assert emulator.complaints == []
    assert [name for _, name, _ in heard.calls] == [call.name for call in TOOL_LOOP[1].calls]
    ids = [id for id, _, _ in first.calls] if wire is not Dialect.GEMINI else ["", ""]
    assert list(emulator.asked[-1].results) == list(zip(ids, texts, strict=True))
