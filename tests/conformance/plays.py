"""How each scenario is played, whatever the dialects."""

import base64
from collections.abc import Callable, Mapping

from gateway.canonical.request import Dialect
from tests.conformance.asking import Failure, Heard, Tool
from tests.conformance.cells import Scenario
from tests.conformance.stage import Stage
from tests.support.emulators import scenes
from tests.support.emulators.said import Said
from tests.support.emulators.scenes import FIRST, RETRY_AFTER_S, SCENES, SECOND

Play = Callable[[Stage], None]

IMAGE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJg"
    "gg=="
)

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "What it is “called”"},
        "height_m": {"type": "integer"},
    },
    "required": ["name", "height_m"],
    "additionalProperties": False,
}

WEATHER = Tool(
    "get_weather",
    "Tell the weather of a city.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "enum": ["paris", "rome", "oslo"]},
            "days": {"type": "integer", "minimum": 1},
            "units": {"type": "object", "properties": {"wind": {"type": "string"}}},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
)
TIME = Tool("get_time", "Tell the time.", {"type": "object", "properties": {}})
TOOLS = (WEATHER, TIME)


def _text(stage: Stage) -> None:
    heard = stage.hear(stage.ask("text"))
    stage.check_answer(heard, scenes.TEXT)
    stage.check_question()
    assert stage.emulator.keys == [FIRST]


def _tools(stage: Stage) -> None:
    heard = stage.hear(stage.ask("tools", tools=TOOLS))
    stage.check_answer(heard, scenes.TOOLS)
    _check_tools(stage)


def _parallel_tools(stage: Stage) -> None:
    heard = stage.hear(stage.ask("parallel-tools", tools=TOOLS))
    stage.check_answer(heard, scenes.PARALLEL)
    _check_tools(stage)


def _check_tools(stage: Stage) -> None:
    stage.check_question()
    assert list(stage.asked.tools) == [(t.name, t.description, t.schema) for t in TOOLS]


def _tool_results(stage: Stage) -> None:
    """Two rounds of tool calls; the upstream refuses what is not just as it gave it."""
    ask = stage.ask("tool-results", tools=TOOLS, thinks=True)
    client = stage.client
    conversation = client.open(ask)
    results: list[tuple[str, str, str]] = []
    for said in scenes.TOOL_LOOP:
        heard = client.send(ask, conversation)
        stage.check_answer(heard, said, thought=_shown(stage, said))
        new = [(id, name, scenes.RESULTS[args["city"]]) for id, name, args in heard.calls]
        results += new
        conversation += [*heard.turn, *client.results(new)] if new else []
    stage.check_question()
    last = stage.emulator.asked[-1]
    assert list(last.results) == [(id, text) for id, _, text in results]
    assert len(last.turns) == len(scenes.TOOL_LOOP) - 1


def _image(stage: Stage) -> None:
    heard = stage.hear(stage.ask("text", image=IMAGE))
    stage.check_answer(heard, scenes.TEXT)
    stage.check_question()
    assert stage.asked.images == (("image/png", IMAGE),)


def _reasoning(stage: Stage) -> None:
    heard = stage.hear(stage.ask("reasoning", thinks=True))
    said = scenes.REASONING
    stage.check_answer(heard, said, thought=_shown(stage, said))
    stage.check_question()


def _shown(stage: Stage, said: Said) -> str:
    """What of the thoughts is shown: a chat client that says an effort has not asked to see them,
    and the Responses API shows a summary to who asks for it alone."""
    cell = stage.cell
    unseen = (cell.client, cell.wire) == (Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES)
    return "" if unseen else "".join(said.thought)


def _structured_output(stage: Stage) -> None:
    heard = stage.hear(stage.ask("structured-output", schema=SCHEMA))
    stage.check_answer(heard, scenes.STRUCTURED)
    stage.check_question()
    assert stage.asked.schema == SCHEMA


def _length_stop(stage: Stage) -> None:
    heard = stage.hear(stage.ask("length-stop", max_tokens=77))
    stage.check_answer(heard, scenes.LENGTH)
    stage.check_question()
    assert stage.asked.max_tokens == 77


def _upstream_400(stage: Stage) -> None:
    heard = stage.hear(stage.ask("upstream-400"))
    failure = stage.check_failure(heard, 400)
    message = SCENES["upstream-400"].message
    assert message in failure.message
    # Its own dialect's error a client gets as it came.
    is_native = stage.cell.client is stage.cell.wire
    assert (f"{stage.cell.wire}: {message}" in failure.message) is not is_native
    assert stage.emulator.keys == [FIRST]


def _upstream_401(stage: Stage) -> None:
    heard = stage.hear(stage.ask("upstream-401"))
    stage.check_answer(heard, scenes.TEXT)
    assert stage.emulator.keys == [FIRST, SECOND]


def _upstream_429(stage: Stage) -> None:
    heard = stage.hear(stage.ask("upstream-429"))
    stage.check_answer(heard, scenes.TEXT)
    assert stage.emulator.keys == [FIRST, SECOND]


def _upstream_500(stage: Stage) -> None:
    heard = stage.hear(stage.ask("upstream-500"))
    failure = stage.check_failure(heard, 502)
    assert SCENES["upstream-500"].message not in failure.message
    assert "answered with status 500" in failure.message
    assert stage.emulator.keys == [FIRST]


def _every_key_401(stage: Stage) -> None:
    heard = stage.hear(stage.ask("every-key-401"))
    failure = stage.check_failure(heard, 502)
    assert "your own key is fine" in failure.message
    assert stage.emulator.keys == [FIRST, SECOND]


def _every_key_429(stage: Stage) -> None:
    heard = stage.hear(stage.ask("every-key-429"))
    failure = stage.check_failure(heard, 429)
    assert failure.retry_after is not None
    assert 0 < int(failure.retry_after) <= RETRY_AFTER_S
    assert stage.emulator.keys == [FIRST, SECOND]


def _cut_mid_stream(stage: Stage) -> None:
    heard = stage.hear(stage.ask("cut-mid-stream"))
    failure = _check_cut(stage, heard)
    assert "the connection closed in the middle of the answer" in failure.message


def _ended_mid_stream(stage: Stage) -> None:
    heard = stage.hear(stage.ask("ended-mid-stream"))
    failure = _check_cut(stage, heard)
    assert "closed the connection before the answer was complete" in failure.message


def _check_cut(stage: Stage, heard: Heard) -> Failure:
    """What was said stays said, nobody else is asked, and the end is an error."""
    assert heard.text == scenes.TEXT.text[0]
    assert stage.emulator.keys == [FIRST]
    return stage.check_failure(heard, 0)


PLAYS: Mapping[Scenario, Play] = {
    Scenario.TEXT: _text,
    Scenario.STREAM: _text,
    Scenario.TOOLS: _tools,
    Scenario.PARALLEL_TOOLS: _parallel_tools,
    Scenario.TOOL_RESULTS: _tool_results,
    Scenario.IMAGE: _image,
    Scenario.REASONING: _reasoning,
    Scenario.STRUCTURED_OUTPUT: _structured_output,
    Scenario.LENGTH_STOP: _length_stop,
    Scenario.UPSTREAM_400: _upstream_400,
    Scenario.UPSTREAM_401: _upstream_401,
    Scenario.UPSTREAM_429: _upstream_429,
    Scenario.UPSTREAM_500: _upstream_500,
    Scenario.EVERY_KEY_401: _every_key_401,
    Scenario.EVERY_KEY_429: _every_key_429,
    Scenario.CUT_MID_STREAM: _cut_mid_stream,
    Scenario.ENDED_MID_STREAM: _ended_mid_stream,
}


def play(stage: Stage, plays: Mapping[Scenario, Play] = PLAYS) -> None:
    """Play a cell.

    Raises:
        KeyError: nobody has written it.
    """
    plays[stage.cell.scenario](stage)
