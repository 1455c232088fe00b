"""How a request thinks: what goes with which model, and what gives way to what."""

import json
from typing import Any

import pytest

from gateway.canonical.content import Opaque, Reasoning, Text, ToolCall, ToolResult
from gateway.canonical.request import (
    Choice,
    Message,
    ReasoningOptions,
    Request,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.wire.anthropic_messages.render_request import render_request

BUDGETS = "claude-sonnet-4-5"
BOTH = "claude-opus-4-6"
ADAPTIVE = "claude-sonnet-5"
HI = Message(Role.USER, (Text("hi"),))
CALL = ToolCall("t", "f", "{}")
THOUGHT = Reasoning(text="hm", signature=Opaque("anthropic-messages", "c2ln"))
FOREIGN = Reasoning(text="hm", signature=Opaque("gemini", "c2ln"))
RESULT = Message(Role.TOOL, (ToolResult(call_id="t"),))


def _wire(model: str, options: ReasoningOptions | None, **fields: Any) -> dict[str, Any]:
    request = Request(**{"messages": (HI,), "reasoning": options, **fields})
    wire: dict[str, Any] = json.loads(render_request(request, model=model, stream=False))
    return wire


@pytest.mark.parametrize(
    ("effort", "budget"),
    [("minimal", 1024), ("low", 1024), ("medium", 4096), ("high", 16384), ("max", 20000)],
)
def test_an_effort_becomes_a_budget_on_top_of_the_answer(effort: str, budget: int) -> None:
    wire = _wire(BUDGETS, ReasoningOptions(effort=effort))
    assert wire["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert wire["max_tokens"] == 8192 + budget
    assert "output_config" not in wire


@pytest.mark.parametrize(
    ("effort", "said"),
    [("minimal", "low"), ("low", "low"), ("high", "high"), ("xhigh", "xhigh"), ("max", "max")],
)
def test_an_effort_is_said_where_the_model_takes_one(effort: str, said: str) -> None:
    wire = _wire(ADAPTIVE, ReasoningOptions(effort=effort))
    assert (wire["thinking"], wire["output_config"]) == ({"type": "adaptive"}, {"effort": said})


def test_an_effort_that_the_model_does_not_know_becomes_a_lower_one() -> None:
    assert _wire(BOTH, ReasoningOptions(effort="xhigh"))["output_config"] == {"effort": "high"}


@pytest.mark.parametrize(("effort", "room"), [("low", 1024), ("medium", 4096), (None, 16384)])
def test_an_answer_of_no_bound_has_room_for_adaptive_thinking(
    effort: str | None, room: int
) -> None:
    options = ReasoningOptions(effort=effort, adaptive=effort is None)
    assert _wire(ADAPTIVE, options)["max_tokens"] == 8192 + room


@pytest.mark.parametrize("model", [BUDGETS, ADAPTIVE, "some-model"])
def test_no_effort_switches_thinking_off(model: str) -> None:
    wire = _wire(model, ReasoningOptions(effort="none"))
    assert (wire["thinking"], wire["max_tokens"]) == ({"type": "disabled"}, 8192)


@pytest.mark.parametrize("options", [None, ReasoningOptions(), ReasoningOptions(visible=False)])
def test_who_does_not_ask_says_nothing(options: ReasoningOptions | None) -> None:
    assert "thinking" not in _wire(BUDGETS, options)


@pytest.mark.parametrize(
    "options",
    [
        ReasoningOptions(adaptive=True),
        ReasoningOptions(visible=True),
        ReasoningOptions(summary="auto"),
    ],
)
def test_who_wants_thinking_of_no_measure_gets_the_middle_budget(
    options: ReasoningOptions,
) -> None:
    assert _wire(BUDGETS, options)["thinking"]["budget_tokens"] == 4096


@pytest.mark.parametrize("model", [BUDGETS, BOTH])
def test_a_budget_is_kept(model: str) -> None:
    wire = _wire(model, ReasoningOptions(budget_tokens=5000), max_output_tokens=9000)
    assert (wire["thinking"]["budget_tokens"], wire["max_tokens"]) == (5000, 9000)


@pytest.mark.parametrize(("budget", "effort"), [(1024, "low"), (4096, "medium"), (30000, "high")])
def test_a_budget_becomes_an_effort_where_the_model_takes_no_budgets(
    budget: int, effort: str
) -> None:
    wire = _wire(ADAPTIVE, ReasoningOptions(budget_tokens=budget))
    assert (wire["thinking"], wire["output_config"]) == ({"type": "adaptive"}, {"effort": effort})


def test_a_small_budget_is_raised_to_the_least() -> None:
    assert _wire(BUDGETS, ReasoningOptions(budget_tokens=5))["thinking"]["budget_tokens"] == 1024


def test_a_budget_stays_under_the_clients_bound() -> None:
    wire = _wire(BUDGETS, ReasoningOptions(effort="high"), max_output_tokens=2000)
    assert (wire["thinking"]["budget_tokens"], wire["max_tokens"]) == (1999, 2000)


def test_a_bound_without_room_for_thinking_goes_without() -> None:
    wire = _wire(BUDGETS, ReasoningOptions(effort="high"), max_output_tokens=1000)
    assert "thinking" not in wire
    assert wire["max_tokens"] == 1000


def test_a_chosen_bound_stays_under_what_the_model_allows() -> None:
    wire = _wire("claude-opus-4-1", ReasoningOptions(budget_tokens=31999))
    assert (wire["max_tokens"], wire["thinking"]["budget_tokens"]) == (32000, 31999)


@pytest.mark.parametrize(
    ("options", "display"),
    [
        (ReasoningOptions(adaptive=True), None),
        (ReasoningOptions(adaptive=True, visible=True), "summarized"),
        (ReasoningOptions(effort="low", summary="detailed"), "summarized"),
        (ReasoningOptions(adaptive=True, visible=False), "omitted"),
    ],
)
def test_whether_thinking_is_shown_is_said(options: ReasoningOptions, display: str | None) -> None:
    assert _wire(ADAPTIVE, options)["thinking"].get("display") == display


@pytest.mark.parametrize("model", ["claude-3-5-sonnet-20241022", "claude-3-haiku-20240307"])
def test_a_model_that_cannot_think_is_not_asked_to(model: str) -> None:
    assert "thinking" not in _wire(model, ReasoningOptions(effort="high"))


@pytest.mark.parametrize("model", [BUDGETS, ADAPTIVE])
@pytest.mark.parametrize("mode", [Choice.REQUIRED, Choice.NAMED])
def test_thinking_gives_way_to_a_forced_tool_call(model: str, mode: Choice) -> None:
    wire = _wire(
        model,
        ReasoningOptions(effort="high"),
        tools=(Tool(name="f"),),
        tool_choice=ToolChoice(mode, "f" if mode is Choice.NAMED else None),
    )
    assert "thinking" not in wire
    assert wire["tool_choice"]["type"] in ("any", "tool")


@pytest.mark.parametrize("first", [None, FOREIGN, Reasoning(text="hm")])
def test_a_tool_turn_without_own_thinking_goes_on_without(first: Reasoning | None) -> None:
    parts = (first, CALL) if first else (CALL,)
    messages = (HI, Message(Role.ASSISTANT, parts), RESULT)
    assert "thinking" not in _wire(BUDGETS, ReasoningOptions(effort="low"), messages=messages)


@pytest.mark.parametrize(
    ("model", "messages"),
    [
        pytest.param(BUDGETS, (Message(Role.ASSISTANT, (THOUGHT, CALL)), RESULT), id="signed"),
        pytest.param(BUDGETS, (Message(Role.ASSISTANT, (CALL,)), RESULT, HI), id="not even then"),
        pytest.param(ADAPTIVE, (Message(Role.ASSISTANT, (CALL,)), RESULT), id="adaptive"),
        pytest.param(BUDGETS, (Message(Role.ASSISTANT, (Text("x"),)), HI), id="new question"),
    ],
)
def test_other_turns_think(
    model: str, messages: tuple[Message, ...], request: pytest.FixtureRequest
) -> None:
    wire = _wire(model, ReasoningOptions(effort="low"), messages=(HI, *messages))
    assert ("thinking" in wire) == ("not even then" not in request.node.name)


@pytest.mark.parametrize("model", [BUDGETS, BOTH, ADAPTIVE])
def test_sampling_gives_way_to_thinking(model: str) -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=4)
    wire = _wire(model, ReasoningOptions(effort="low"), sampling=sampling)
    assert wire.keys().isdisjoint({"temperature", "top_p", "top_k"})


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("claude-sonnet-4-0", {"temperature", "top_p", "top_k"}),
        ("claude-sonnet-4-20250514", {"temperature", "top_p", "top_k"}),
        ("claude-opus-4-1-20250805", {"temperature", "top_k"}),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", {"temperature", "top_k"}),
        ("claude-opus-4.6", {"temperature", "top_k"}),
        ("claude-opus-4-7", set()),
        ("claude-opus-4-8", set()),
        ("claude-haiku-5-5", set()),
        ("claude-fable-5", set()),
        ("other-model", {"temperature", "top_p", "top_k"}),
    ],
)
def test_a_model_gets_the_sampling_options_that_it_takes(model: str, names: set[str]) -> None:
    wire = _wire(model, None, sampling=Sampling(temperature=0.5, top_p=0.9, top_k=4))
    assert wire.keys() & {"temperature", "top_p", "top_k"} == names


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("claude-3-haiku-20240307", 4096), ("claude-2.1", 4096), ("claude-3-5-haiku-latest", 8192)],
)
def test_an_answer_of_no_bound_gets_one_that_its_model_allows(model: str, tokens: int) -> None:
    assert _wire(model, None)["max_tokens"] == tokens
