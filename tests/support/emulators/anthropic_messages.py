"""Anthropic's Messages API.

Source: https://platform.claude.com/docs/en/api/messages
Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
"""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from anthropic._constants import ANTHROPIC_API_VERSION
from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)

from tests.support.emulators.frames import body_of, dumps, frame, halves, stream, whole
from tests.support.emulators.said import Asked, Finish, Json, Refused, Said, Turn, Usage
from tests.support.emulators.typed import check
from tests.support.fake_upstream import Answer, Received

PATH = "/v1/messages"
_VERSIONS = ("2023-06-01", ANTHROPIC_API_VERSION)
"""The one that all know, and the one that its own SDK asks for."""
_FINISH = {
    Finish.STOP: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.TOOL_CALLS: "tool_use",
}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    500: "api_error",
}


class AnthropicMessages:
    """See `Wire`."""

    base_model = "claude-sonnet-4-5"
    call_prefix = "toolu_"

    def key(self, received: Received) -> str | None:
        return received.header("x-api-key")

    def read(self, received: Received) -> Asked:
        if received.path.partition("?")[0] != PATH:
            raise Refused(f"no such path: {received.path}")
        if received.header("anthropic-version") not in _VERSIONS:
            raise Refused("anthropic-version: header is required")
        body = body_of(received)
        streams = body.get("stream") is True
        check(body, MessageCreateParamsStreaming if streams else MessageCreateParamsNonStreaming)
        messages = [{**m, "content": _blocks(m["content"])} for m in body["messages"]]
        thinks = body.get("thinking", {}).get("type") in ("enabled", "adaptive")
        _check_order(messages, thinks=thinks)
        _check_thinking(body)
        form = body.get("output_config", {}).get("format") or {}
        return Asked(
            model=body["model"],
            stream=streams,
            prompt=_prompt(messages),
            system=_text(_blocks(body.get("system", ""))),
            images=tuple(image for message in messages for image in _images(message)),
            tools=tuple(
                (tool["name"], tool.get("description", ""), tool["input_schema"])
                for tool in body.get("tools", ())
            ),
            schema=form.get("schema"),
            max_tokens=body["max_tokens"],
            shows_thought=thinks,
            signs_thought=thinks,
            wants_thought=thinks,
            turns=tuple(_turn(m["content"]) for m in messages if m["role"] == "assistant"),
            results=tuple(
                (block["tool_use_id"], _text(_blocks(block.get("content", ""))))
                for message in messages
                for block in message["content"]
                if block["type"] == "tool_result"
            ),
            body=body,
        )

    def answer(self, said: Said, asked: Asked) -> Answer:
        said = said if asked.shows_thought else replace(said, thought=())
        head = {"id": "msg_emulated", "type": "message", "role": "assistant", "model": asked.model}
        end = {"stop_reason": _FINISH[said.finish], "stop_sequence": None}
        if asked.stream:
            return stream(_frames(said, head, end))
        usage = {**_input(said.usage), **_output(said.usage)}
        return whole({**head, "content": _content(said), **end, "usage": usage})

    def refusal(self, status: int, message: str, *, retry_after_s: int | None = None) -> Answer:
        headers = [("Retry-After", str(retry_after_s))] if retry_after_s else []
        error = {"type": _ERRORS[status], "message": message}
        wire = {"type": "error", "error": error, "request_id": "req_emulated"}
        return whole(wire, status=status, headers=headers)


def _content(said: Said) -> list[Json]:
    content: list[Json] = []
    if said.thought:
        thought = "".join(said.thought)
        content.append({"type": "thinking", "thinking": thought, "signature": said.signature})
    if said.text:
        content.append({"type": "text", "text": "".join(said.text)})
    for call in said.calls:
        id = AnthropicMessages.call_prefix + call.id
        use = {"type": "tool_use", "id": id, "name": call.name, "input": dict(call.arguments)}
        content.append(use)
    return content


def _frames(said: Said, head: Json, end: Json) -> Iterator[bytes]:
    usage = {**_input(said.usage), "output_tokens": 1}
    message = {**head, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    yield _event("message_start", message=message)
    for index, block in enumerate(_content(said)):
        match block["type"]:
            case "thinking":
                empty = {"type": "thinking", "thinking": "", "signature": ""}
                deltas = [{"type": "thinking_delta", "thinking": p} for p in said.thought]
                deltas.append({"type": "signature_delta", "signature": said.signature})
            case "text":
                empty = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": piece} for piece in said.text]
            case _:
                empty = {**block, "input": {}}
                pieces = ("", *halves(dumps(block["input"])))
                deltas = [{"type": "input_json_delta", "partial_json": p} for p in pieces]
        yield _event("content_block_start", index=index, content_block=empty)
        if not index:
            yield _event("ping")
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    yield _event("message_delta", delta=end, usage={**_input(said.usage), **_output(said.usage)})
    yield _event("message_stop")


def _event(type: str, **members: Any) -> bytes:
    return frame({"type": type, **members}, event=type)


def _input(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
    }


def _output(usage: Usage) -> Json:
    details = {"thinking_tokens": usage.reasoning}
    return {"output_tokens": usage.output, "output_tokens_details": details}


def _blocks(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _text(blocks: list[Json]) -> str:
    return "".join(block["text"] for block in blocks if block["type"] == "text")


def _prompt(messages: list[Json]) -> str:
    texts = [_text(m["content"]) for m in messages if m["role"] == "user"]
    return next(filter(None, reversed(texts)), "")


def _images(message: Json) -> Iterator[tuple[str, bytes]]:
    for block in message["content"]:
        if block["type"] == "image":
            source = block["source"]
            yield source["media_type"], base64.b64decode(source["data"], validate=True)


def _turn(blocks: list[Json]) -> Turn:
    thoughts = [block for block in blocks if block["type"] == "thinking"]
    return Turn(
        thought="".join(block["thinking"] for block in thoughts),
        signature="".join(block["signature"] for block in thoughts) or None,
        calls=tuple(
            (block["id"], block["name"], block["input"])
            for block in blocks
            if block["type"] == "tool_use"
        ),
    )


def _check_order(messages: list[Json], *, thinks: bool) -> None:
    """Turns alternate; results come first in the turn after the calls; thinking comes first."""
    if not messages or messages[0]["role"] != "user":
        raise Refused("messages: first message must use the user role")
    open_calls: set[str] = set()
    for number, message in enumerate(messages):
        at = f"messages.{number}"
        if number and message["role"] == messages[number - 1]["role"]:
            raise Refused(f"{at}: roles must alternate")
        kinds = [block["type"] for block in message["content"]]
        if not kinds or any(
            b["type"] == "text" and not b["text"].strip() for b in message["content"]
        ):
            raise Refused(f"{at}: all messages must have non-empty content")
        answered = [b["tool_use_id"] for b in message["content"] if b["type"] == "tool_result"]
        if sorted(open_calls) != sorted(answered):
            raise Refused(f"{at}: results {answered} for calls {sorted(open_calls)}")
        if "tool_result" in kinds[len(answered) :]:
            raise Refused(f"{at}: tool_result blocks must come first")
        open_calls = {b["id"] for b in message["content"] if b["type"] == "tool_use"}
        if thinks and open_calls and kinds[0] not in ("thinking", "redacted_thinking"):
            raise Refused(f"{at}.content.0: expected thinking, found {kinds[0]}")
    if open_calls:
        raise Refused(f"calls without a result: {sorted(open_calls)}")


def _check_thinking(body: Json) -> None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled":
        budget = thinking["budget_tokens"]
        if not 1024 <= budget < body["max_tokens"]:
            raise Refused(f"thinking.budget_tokens: {budget} of {body['max_tokens']} in all")
