"""The cells of the matrix: every client dialect, every upstream wire, every scenario."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from gateway.canonical.request import Dialect


class Scenario(StrEnum):
    """What is asked, or what befalls the upstream."""

    TEXT = "text"
    STREAM = "stream"
    TOOLS = "tools"
    PARALLEL_TOOLS = "parallel-tools"
    TOOL_RESULTS = "tool-results"
    IMAGE = "image"
    REASONING = "reasoning"
    STRUCTURED_OUTPUT = "structured-output"
    LENGTH_STOP = "length-stop"
    UPSTREAM_400 = "upstream-400"
    UPSTREAM_401 = "upstream-401"
    UPSTREAM_429 = "upstream-429"
    UPSTREAM_500 = "upstream-500"
    EVERY_KEY_401 = "every-key-401"
    EVERY_KEY_429 = "every-key-429"
    CUT_MID_STREAM = "cut-mid-stream"
    ENDED_MID_STREAM = "ended-mid-stream"


_WHOLE, _STREAMED = False, True
_MODES = {
    Scenario.TEXT: (_WHOLE,),
    Scenario.STREAM: (_STREAMED,),
    Scenario.CUT_MID_STREAM: (_STREAMED,),
    Scenario.ENDED_MID_STREAM: (_STREAMED,),
}


@dataclass(frozen=True)
class Cell:
    """One case of the matrix."""

    client: Dialect
    wire: Dialect
    scenario: Scenario
    stream: bool

    def __str__(self) -> str:
        mode = "streamed" if self.stream else "whole"
        return f"{self.client}-client-{self.wire}-upstream-{self.scenario}-{mode}"


def cells() -> Iterator[Cell]:
    """All cells; most scenarios are asked both as a stream and not."""
    for client, wire, scenario in product(Dialect, Dialect, Scenario):
        for stream in _MODES.get(scenario, (_WHOLE, _STREAMED)):
            yield Cell(client, wire, scenario, stream)
