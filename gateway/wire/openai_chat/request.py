"""Chat completion requests: wire -> envelope for routing, wire -> canonical, and the native splice.

A web process reads the envelope only; the upstream of the same dialect judges the rest.
"""

from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.request import Message, Request, Role, Tool
from gateway.wire.json_body import bad_request, read_body
from gateway.wire.splice import splice

T = TypeVar("T")

_NULL = Raw(b"null")


class _Message(Struct):
    role: str
    content: Raw = _NULL


class _Part(Struct):
    text: str


class _Function(Struct):
    name: str


class _StreamOptions(Struct):
    include_usage: bool | None = None


class Envelope(Struct):
    """The fields that a web process reads, and the types of those that every upstream agrees on.

    Unknown fields are let through: they are the upstream's business.
    """

    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    user: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, Raw] | None = None
    tools: list[dict[str, Raw]] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Raw] | None = None
    reasoning_effort: str | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream is to end with a chunk of token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)


_ROLES = {role.value: role for role in Role} | {"developer": Role.SYSTEM}

_envelope_decoder = msgspec.json.Decoder(Envelope)
_function_decoder = msgspec.json.Decoder(_Function)
_part_decoder = msgspec.json.Decoder(_Part)
_list_decoder = msgspec.json.Decoder(list[Raw])
_string_decoder = msgspec.json.Decoder(str)


def parse_envelope(body: bytes, *, max_depth: int) -> Envelope:
    """Check a chat completion request as far as routing and errors need it.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    envelope = read_body(body, _envelope_decoder, max_depth=max_depth)
    if not envelope.model.strip():
        raise bad_request(
            "model is empty; name one, as in 'huggingface:openai/gpt-oss-120b'", param="model"
        )
    if not envelope.messages:
        raise bad_request("messages is empty; send at least one message", param="messages")
    return envelope


def parse_request(body: bytes) -> Request:
    """Read a request that `parse_envelope` accepted into the canonical model."""
    wire = _envelope_decoder.decode(body)
    return Request(
        messages=tuple(
            Message(_role(message.role), _text(message.content)) for message in wire.messages
        ),
        tools=tuple(Tool(name) for name in map(_tool_name, wire.tools or ()) if name),
        stream=bool(wire.stream),
    )


def render_native(body: bytes, *, model: str) -> bytes:
    """Write the upstream's model id into the client's own request, and change nothing else.

    Raises:
        ValueError: `body` is not a JSON object.
    """
    return splice(body, {"model": msgspec.json.encode(model)})


def _role(name: str) -> Role:
    return _ROLES.get(name, Role.USER)


def _text(content: Raw) -> str:
    parts = _read(content, _list_decoder)
    if parts is None:
        return _read(content, _string_decoder) or ""
    texts = (_read(part, _part_decoder) for part in parts)
    return "".join(part.text for part in texts if part)


def _tool_name(tool: dict[str, Raw]) -> str | None:
    function = _read(tool.get("function", _NULL), _function_decoder)
    return function.name if function else None


def _read(value: Raw, decoder: msgspec.json.Decoder[T]) -> T | None:
    """Read a part of a request that may be of any type; None when it is not of this one."""
    try:
        return decoder.decode(value)
    except msgspec.ValidationError:
        return None
