"""What a request needs, and what becomes of it in a dialect that cannot say it."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.features import Feature, Support, Verdict, features_of, negotiate
from gateway.canonical.request import (
    Choice,
    Dialect,
    Format,
    Message,
    NativeTool,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)

OWN = Dialect.GEMINI
NATIVE = NativePart(OWN.value, "executableCode", b"{}")
NATIVE_TOOL = NativeTool(OWN.value, "googleSearch", b"{}")
IMAGE = Media(kind=MediaKind.IMAGE, data="aGk=")


def made(*parts: AnyPart, **fields: Any) -> Request:
    """A request of one message and some options."""
    return Request(messages=(Message(Role.USER, parts),), **fields)


def media(kind: MediaKind, **where: str) -> Request:
    return made(Media(kind=kind, **where))


def sampled(**values: float) -> Request:
    return made(sampling=Sampling(**values))


def result(**fields: Any) -> Request:
    return made(ToolResult(call_id="c", **fields))


F = Feature
NEEDS: dict[Feature, list[tuple[Request, set[Feature]]]] = {
    F.IMAGE_INPUT: [(media(MediaKind.IMAGE, data="aGk="), {F.IMAGE_INPUT})],
    F.IMAGE_URL: [(media(MediaKind.IMAGE, url="u"), {F.IMAGE_URL})],
    F.AUDIO_INPUT: [
        (media(MediaKind.AUDIO, data="aGk="), {F.AUDIO_INPUT}),
        (media(MediaKind.AUDIO, url="u"), {F.AUDIO_INPUT}),
    ],
    F.VIDEO_INPUT: [(media(MediaKind.VIDEO, url="u"), {F.VIDEO_INPUT})],
    F.DOCUMENT_INPUT: [(media(MediaKind.DOCUMENT, data="aGk="), {F.DOCUMENT_INPUT})],
    F.DOCUMENT_URL: [(media(MediaKind.DOCUMENT, url="u"), {F.DOCUMENT_URL})],
    F.FILE_ID: [(media(MediaKind.IMAGE, file_id="f"), {F.FILE_ID})],
    F.TOOLS: [
        (made(tools=(Tool(name="f"),)), {F.TOOLS}),
        (made(ToolCall("c", "f")), {F.TOOLS}),
        (result(), {F.TOOLS}),
    ],
    F.CUSTOM_TOOLS: [
        (made(tools=(Tool(name="f", custom=True),)), {F.CUSTOM_TOOLS}),
        (made(ToolCall("c", "f", custom=True)), {F.CUSTOM_TOOLS}),
        (result(custom=True), {F.CUSTOM_TOOLS}),
    ],
    F.PROVIDER_TOOLS: [(made(tools=(NATIVE_TOOL,)), {F.PROVIDER_TOOLS})],
    F.PROVIDER_CONTENT: [
        (made(NATIVE), {F.PROVIDER_CONTENT}),
        (result(parts=(NATIVE,)), {F.TOOLS, F.PROVIDER_CONTENT}),
    ],
    F.TOOL_CHOICE: [
        (made(tool_choice=ToolChoice(Choice.REQUIRED)), {F.TOOL_CHOICE}),
        (made(tool_choice=ToolChoice(Choice.NAMED, "f")), {F.TOOL_CHOICE}),
        (made(tool_choice=ToolChoice(Choice.NONE)), {F.TOOL_CHOICE}),
    ],
    F.ALLOWED_TOOLS: [
        (made(tool_choice=ToolChoice(Choice.AUTO, allowed=("f",))), {F.ALLOWED_TOOLS})
    ],
    F.SERIAL_TOOL_CALLS: [(made(parallel_tool_calls=False), {F.SERIAL_TOOL_CALLS})],
    F.TOOL_RESULT_MEDIA: [(result(parts=(IMAGE,)), {F.TOOLS, F.TOOL_RESULT_MEDIA, F.IMAGE_INPUT})],
    F.TOOL_RESULT_ERROR: [(result(is_error=True), {F.TOOLS, F.TOOL_RESULT_ERROR})],
    F.REASONING: [(made(reasoning=ReasoningOptions(effort="low")), {F.REASONING})],
    F.REASONING_INPUT: [(made(Reasoning(text="hm")), {F.REASONING_INPUT})],
    F.JSON_OBJECT: [
        (made(response_format=ResponseFormat(type=Format.JSON_OBJECT)), {F.JSON_OBJECT})
    ],
    F.JSON_SCHEMA: [
        (
            made(response_format=ResponseFormat(type=Format.JSON_SCHEMA, schema=b"{}")),
            {F.JSON_SCHEMA},
        )
    ],
    F.STOP_SEQUENCES: [(made(stop=("END",)), {F.STOP_SEQUENCES})],
    F.LOGPROBS: [(made(logprobs=True), {F.LOGPROBS})],
    F.SEVERAL_CHOICES: [(made(choices=2), {F.SEVERAL_CHOICES})],
    F.TEMPERATURE: [(sampled(temperature=0.0), {F.TEMPERATURE})],
    F.TOP_P: [(sampled(top_p=0.5), {F.TOP_P})],
    F.TOP_K: [(sampled(top_k=1), {F.TOP_K})],
    F.SEED: [(sampled(seed=0), {F.SEED})],
    F.PENALTIES: [
        (sampled(presence_penalty=0.5), {F.PENALTIES}),
        (sampled(frequency_penalty=-0.5), {F.PENALTIES}),
        (sampled(presence_penalty=0.0, frequency_penalty=1.0), {F.PENALTIES}),
    ],
    F.MAX_OUTPUT_TOKENS: [(made(max_output_tokens=1), {F.MAX_OUTPUT_TOKENS})],
    F.USER: [(made(user="u"), {F.USER})],
    F.PROMPT_CACHE: [
        (made(Text("a", cache="5m")), {F.PROMPT_CACHE}),
        (made(tools=(Tool(name="f", cache="5m"),)), {F.TOOLS, F.PROMPT_CACHE}),
        (result(parts=(Text("a", cache="1h"),)), {F.TOOLS, F.PROMPT_CACHE}),
    ],
}
CASES = [
    pytest.param(asked, features, id=f"{feature.value}-{number}")
    for feature, cases in NEEDS.items()
    for number, (asked, features) in enumerate(cases)
]


def test_every_feature_is_tested_here() -> None:
    assert set(NEEDS) == set(Feature)


@pytest.mark.parametrize(("asked", "features"), CASES)
def test_a_request_needs_what_it_uses(asked: Request, features: set[Feature]) -> None:
    assert set(features_of(asked)) == features


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param(made(), id="nothing"),
        pytest.param(made(Text("a")), id="text"),
        pytest.param(made(tool_choice=ToolChoice(Choice.AUTO)), id="the-choice-of-tools-as-it-is"),
        pytest.param(made(parallel_tool_calls=True), id="parallel-calls"),
        pytest.param(made(choices=1), id="one-answer"),
        pytest.param(sampled(presence_penalty=0.0), id="presence-penalty-of-nothing"),
        pytest.param(sampled(frequency_penalty=0.0), id="frequency-penalty-of-nothing"),
    ],
)
def test_what_every_dialect_does_anyway_is_no_need(plain: Request) -> None:
    assert list(features_of(plain)) == []


@pytest.mark.parametrize("asked", [made(NATIVE), made(tools=(NATIVE_TOOL,))], ids=["part", "tool"])
def test_what_only_one_dialect_can_say_is_no_need_in_that_dialect(asked: Request) -> None:
    assert list(features_of(asked, dialect=OWN)) == []


def support(**special: Support) -> Mapping[Feature, Support]:
    """A dialect that can say all but some features."""
    return {feature: special.get(feature.value, Support.YES) for feature in Feature}


@pytest.mark.parametrize(
    ("dialect", "verdict"),
    [
        pytest.param(support(), Verdict((), ()), id="says-it"),
        pytest.param(support(seed=Support.DROPPED), Verdict(("seed",), ()), id="drops-it"),
        pytest.param(support(seed=Support.REFUSED), Verdict((), ("seed",)), id="refuses-it"),
        pytest.param(support(top_k=Support.REFUSED), Verdict((), ()), id="was-not-asked-for"),
        pytest.param(
            support(top_p=Support.DROPPED, seed=Support.DROPPED),
            Verdict(("seed", "top_p"), ()),
            id="drops-two-in-order",
        ),
    ],
)
def test_a_need_is_said_dropped_or_refused(
    dialect: Mapping[Feature, Support], verdict: Verdict
) -> None:
    assert negotiate(sampled(top_p=0.5, seed=1), dialect) == verdict


def test_fields_that_have_no_place_are_told_beside_the_features() -> None:
    asked = made(dropped=("zzz", "aaa"), refused=("n",), stop=("END",))
    verdict = negotiate(asked, support(stop_sequences=Support.DROPPED))
    assert verdict == Verdict(("aaa", "stop_sequences", "zzz"), ("n",))


def test_provider_content_goes_back_to_its_provider() -> None:
    refusing = support(provider_content=Support.REFUSED)
    assert negotiate(made(NATIVE), refusing, dialect=OWN) == Verdict((), ())
