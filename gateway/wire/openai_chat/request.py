"""Chat completion requests: wire -> envelope for routing, wire -> canonical, and the native splice.

A web process reads the envelope only; the upstream of the same dialect judges the rest.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.request import Message, Request, Role, Tool
from gateway.wire.json_body import bad_request, read_body
from gateway.wire.splice import splice

Json = dict[str, Any]


class _Message(Struct):
    role: str
    content: Raw = Raw(b"null")


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
_any_decoder = msgspec.json.Decoder()


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
    wire: Json = _any_decoder.decode(body)
    return Request(
        messages=tuple(
            Message(_role(message["role"]), _text(message.get("content")))
            for message in wire["messages"]
        ),
        tools=tuple(Tool(name) for name in map(_tool_name, wire.get("tools") or ()) if name),
        stream=bool(wire.get("stream")),
    )


def render_native(body: bytes, *, model: str) -> bytes:
    """Write the upstream's model id into the client's own request, and change nothing else.

    Raises:
        ValueError: `body` is not a JSON object.
    """
    return splice(body, {"model": msgspec.json.encode(model)})


def _role(name: str) -> Role:
    return _ROLES.get(name, Role.USER)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if _is_text(part))
    return ""


def _is_text(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _tool_name(tool: Json) -> str | None:
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None
