"""Events collected into one answer: its parts stand in the order in which they began."""

import pytest

from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import (
    AnyPart,
    Citation,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.events import (
    Dropped,
    Event,
    Failed,
    Finished,
    Logprobs,
    MediaProduced,
    NativeBlock,
    NativeFrame,
    ReasoningDelta,
    ReasoningEnded,
    RefusalDelta,
    Silence,
    Started,
    TextDelta,
    TextEnded,
    TokenLogprob,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)

SIGNATURE = Opaque("anthropic-messages", "sig")
CITATION = Citation(url="https://a.example", start=0, end=1)
IMAGE = Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk=")

PARTS = [
    pytest.param([], (), id="nothing"),
    pytest.param([TextDelta("a"), TextDelta(""), TextDelta("b")], (Text("ab"),), id="text"),
    pytest.param([TextDelta("")], (), id="empty-text"),
    pytest.param(
        [TextDelta("a"), TextEnded((CITATION,), SIGNATURE), TextDelta("b")],
        (Text("a", (CITATION,), SIGNATURE), Text("b")),
        id="two-blocks-of-text",
    ),
    pytest.param(
        [TextEnded(signature=SIGNATURE)], (Text("", (), SIGNATURE),), id="signature-alone"
    ),
    pytest.param([TextEnded()], (), id="a-block-of-nothing"),
    pytest.param(
        [ReasoningDelta("a"), TextDelta("t"), ReasoningDelta("b")],
        (Reasoning(text="a"), Text("t"), Reasoning(text="b")),
        id="reasoning-around-text",
    ),
    pytest.param(
        [ReasoningDelta("a"), ReasoningEnded(SIGNATURE, id="r1"), ReasoningDelta("b")],
        (Reasoning(text="a", signature=SIGNATURE, id="r1"), Reasoning(text="b")),
        id="two-blocks-of-reasoning",
    ),
    pytest.param(
        [ReasoningEnded(SIGNATURE, redacted=True)],
        (Reasoning(signature=SIGNATURE, redacted=True),),
        id="reasoning-without-its-text",
    ),
    pytest.param([ReasoningEnded(id="r1")], (), id="reasoning-that-says-nothing"),
    pytest.param([RefusalDelta("I "), RefusalDelta("won't")], (Refusal("I won't"),), id="refusal"),
    pytest.param(
        [
            ToolCallStarted(0, "c0", "f"),
            ToolCallStarted(1, "c1", "g", custom=True),
            ToolCallDelta(1, "so"),
            ToolCallDelta(0, "{}"),
            ToolCallEnded(0, SIGNATURE),
            ToolCallDelta(1, "me"),
        ],
        (ToolCall("c0", "f", "{}", SIGNATURE), ToolCall("c1", "g", "some", custom=True)),
        id="interleaved-tool-calls",
    ),
    pytest.param(
        [TextDelta("a"), ToolCallStarted(0, "c0", "f"), TextDelta("b"), ToolCallDelta(0, "{}")],
        (Text("a"), ToolCall("c0", "f", "{}"), Text("b")),
        id="text-around-a-tool-call",
    ),
    pytest.param(
        [TextDelta("a"), MediaProduced(IMAGE), TextDelta("b")],
        (Text("a"), IMAGE, Text("b")),
        id="text-around-an-image",
    ),
    pytest.param(
        [TextDelta("a"), NativeBlock("gemini", "executableCode", b"{}"), TextDelta("b")],
        (Text("a"), NativePart("gemini", "executableCode", b"{}"), Text("b")),
        id="text-around-a-block-of-one-dialect",
    ),
    pytest.param(
        [Dropped(("top_k",)), Silence(), NativeFrame(b": x\n\n", False), TextDelta("x")],
        (Text("x"),),
        id="what-is-no-part-of-an-answer",
    ),
]

TOKEN = TokenLogprob("a", -0.5, (("b", -1.0),))
REST = [
    pytest.param([Started("m", "id-1"), Finished()], Answer(model="m", id="id-1"), id="its-names"),
    pytest.param(
        [Usage(1, 1), Usage(3, 2), Finished()], Answer(usage=Usage(3, 2)), id="the-last-usage"
    ),
    pytest.param(
        [Logprobs((TOKEN,)), Logprobs((TOKEN,)), Finished()],
        Answer(logprobs=(TOKEN, TOKEN)),
        id="all-logprobs",
    ),
    pytest.param(
        [Finished("stop", "END")],
        Answer(finish_reason="stop", stop_sequence="END"),
        id="how-it-ended",
    ),
    pytest.param(
        [Finished("stop"), TextDelta("late")],
        Answer(finish_reason="stop"),
        id="nothing-after-the-end",
    ),
]


@pytest.mark.parametrize(("events", "parts"), PARTS)
def test_events_become_parts(events: list[Event], parts: tuple[AnyPart, ...]) -> None:
    assert collect([*events, Finished()]).parts == parts


@pytest.mark.parametrize(("events", "answer"), REST)
def test_what_is_no_part_stands_beside_them(events: list[Event], answer: Answer) -> None:
    assert collect(events) == answer


def test_a_failure_is_raised_whatever_came_before_it() -> None:
    failure = Failure(kind=Kind.TRUNCATED, message="cut", status=502)
    with pytest.raises(GatewayError) as caught:
        collect([TextDelta("half an ans"), Failed(failure)])
    assert caught.value.failure == failure


WHOLE = Answer(
    parts=(
        Reasoning(text="a"),
        Text("b"),
        ToolCall("c0", "f"),
        Refusal("c"),
        Reasoning(text="d"),
        Text("e"),
    )
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "be"),
        ("reasoning", "ad"),
        ("refusal", "c"),
        ("tool_calls", [ToolCall("c0", "f")]),
    ],
)
def test_an_answer_gathers_what_is_alike(name: str, value: object) -> None:
    assert getattr(WHOLE, name) == value
