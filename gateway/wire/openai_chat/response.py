"""Whole chat completions: an upstream's body -> events, and a collected answer -> JSON."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.canonical.collect import Answer
from gateway.canonical.errors import Failure, Kind, Next, UpstreamError
from gateway.canonical.events import Event, Finished, NativeBody
from gateway.wire.openai_chat.errors import parse_error_chunk
from gateway.wire.openai_chat.stream import parse_usage, render_usage

_decode = msgspec.json.Decoder().decode


def parse_native(body: bytes, *, instance: str) -> Iterator[Event]:
    """Read a whole answer of status 200; its bytes go on as they are.

    Raises:
        UpstreamError: the body is an error all the same, or is not a completion.
    """
    try:
        wire = _decode(body)
    except (ValueError, RecursionError):
        wire = None
    if not isinstance(wire, dict):
        raise _garbage(instance, "no JSON object")
    if wire.get("error") and not wire.get("choices"):
        error = parse_error_chunk(instance=instance, wire=wire, frame=body)
        error.failure = msgspec.structs.replace(error.failure, native=None)
        raise error
    if not isinstance(wire.get("choices"), list):
        raise _garbage(instance, "an object that is no completion")
    yield NativeBody(body)
    if isinstance(wire.get("usage"), dict):
        yield parse_usage(wire["usage"])
    yield Finished(_finish_reason(wire))


def render_response(answer: Answer, *, id: str, model: str, created: int) -> bytes:
    """Render a collected canonical answer."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer.tool_calls
        ]
    elif not answer.text:
        message["content"] = ""
    wire = {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [
            {"index": 0, "message": message, "finish_reason": answer.finish_reason or "stop"}
        ],
    }
    if answer.usage:
        wire["usage"] = render_usage(answer.usage)
    return msgspec.json.encode(wire)


def _garbage(instance: str, what: str) -> UpstreamError:
    failure = Failure(kind=Kind.UPSTREAM, message=f"{instance} answered with {what}", status=502)
    return UpstreamError(failure, next=Next.CANDIDATE)


def _finish_reason(wire: dict[str, Any]) -> str:
    for choice in wire["choices"]:
        if isinstance(choice, dict) and choice.get("finish_reason"):
            return str(choice["finish_reason"])
    return ""
