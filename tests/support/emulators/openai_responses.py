"""OpenAI's Responses API, which stores nothing here and so wants its encrypted reasoning back.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)

from tests.support.emulators.frames import body_of, dumps, frame, halves, stream, whole
from tests.support.emulators.said import Asked, Finish, Json, Refused, Said, Turn, Usage
from tests.support.emulators.typed import check
from tests.support.fake_upstream import Answer, Received

PATH = "/v1/responses"
_UNFINISHED = "gAAAAABunfinished=="
"""What the reasoning's item has for its encrypted content before it is whole."""
_ERRORS = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    429: ("tokens", "rate_limit_exceeded"),
    500: ("server_error", None),
}
_MODEL_SAID = ("reasoning", "function_call")


class OpenAIResponses:
    """See `Wire`."""

    base_model = "gpt-5-mini"
    call_prefix = "call_"

    def key(self, received: Received) -> str | None:
        return received.key

    def read(self, received: Received) -> Asked:
        if received.path != PATH:
            raise Refused(f"no such path: {received.path}")
        body = body_of(received)
        streams = body.get("stream") is True
        check(
            _with_defaults(body),
            ResponseCreateParamsStreaming if streams else ResponseCreateParamsNonStreaming,
        )
        items = _items(body["input"])
        _check_order(items)
        reasoning = body.get("reasoning") or {}
        format = (body.get("text") or {}).get("format") or {}
        messages = [item for item in items if item["type"] == "message"]
        asking = [_text(item) for item in messages if item["role"] == "user"]
        told = [_text(item) for item in messages if item["role"] in ("system", "developer")]
        return Asked(
            model=body["model"],
            stream=streams,
            prompt=asking[-1] if asking else "",
            system="\n".join(filter(None, [body.get("instructions"), *told])),
            images=tuple(image for item in messages for image in _images(item)),
            tools=tuple(
                (tool["name"], tool.get("description", ""), tool["parameters"])
                for tool in body.get("tools", ())
            ),
            schema=format.get("schema"),
            max_tokens=body.get("max_output_tokens"),
            shows_thought=reasoning.get("summary") is not None,
            signs_thought="reasoning.encrypted_content" in body.get("include", ()),
            turns=tuple(_turns(items)),
            results=tuple(
                (item["call_id"], item["output"])
                for item in items
                if item["type"] == "function_call_output"
            ),
            body=body,
        )

    def answer(self, said: Said, asked: Asked) -> Answer:
        if asked.stream:
            return stream(_Stream(said, asked).frames())
        return whole(_resource(said, asked, [item for item, _ in _output(said, asked)]))

    def refusal(self, status: int, message: str, *, retry_after_s: int | None = None) -> Answer:
        type, code = _ERRORS[status]
        headers = [("Retry-After", str(retry_after_s))] if retry_after_s else []
        error = {"message": message, "type": type, "param": None, "code": code}
        return whole({"error": error}, status=status, headers=headers)


class _Stream:
    """The events of one answer, counted."""

    def __init__(self, said: Said, asked: Asked) -> None:
        self._said = said
        self._asked = asked
        self._number = -1

    def frames(self) -> Iterator[bytes]:
        begun = {**_resource(self._said, self._asked, []), "status": "in_progress"}
        begun |= {"usage": None, "incomplete_details": None}
        yield self._event("response.created", response=begun)
        yield self._event("response.in_progress", response=begun)
        output = _output(self._said, self._asked)
        for index, (item, early) in enumerate(output):
            at = {"item_id": item["id"], "output_index": index}
            yield self._event("response.output_item.added", item=early, output_index=index)
            match item["type"]:
                case "reasoning":
                    yield from self._summary(item, at) if item["summary"] else ()
                case "message":
                    yield from self._text(item, at)
                case _:
                    yield from self._arguments(item, at)
            yield self._event("response.output_item.done", item=item, output_index=index)
        resource = _resource(self._said, self._asked, [item for item, _ in output])
        yield self._event(f"response.{resource['status']}", response=resource)

    def _summary(self, item: Json, at: Json) -> Iterator[bytes]:
        name, at = "response.reasoning_summary", {**at, "summary_index": 0}
        empty = {"type": "summary_text", "text": ""}
        yield self._event(f"{name}_part.added", **at, part=empty)
        for piece in self._said.thought:
            yield self._event(f"{name}_text.delta", **at, delta=piece)
        [part] = item["summary"]
        yield self._event(f"{name}_text.done", **at, text=part["text"])
        yield self._event(f"{name}_part.done", **at, part=part)

    def _text(self, item: Json, at: Json) -> Iterator[bytes]:
        at = {**at, "content_index": 0}
        [part] = item["content"]
        yield self._event("response.content_part.added", **at, part={**part, "text": ""})
        for piece in self._said.text:
            yield self._event("response.output_text.delta", **at, delta=piece, logprobs=[])
        yield self._event("response.output_text.done", **at, text=part["text"], logprobs=[])
        yield self._event("response.content_part.done", **at, part=part)

    def _arguments(self, item: Json, at: Json) -> Iterator[bytes]:
        for piece in halves(item["arguments"]):
            yield self._event("response.function_call_arguments.delta", **at, delta=piece)
        done = {"name": item["name"], "arguments": item["arguments"]}
        yield self._event("response.function_call_arguments.done", **at, **done)

    def _event(self, type: str, **members: Any) -> bytes:
        self._number += 1
        return frame({"type": type, **members, "sequence_number": self._number}, event=type)


def _output(said: Said, asked: Asked) -> list[tuple[Json, Json]]:
    """The items of an answer, each as it ends and as it began."""
    items: list[tuple[Json, Json]] = []
    if said.thought:
        text = "".join(said.thought)
        shown = [{"type": "summary_text", "text": text}] if asked.shows_thought else []
        head: Json = {"id": f"rs_{said.signature[-6:].strip('=')}", "type": "reasoning"}
        signed = {"encrypted_content": said.signature} if asked.signs_thought else {}
        early = {"encrypted_content": _UNFINISHED} if asked.signs_thought else {}
        items.append(({**head, **signed, "summary": shown}, {**head, **early, "summary": []}))
    if said.text:
        status = "incomplete" if said.finish is Finish.LENGTH else "completed"
        text = "".join(said.text)
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
        head = {"id": "msg_emulated", "type": "message", "role": "assistant"}
        began = {**head, "status": "in_progress", "content": []}
        items.append(({**head, "status": status, "content": [part]}, began))
    for call in said.calls:
        head = {"id": f"fc_{call.id}", "type": "function_call", "name": call.name}
        head["call_id"] = OpenAIResponses.call_prefix + call.id
        began = {**head, "status": "in_progress", "arguments": ""}
        items.append(({**head, "status": "completed", "arguments": dumps(call.arguments)}, began))
    return items


def _resource(said: Said, asked: Asked, output: list[Json]) -> Json:
    cut = said.finish is Finish.LENGTH
    return {
        "id": "resp_emulated",
        "object": "response",
        "created_at": 1785781033,
        "status": "incomplete" if cut else "completed",
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "instructions": asked.body.get("instructions"),
        "max_output_tokens": asked.max_tokens,
        "model": asked.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "medium", "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": asked.body.get("tools", []),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(said.usage),
        "user": None,
        "metadata": {},
    }


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def _with_defaults(value: Any) -> Any:
    """A request with what OpenAI's types demand and its API does not: how to look at an image."""
    if isinstance(value, list):
        return [_with_defaults(item) for item in value]
    if not isinstance(value, dict):
        return value
    default = {"detail": "auto"} if value.get("type") == "input_image" else {}
    return default | {name: _with_defaults(member) for name, member in value.items()}


def _items(input: Any) -> list[Json]:
    if isinstance(input, str):
        return [{"type": "message", "role": "user", "content": input}]
    return [{"type": "message", **item} for item in input]


def _check_order(items: list[Json]) -> None:
    """Every call has its output, and reasoning is followed by what it led to."""
    calls = [item["call_id"] for item in items if item["type"] == "function_call"]
    outputs = [item["call_id"] for item in items if item["type"] == "function_call_output"]
    if missing := set(calls) - set(outputs):
        raise Refused(f"No tool output found for function call {sorted(missing)}.")
    if unknown := set(outputs) - set(calls):
        raise Refused(f"No tool call found for function call output {sorted(unknown)}.")
    for item, following in zip(items, [*items[1:], None], strict=True):
        if item["type"] == "reasoning":
            if not item.get("encrypted_content"):
                raise Refused(f"Item {item.get('id')} not found: items are not stored")
            if following is None or not _is_models(following):
                raise Refused("reasoning was provided without its required following item")


def _is_models(item: Json) -> bool:
    return item["type"] in _MODEL_SAID or item.get("role") == "assistant"


def _turns(items: list[Json]) -> Iterator[Turn]:
    run: list[Json] = []
    for item in [*items, None]:
        if item is not None and _is_models(item):
            run.append(item)
        elif run:
            yield _turn(run)
            run = []


def _turn(items: list[Json]) -> Turn:
    thoughts = [item for item in items if item["type"] == "reasoning"]
    return Turn(
        thought="".join(part["text"] for item in thoughts for part in item["summary"]),
        signature="".join(item["encrypted_content"] for item in thoughts) or None,
        calls=tuple(
            (item["call_id"], item["name"], json.loads(item["arguments"]))
            for item in items
            if item["type"] == "function_call"
        ),
    )


def _text(item: Json) -> str:
    content = item["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if "text" in part)


def _images(item: Json) -> Iterator[tuple[str, bytes]]:
    content = item["content"]
    for part in content if isinstance(content, list) else ():
        if part["type"] == "input_image":
            head, _, data = part["image_url"].partition(";base64,")
            yield head.removeprefix("data:"), base64.b64decode(data, validate=True)
