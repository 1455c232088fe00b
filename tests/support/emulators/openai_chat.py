"""A chat completions upstream, of those that show what their model thinks.

Its model wants its thoughts back in the turns that called tools, as DeepSeek's do.

Source: https://platform.openai.com/docs/api-reference/chat/create
Source: https://api-docs.deepseek.com/guides/thinking_mode
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from tests.support.emulators.frames import body_of, dumps, frame, halves, stream, whole
from tests.support.emulators.said import Asked, Finish, Json, Refused, Said, Turn, Usage
from tests.support.emulators.typed import check
from tests.support.fake_upstream import Answer, Received

PATH = "/v1/chat/completions"
_TAKEN_BACK = ("reasoning_content", "annotations")
_HEAD = {"id": "chatcmpl-emulated", "created": 1783961501, "system_fingerprint": "fp_1"}
_ERRORS = {
    400: ("invalid_request_error", "unsupported_parameter"),
    401: ("invalid_request_error", "invalid_api_key"),
    429: ("tokens", "rate_limit_exceeded"),
    500: ("server_error", None),
}


class OpenAIChat:
    """See `Wire`."""

    base_model = "deepseek-emulated"
    call_prefix = "call_"

    def key(self, received: Received) -> str | None:
        return received.key

    def read(self, received: Received) -> Asked:
        if received.path != PATH:
            raise Refused(f"no such path: {received.path}")
        body = body_of(received)
        streams = body.get("stream") is True
        bare = {**body, "messages": [_in_openais_words(m) for m in body.get("messages", [])]}
        check(
            bare,
            CompletionCreateParamsStreaming if streams else CompletionCreateParamsNonStreaming,
        )
        messages = body["messages"]
        _check_order(messages)
        format = body.get("response_format") or {}
        return Asked(
            model=body["model"],
            stream=streams,
            prompt=_prompt(messages),
            system="\n".join(_text(m) for m in messages if m["role"] in ("system", "developer")),
            images=tuple(image for message in messages for image in _images(message)),
            tools=tuple(_tool(tool) for tool in body.get("tools", ())),
            schema=format.get("json_schema", {}).get("schema"),
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
            shows_thought=True,
            wants_thought=True,
            wants_usage=not streams
            or (body.get("stream_options") or {}).get("include_usage") is True,
            turns=tuple(_turn(m) for m in messages if m["role"] == "assistant"),
            results=tuple((m["tool_call_id"], _text(m)) for m in messages if m["role"] == "tool"),
            body=body,
        )

    def answer(self, said: Said, asked: Asked) -> Answer:
        if asked.stream:
            return stream(_frames(said, asked))
        message: Json = {"role": "assistant", "content": "".join(said.text) or None}
        message["refusal"] = None
        if said.thought:
            message["reasoning_content"] = "".join(said.thought)
        if said.calls:
            message["tool_calls"] = [
                {
                    "id": OpenAIChat.call_prefix + call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": dumps(call.arguments)},
                }
                for call in said.calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish}
        head = {**_HEAD, "object": "chat.completion", "model": asked.model}
        return whole({**head, "choices": [choice], "usage": _usage(said.usage)})

    def refusal(self, status: int, message: str, *, retry_after_s: int | None = None) -> Answer:
        type, code = _ERRORS[status]
        headers = [("Retry-After", str(retry_after_s))] if retry_after_s else []
        error = {"message": message, "type": type, "param": None, "code": code}
        return whole({"error": error}, status=status, headers=headers)


def _frames(said: Said, asked: Asked) -> Iterator[bytes]:
    usage = {"usage": None} if asked.wants_usage else {}
    head = {**_HEAD, "object": "chat.completion.chunk", "model": asked.model, **usage}

    def chunk(delta: Json, finish: Finish | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return frame({**head, "choices": [choice]})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in said.thought:
        yield chunk({"reasoning_content": piece})
    for piece in said.text:
        yield chunk({"content": piece})
    for index, call in enumerate(said.calls):
        function = {"name": call.name, "arguments": ""}
        began = {"id": OpenAIChat.call_prefix + call.id, "type": "function", "function": function}
        yield chunk({"tool_calls": [{"index": index, **began}]})
        for piece in halves(dumps(call.arguments)):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, said.finish)
    if asked.wants_usage:
        yield frame({**head, "choices": [], "usage": _usage(said.usage)})
    yield b"data: [DONE]\n\n"


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _in_openais_words(message: Any) -> Any:
    """A message as OpenAI's own types have it.

    They do not know thoughts, nor what its API takes back of its own answers all the same: the
    annotations, and the number that its SDK leaves in the calls of a stream.
    """
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return message
    bare = {name: value for name, value in message.items() if name not in _TAKEN_BACK}
    if "tool_calls" in bare:
        bare["tool_calls"] = [
            {name: value for name, value in call.items() if name != "index"}
            for call in bare["tool_calls"]
        ]
    return bare


def _check_order(messages: list[Json]) -> None:
    """Results follow the turn that called, one for each call, and nothing comes between."""
    if not messages:
        raise Refused("messages: empty")
    open_calls: list[str] = []
    for number, message in enumerate(messages):
        at = f"messages[{number}]"
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                raise Refused(f"{at}: no call {message['tool_call_id']} waits for a result")
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            raise Refused(f"{at}: calls without a result: {open_calls}")
        if message["role"] == "assistant":
            open_calls = [call["id"] for call in message.get("tool_calls") or ()]
            if not open_calls and not message.get("content"):
                raise Refused(f"{at}: neither content nor tool calls")
    if open_calls:
        raise Refused(f"calls without a result: {open_calls}")


def _text(message: Json) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def _prompt(messages: list[Json]) -> str:
    return next((_text(m) for m in reversed(messages) if m["role"] == "user"), "")


def _images(message: Json) -> Iterator[tuple[str, bytes]]:
    content = message.get("content")
    for part in content if isinstance(content, list) else ():
        if part["type"] == "image_url":
            head, _, data = part["image_url"]["url"].partition(";base64,")
            yield head.removeprefix("data:"), base64.b64decode(data, validate=True)


def _tool(tool: Json) -> tuple[str, str, Any]:
    function = tool["function"]
    return function["name"], function.get("description", ""), function.get("parameters")


def _turn(message: Json) -> Turn:
    calls = (
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    )
    return Turn(thought=message.get("reasoning_content") or "", calls=tuple(calls))
