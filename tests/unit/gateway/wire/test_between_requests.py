"""A dialect's request says what the dialect supports of a canonical one, and nothing else."""

import itertools
from typing import Any

import msgspec
import pytest

from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.features import Feature, Support, features_of, negotiate
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
from gateway.wire.codecs import CODECS

CHAT, RESPONSES = Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES
ANTHROPIC, GEMINI = Dialect.ANTHROPIC_MESSAGES, Dialect.GEMINI

CLOSED = (
    b'{"type":"object","properties":{"x":{"type":"number","description":"{maximum: 1.50}"}}'
    b',"additionalProperties":false}'
)
"""The schema as an upstream takes it that closes objects and knows no bounds."""
UNMADE = Opaque(GEMINI, "skip_thought_signature_validator")
"""Signs a call that no Gemini model made."""

MODELS = {
    CHAT: "gpt-4o",
    RESPONSES: "gpt-4o",
    ANTHROPIC: "claude-sonnet-4-5",
    GEMINI: "gemini-3-flash",
}

HI = Message(Role.USER, (Text("hi"),))
SCHEMA = b'{"type":"object","properties":{"x":{"type":"number","maximum":1.50}}}'
F, G = (
    Tool(name=name, description="does", parameters=SCHEMA, strict=strict)
    for name, strict in (("f", None), ("g", None))
)
CALL = Message(Role.ASSISTANT, (ToolCall("call_0", "f", '{"x":1.50}'),))


def _user(*parts: AnyPart) -> Request:
    return Request(messages=(Message(Role.USER, (*parts, Text("look"))),))


def _media(kind: MediaKind, mime: str, **where: str) -> Request:
    return _user(Media(kind=kind, mime=mime, **where))


def _result(*parts: Text | Media, is_error: bool = False) -> Request:
    result = ToolResult(call_id="call_0", parts=parts, name="f", is_error=is_error)
    return Request(messages=(HI, CALL, Message(Role.TOOL, (result,))), tools=(F,))


def _asking(**options: Any) -> Request:
    return Request(messages=(HI,), **options)


def _reasoned(dialect: Dialect) -> Request:
    thought = Reasoning(text="hm", signature=Opaque(dialect, "b3du"))
    return Request(messages=(HI, Message(Role.ASSISTANT, (thought, Text("a"))), HI))


def _request(feature: Feature, dialect: Dialect) -> Request:
    """A request that needs one feature, of a client of another dialect than `dialect`."""
    other = next(other for other in Dialect if other is not dialect)
    made = {
        Feature.IMAGE_INPUT: _media(MediaKind.IMAGE, "image/png", data="aGk="),
        Feature.IMAGE_URL: _user(Media(kind=MediaKind.IMAGE, url="https://a.example/a.png")),
        Feature.AUDIO_INPUT: _media(MediaKind.AUDIO, "audio/wav", data="aGk="),
        Feature.VIDEO_INPUT: _media(MediaKind.VIDEO, "video/mp4", data="aGk="),
        Feature.DOCUMENT_INPUT: _media(
            MediaKind.DOCUMENT, "application/pdf", data="aGk=", name="a.pdf"
        ),
        Feature.DOCUMENT_URL: _user(Media(kind=MediaKind.DOCUMENT, url="https://a.example/a.pdf")),
        Feature.FILE_ID: _media(MediaKind.IMAGE, "image/png", file_id="file-1"),
        Feature.TOOLS: _asking(tools=(F, G)),
        Feature.CUSTOM_TOOLS: _asking(tools=(Tool(name="c", description="d", custom=True),)),
        Feature.PROVIDER_TOOLS: _asking(tools=(NativeTool(other, "search", b'{"type":"search"}'),)),
        Feature.PROVIDER_CONTENT: _user(NativePart(other, "x", b'{"type":"x"}')),
        Feature.TOOL_CHOICE: _asking(tools=(F,), tool_choice=ToolChoice(Choice.NAMED, "f")),
        Feature.ALLOWED_TOOLS: _asking(
            tools=(F, G), tool_choice=ToolChoice(Choice.AUTO, allowed=("f",))
        ),
        Feature.SERIAL_TOOL_CALLS: _asking(
            tools=(F,), tool_choice=ToolChoice(Choice.AUTO), parallel_tool_calls=False
        ),
        Feature.TOOL_RESULT_MEDIA: _result(
            Text("a"), Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk=")
        ),
        Feature.TOOL_RESULT_ERROR: _result(Text("no such file"), is_error=True),
        Feature.REASONING: _asking(
            reasoning=ReasoningOptions(effort="low", visible=True), max_output_tokens=9000
        ),
        Feature.REASONING_INPUT: _reasoned(dialect),
        Feature.JSON_OBJECT: _asking(response_format=ResponseFormat(type=Format.JSON_OBJECT)),
        Feature.JSON_SCHEMA: _asking(
            response_format=ResponseFormat(
                type=Format.JSON_SCHEMA, name="answer", schema=SCHEMA, strict=True
            )
        ),
        Feature.STOP_SEQUENCES: _asking(stop=("a", "b")),
        Feature.LOGPROBS: _asking(logprobs=True, top_logprobs=3),
        Feature.SEVERAL_CHOICES: _asking(choices=2),
        Feature.TEMPERATURE: _asking(sampling=Sampling(temperature=0.5)),
        Feature.TOP_P: _asking(sampling=Sampling(top_p=0.5)),
        Feature.TOP_K: _asking(sampling=Sampling(top_k=5)),
        Feature.SEED: _asking(sampling=Sampling(seed=5)),
        Feature.PENALTIES: _asking(sampling=Sampling(presence_penalty=0.5, frequency_penalty=0.25)),
        Feature.MAX_OUTPUT_TOKENS: _asking(max_output_tokens=77),
        Feature.USER: _asking(user="u-1"),
        Feature.PROMPT_CACHE: _user(Text("long", cache="1h")),
    }
    return made[feature]


def _sent(request: Request, dialect: Dialect) -> Request:
    """A request as an upstream of a dialect reads it."""
    codec = CODECS[dialect]
    return codec.parse_request(codec.render_request(request, model=MODELS[dialect], stream=False))


ALL = pytest.mark.parametrize(
    ("dialect", "feature"),
    [
        pytest.param(dialect, feature, id=f"{dialect} {feature}")
        for dialect, feature in itertools.product(Dialect, Feature)
    ],
)


@ALL
def test_a_request_needs_what_it_was_made_for(dialect: Dialect, feature: Feature) -> None:
    assert feature in set(features_of(_request(feature, dialect), dialect=dialect))


ELSEWHERE = {(CHAT, Feature.TOOL_RESULT_MEDIA): Feature.IMAGE_INPUT}
"""What is said in another place: a chat's tool message is text alone."""


@ALL
def test_what_is_supported_is_said_and_what_is_dropped_is_not(
    dialect: Dialect, feature: Feature
) -> None:
    support = CODECS[dialect].support[feature]
    if support is Support.REFUSED:
        return  # Never rendered: see the next test.
    said = set(features_of(_sent(_request(feature, dialect), dialect)))
    assert (ELSEWHERE.get((dialect, feature), feature) in said) is (support is Support.YES)


@ALL
def test_what_is_lost_is_named(dialect: Dialect, feature: Feature) -> None:
    support = CODECS[dialect].support
    verdict = negotiate(_request(feature, dialect), support, dialect=dialect)
    assert (feature.value in verdict.dropped) is (support[feature] is Support.DROPPED)
    assert (feature.value in verdict.refused) is (support[feature] is Support.REFUSED)


REASONING: dict[Dialect, ReasoningOptions] = {
    CHAT: ReasoningOptions(effort="low"),
    RESPONSES: ReasoningOptions(effort="low", visible=True, summary="auto"),
    ANTHROPIC: ReasoningOptions(budget_tokens=1024, visible=True),
    GEMINI: ReasoningOptions(effort="low", visible=True),
}
"""What an upstream reads of a low effort that is to be seen, in its own words."""


@ALL
def test_what_is_supported_arrives_as_it_was(dialect: Dialect, feature: Feature) -> None:
    request = _request(feature, dialect)
    if CODECS[dialect].support[feature] is Support.YES and (dialect, feature) not in ELSEWHERE:
        sent, expected = _sent(request, dialect), _expected(request, dialect)
        for field in Request.__struct_fields__:
            assert getattr(sent, field) == getattr(expected, field), field


def _expected(request: Request, dialect: Dialect) -> Request:
    """A request with what its dialect has to add, and without what it has no word for."""
    changes: dict[str, Any] = {}
    form = request.response_format
    if form and dialect in (ANTHROPIC, GEMINI):
        schema = CLOSED if form.schema and dialect is ANTHROPIC else form.schema
        changes["response_format"] = msgspec.structs.replace(
            form, name=None, strict=None, schema=schema
        )
    if request.reasoning:
        changes["reasoning"] = REASONING[dialect]
    if dialect is ANTHROPIC and request.max_output_tokens is None:
        # The API demands one.
        changes["max_output_tokens"] = 8192
    if dialect is RESPONSES:
        # Unset means true to the API.
        changes["tools"] = (
            tuple(
                msgspec.structs.replace(tool, strict=False) if tool.strict is None else tool
                for tool in request.tools
                if isinstance(tool, Tool) and not tool.custom
            )
            or request.tools
        )
    if dialect is GEMINI:
        changes["messages"] = tuple(_as_google_says(message) for message in request.messages)
    return msgspec.structs.replace(request, **changes)


def _as_google_says(message: Message) -> Message:
    """A message whose media have a type, and no name."""
    types = {MediaKind.IMAGE: "image/png", MediaKind.DOCUMENT: "application/pdf"}
    parts = tuple(
        msgspec.structs.replace(part, mime=part.mime or types[part.kind], name=None)
        if isinstance(part, Media)
        else part
        for part in message.parts
    )
    signed = tuple(
        msgspec.structs.replace(part, signature=UNMADE) if isinstance(part, ToolCall) else part
        for part in parts
    )
    return Message(message.role, signed)
