"""What a request needs, and what becomes of a need that a dialect cannot say.

A need whose loss would change what the answer means makes a candidate of that dialect refuse the
request before any upstream is called. Any other is dropped, and its name is told to the client.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from gateway.canonical.content import (
    Media,
    MediaKind,
    NativePart,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from gateway.canonical.request import Choice, Dialect, Format, NativeTool, Request, Tool


class Feature(StrEnum):
    """Something of a request that not every dialect can say; the values are names for people."""

    IMAGE_INPUT = "image_input"
    IMAGE_URL = "image_url"
    AUDIO_INPUT = "audio_input"
    VIDEO_INPUT = "video_input"
    DOCUMENT_INPUT = "document_input"
    DOCUMENT_URL = "document_url"
    FILE_ID = "file_id"
    TOOLS = "tools"
    CUSTOM_TOOLS = "custom_tools"
    PROVIDER_TOOLS = "provider_tools"
    PROVIDER_CONTENT = "provider_content"
    TOOL_CHOICE = "tool_choice"
    ALLOWED_TOOLS = "allowed_tools"
    SERIAL_TOOL_CALLS = "serial_tool_calls"
    TOOL_RESULT_MEDIA = "tool_result_media"
    TOOL_RESULT_ERROR = "tool_result_error"
    REASONING = "reasoning"
    REASONING_INPUT = "reasoning_input"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    STOP_SEQUENCES = "stop_sequences"
    LOGPROBS = "logprobs"
    SEVERAL_CHOICES = "several_choices"
    TEMPERATURE = "temperature"
    TOP_P = "top_p"
    TOP_K = "top_k"
    SEED = "seed"
    PENALTIES = "penalties"
    MAX_OUTPUT_TOKENS = "max_output_tokens"
    USER = "user"
    PROMPT_CACHE = "prompt_cache"


class Support(StrEnum):
    """What a dialect does with a feature of a request that comes from another dialect."""

    YES = "yes"
    DROPPED = "dropped"
    REFUSED = "refused"


class Verdict(Struct, frozen=True):
    """What would be lost of a request; names of features and of wire fields, sorted."""

    dropped: tuple[str, ...]
    refused: tuple[str, ...]


def negotiate(
    request: Request, support: Mapping[Feature, Support], *, dialect: Dialect | None = None
) -> Verdict:
    """Compare what a request needs with what a dialect can say.

    What only `dialect` can say is no loss when it is asked in that very dialect.
    """
    needed = set(features_of(request, dialect=dialect))
    dropped = {feature.value for feature in needed if support[feature] is Support.DROPPED}
    refused = {feature.value for feature in needed if support[feature] is Support.REFUSED}
    return Verdict(
        dropped=tuple(sorted(dropped.union(request.dropped))),
        refused=tuple(sorted(refused.union(request.refused))),
    )


def features_of(request: Request, *, dialect: Dialect | None = None) -> Iterator[Feature]:
    """Name what a request needs; a name may come more than once.

    Args:
        dialect: what only it can say is not named.
    """
    for message in request.messages:
        for part in message.parts:
            yield from _of_part(part, dialect)
    yield from _of_tools(request, dialect)
    yield from _of_output(request)
    yield from _of_sampling(request)


_MEDIA = {
    MediaKind.IMAGE: (Feature.IMAGE_INPUT, Feature.IMAGE_URL),
    MediaKind.DOCUMENT: (Feature.DOCUMENT_INPUT, Feature.DOCUMENT_URL),
    MediaKind.AUDIO: (Feature.AUDIO_INPUT, Feature.AUDIO_INPUT),
    MediaKind.VIDEO: (Feature.VIDEO_INPUT, Feature.VIDEO_INPUT),
}


def _of_part(part: Part, own: str | None) -> Iterator[Feature]:
    if isinstance(part, Text | Media | ToolCall | ToolResult) and part.cache:
        yield Feature.PROMPT_CACHE
    match part:
        case Media():
            yield _of_media(part)
        case Reasoning():
            yield Feature.REASONING_INPUT
        case ToolCall(custom=custom):
            yield Feature.CUSTOM_TOOLS if custom else Feature.TOOLS
        case ToolResult():
            yield from _of_result(part, own)
        case NativePart(dialect=dialect) if dialect != own:
            yield Feature.PROVIDER_CONTENT
        case _:
            pass


def _of_result(result: ToolResult, own: str | None) -> Iterator[Feature]:
    yield Feature.CUSTOM_TOOLS if result.custom else Feature.TOOLS
    if result.is_error:
        yield Feature.TOOL_RESULT_ERROR
    for part in result.parts:
        if isinstance(part, Media):
            yield Feature.TOOL_RESULT_MEDIA
        yield from _of_part(part, own)


def _of_media(media: Media) -> Feature:
    if media.file_id is not None:
        return Feature.FILE_ID
    inline, by_url = _MEDIA[media.kind]
    return inline if media.data is not None else by_url


def _of_tools(request: Request, own: str | None) -> Iterator[Feature]:
    for tool in request.tools:
        match tool:
            case NativeTool(dialect=dialect):
                if dialect != own:
                    yield Feature.PROVIDER_TOOLS
            case Tool(custom=custom, cache=cache):
                yield Feature.CUSTOM_TOOLS if custom else Feature.TOOLS
                if cache:
                    yield Feature.PROMPT_CACHE
    choice = request.tool_choice
    if choice and choice.mode is not Choice.AUTO:
        yield Feature.TOOL_CHOICE
    if choice and choice.allowed:
        yield Feature.ALLOWED_TOOLS
    if request.parallel_tool_calls is False:
        yield Feature.SERIAL_TOOL_CALLS


def _of_output(request: Request) -> Iterator[Feature]:
    if request.response_format:
        is_schema = request.response_format.type is Format.JSON_SCHEMA
        yield Feature.JSON_SCHEMA if is_schema else Feature.JSON_OBJECT
    needs = {
        Feature.REASONING: request.reasoning,
        Feature.STOP_SEQUENCES: request.stop,
        Feature.LOGPROBS: request.logprobs,
        Feature.SEVERAL_CHOICES: request.choices > 1,
        Feature.MAX_OUTPUT_TOKENS: request.max_output_tokens is not None,
        Feature.USER: request.user,
    }
    yield from (feature for feature, needed in needs.items() if needed)


def _of_sampling(request: Request) -> Iterator[Feature]:
    sampling = request.sampling
    values = {
        Feature.TEMPERATURE: sampling.temperature,
        Feature.TOP_P: sampling.top_p,
        Feature.TOP_K: sampling.top_k,
        Feature.SEED: sampling.seed,
        # One of 0 is none.
        Feature.PENALTIES: sampling.presence_penalty or sampling.frequency_penalty or None,
    }
    yield from (feature for feature, value in values.items() if value is not None)
