"""What the emulated models do, by the end of the model's id."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.support.emulators.said import THOUGHTFUL, Call, Finish, Said

FIRST, SECOND = "first", "second"
"""An upstream's two keys, in the order in which they are configured."""

RETRY_AFTER_S = 17

RESULTS = {"paris": "21 degrees", "rome": "28 degrees", "oslo": "9 degrees"}
"""What a tool answers about each city."""


class Cut(StrEnum):
    """How a stream ends after its first piece of text."""

    BROKEN = "broken"
    """As no stream does, in the middle of what HTTP frames."""
    ENDED = "ended"
    """As a whole stream does, but for the dialect's own last frame."""


@dataclass(frozen=True)
class Scene:
    """One model."""

    script: Sequence[Said] = ()
    """What it says: at first, after one turn of its own, and so on."""
    status: int = 200
    message: str = ""
    """What it refuses with, where its status is not 200."""
    refuses: tuple[str, ...] = (FIRST, SECOND)
    """The keys that it refuses."""
    retry_after_s: int | None = None
    cut: Cut | None = None
    takes_over: bool = False
    """Whether the turns before are another model's."""


def _signature(name: str) -> str:
    """A value in base64 that has all of its letters."""
    return base64.b64encode(b"\xfb\xef\xbe\xff\xff\xff" + name.encode() * 9).decode()


def _weather(id: str, city: str) -> Call:
    return Call(id, "get_weather", {"city": city, "days": 2, "units": {"wind": "m/s ½"}})


TEXT = Said(text=("The tower is ", "330 m tall", " — “très haute” 🗼."))
TOOLS = Said(text=("I will look.",), calls=(_weather("paris1", "paris"),), finish=Finish.TOOL_CALLS)
PARALLEL = Said(
    calls=(
        _weather("paris1", "paris"),
        Call("noargs2", "get_time", {}),
        _weather("rome3", "rome"),
    ),
    finish=Finish.TOOL_CALLS,
)
REASONING = Said(
    thought=("The tower ", "has an antenna,\n", "so 330."),
    signature=_signature("only"),
    text=("It is 330 m tall.",),
    usage=THOUGHTFUL,
)
STRUCTURED = Said(text=('{"name":"Tour', ' Eiffel","height_m":330}'))
LENGTH = Said(text=("The tower is ", "330 m"), finish=Finish.LENGTH)

TOOL_LOOP = (
    Said(
        thought=("Two cities, ", "two calls."),
        signature=_signature("first"),
        calls=(_weather("paris1", "paris"), _weather("rome2", "rome")),
        finish=Finish.TOOL_CALLS,
        usage=THOUGHTFUL,
    ),
    Said(
        thought=("Oslo is ", "missing."),
        signature=_signature("second"),
        calls=(_weather("oslo3", "oslo"),),
        finish=Finish.TOOL_CALLS,
        usage=THOUGHTFUL,
    ),
    Said(text=("Rome is ", "the warmest."), usage=THOUGHTFUL),
)
TAKEN_OVER = Said(text=("It is ", "warm in both."))

SCENES: Mapping[str, Scene] = {
    "text": Scene([TEXT]),
    "tools": Scene([TOOLS]),
    "parallel-tools": Scene([PARALLEL]),
    "tool-results": Scene(TOOL_LOOP),
    "taking-over": Scene([TAKEN_OVER], takes_over=True),
    "reasoning": Scene([REASONING]),
    "structured-output": Scene([STRUCTURED]),
    "length-stop": Scene([LENGTH]),
    "upstream-400": Scene(status=400, message="the prompt is of 9001 tokens, 9000 are too many"),
    "upstream-401": Scene([TEXT], status=401, message="this key is unknown", refuses=(FIRST,)),
    "upstream-429": Scene(
        [TEXT], status=429, message="slow down", refuses=(FIRST,), retry_after_s=RETRY_AFTER_S
    ),
    "upstream-500": Scene(status=500, message="an assertion in line 42 of the scheduler failed"),
    "every-key-401": Scene(status=401, message="this key is unknown"),
    "every-key-429": Scene(status=429, message="slow down", retry_after_s=RETRY_AFTER_S),
    "cut-mid-stream": Scene([TEXT], cut=Cut.BROKEN),
    "ended-mid-stream": Scene([TEXT], cut=Cut.ENDED),
}
