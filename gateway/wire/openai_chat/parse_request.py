"""Chat completion requests: wire -> canonical.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.request import (
    Format,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Sampling,
)
from gateway.wire.json_body import bad_request
from gateway.wire.openai_chat.parse_messages import MessageReader
from gateway.wire.openai_chat.parse_tools import (
    parse_function,
    parse_function_choice,
    parse_tool,
    parse_tool_choice,
)
from gateway.wire.openai_chat.reading import ABSENT, LeftOut, is_null, read, read_fields

_SILENT = frozenset({"model", "stream_options"})
"""Fields that are not the request's but the route's and the renderer's."""

_REFUSED = frozenset({"audio", "web_search_options"})
_TEXT_ONLY = ["text"]
_NO_REASONING = "none"


class _Reasoning(Struct):
    """OpenRouter's form of what OpenAI says with `reasoning_effort`."""

    effort: str | None = None
    max_tokens: int | None = None
    enabled: bool | None = None
    exclude: bool | None = None


class _Thinking(Struct):
    """The form that DeepSeek, Kimi and GLM have for it."""

    type: str | None = None
    budget_tokens: int | None = None


class _Schema(Struct):
    name: str | None = None
    description: str | None = None
    schema: Raw = ABSENT
    strict: bool | None = None


class _Format(Struct):
    type: str
    json_schema: _Schema | None = None


class _Request(Struct):
    """Every field that the canonical model has a place for."""

    messages: list[Raw]
    stream: bool | None = None
    tools: list[Raw] | None = None
    functions: list[Raw] | None = None
    tool_choice: Raw = ABSENT
    function_call: Raw = ABSENT
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: str | list[str] | None = None
    reasoning_effort: str | None = None
    reasoning: _Reasoning | None = None
    thinking: _Thinking | None = None
    response_format: _Format | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None
    user: str | None = None
    modalities: list[str] | None = None


_KNOWN = frozenset(_Request.__struct_fields__) | _SILENT | _REFUSED

_fields_decoder = msgspec.json.Decoder(dict[str, Raw])
_decoder = msgspec.json.Decoder(_Request)
_any_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def parse_request(body: bytes) -> Request:
    """Read a request that `parse_envelope` accepted into the canonical model.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    wire = read(body, _decoder, path="")
    left = _left_out(read(body, _fields_decoder, path=""), wire)
    messages = MessageReader(left)
    for index, message in enumerate(wire.messages):
        messages.read(message, path=f"messages[{index}]")
    tools = [
        *(parse_tool(t, left, path=f"tools[{i}]") for i, t in enumerate(wire.tools or ())),
        *(
            parse_function(f, left, path=f"functions[{i}]")
            for i, f in enumerate(wire.functions or ())
        ),
    ]
    choice = parse_tool_choice(wire.tool_choice) or parse_function_choice(wire.function_call)
    return Request(
        messages=messages.messages(),
        tools=tuple(tools),
        tool_choice=choice,
        parallel_tool_calls=wire.parallel_tool_calls,
        max_output_tokens=(
            wire.max_tokens if wire.max_completion_tokens is None else wire.max_completion_tokens
        ),
        sampling=_sampling(wire),
        stop=(wire.stop,) if isinstance(wire.stop, str) else tuple(wire.stop or ()),
        reasoning=_reasoning(wire),
        response_format=_response_format(wire),
        logprobs=bool(wire.logprobs),
        top_logprobs=wire.top_logprobs,
        choices=_choices(wire.n),
        user=wire.user,
        dropped=tuple(sorted(left.dropped)),
        refused=tuple(sorted(left.refused)),
        stream=bool(wire.stream),
    )


def _left_out(fields: dict[str, Raw], wire: _Request) -> LeftOut:
    left = LeftOut()
    left.drop_unknown(fields, _KNOWN, at="")
    left.refused.update(name for name in _REFUSED if not is_null(fields.get(name, ABSENT)))
    if wire.modalities and wire.modalities != _TEXT_ONLY:
        left.refused.add("modalities")
    return left


def _sampling(wire: _Request) -> Sampling:
    return Sampling(
        temperature=wire.temperature,
        top_p=wire.top_p,
        top_k=wire.top_k,
        seed=wire.seed,
        presence_penalty=wire.presence_penalty,
        frequency_penalty=wire.frequency_penalty,
    )


def _choices(n: int | None) -> int:
    if n is not None and n < 1:
        raise bad_request("n is at least 1", param="n")
    return n or 1


def _reasoning(wire: _Request) -> ReasoningOptions | None:
    """Read how much the model is to think, in whichever form a client says it."""
    options = wire.reasoning or _Reasoning()
    thinking = wire.thinking or _Thinking()
    off = options.enabled is False or thinking.type == "disabled"
    effort = wire.reasoning_effort or options.effort or (_NO_REASONING if off else None)
    budget = thinking.budget_tokens if options.max_tokens is None else options.max_tokens
    on = options.enabled is True or thinking.type in ("enabled", "adaptive")
    visible = None if options.exclude is None else not options.exclude
    if effort is None and budget is None and visible is None and not on:
        return None
    return ReasoningOptions(
        effort=effort,
        budget_tokens=budget,
        adaptive=on and effort is None and budget is None,
        visible=visible,
    )


def _response_format(wire: _Request) -> ResponseFormat | None:
    format = wire.response_format
    if format is None or format.type == "text":
        return None
    if format.type == Format.JSON_OBJECT:
        return ResponseFormat(type=Format.JSON_OBJECT)
    path = "response_format"
    if format.type != Format.JSON_SCHEMA:
        raise bad_request(
            f"{path}.type is one of text, json_object, json_schema", param=f"{path}.type"
        )
    if format.json_schema is None or is_null(format.json_schema.schema):
        raise bad_request(
            "a json_schema format needs json_schema.schema", param=f"{path}.json_schema"
        )
    schema = format.json_schema
    read_fields(schema.schema, path=f"{path}.json_schema.schema")
    read(schema.schema, _any_decoder, path=f"{path}.json_schema.schema")
    return ResponseFormat(
        type=Format.JSON_SCHEMA,
        name=schema.name,
        description=schema.description,
        schema=bytes(schema.schema),
        strict=schema.strict,
    )
