"""Reads what a recorded answer says from its bytes: a small reader for each dialect.

Independent of the product, which is judged by these.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tests.replay.exchange import Exchange, Family
from tests.replay.said import Said, Tokens

Wire = dict[str, Any]


@cache
def said(exchange: Exchange) -> Said:
    """What the answer of a recording says."""
    return _READERS[exchange.family](exchange)


@cache
def stream_error(exchange: Exchange) -> Wire | None:
    """The error that ends a stream, if one does."""
    if exchange.status != 200 or not exchange.is_stream:
        return None
    return next(filter(None, map(_ERRORS[exchange.family], exchange.chunks)), None)


@cache
def has_output(exchange: Exchange) -> bool:
    """Whether a stream that an error ended had said anything before."""
    if exchange.family is Family.CHAT:
        return _has_chat_output(exchange)
    answer = said(exchange)
    return bool(answer.text or answer.calls)


def arguments(text: str) -> Any:
    """Decode a tool call's arguments; text that is no JSON stays as it is."""
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError:
        return text


def _chat(exchange: Exchange) -> Said:
    if not exchange.is_sse:
        choice = exchange.json["choices"][0]
        return _chat_answer(choice["message"], choice.get("finish_reason"), exchange.json)
    message: Wire = {"content": "", "refusal": "", "tool_calls": []}
    finish = None
    whole: Wire = {}
    for chunk in exchange.chunks:
        usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")
        whole = {"usage": usage} if usage else whole
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0:
                _add_delta(message, choice.get("delta") or {})
                finish = choice.get("finish_reason") or finish
    return _chat_answer(message, finish, whole)


def _add_delta(message: Wire, delta: Wire) -> None:
    message["content"] += _text_of(delta.get("content"))
    message["refusal"] += delta.get("refusal") or ""
    calls = message["tool_calls"]
    for piece in delta.get("tool_calls") or ():
        function = piece.get("function") or {}
        known = [call for call in calls if call["index"] == piece.get("index", 0)]
        if function.get("name") and not known:
            calls.append({"index": piece.get("index", 0), "function": {"arguments": ""}})
            calls[-1]["function"]["name"] = function["name"]
            known = calls[-1:]
        known[-1]["function"]["arguments"] += function.get("arguments") or ""


def _chat_answer(message: Wire, finish: str | None, whole: Wire) -> Said:
    calls = []
    for call in message.get("tool_calls") or ():
        function = call["function"]
        calls.append((function["name"], arguments(function["arguments"])))
    if legacy := message.get("function_call"):
        calls.append((legacy["name"], arguments(legacy["arguments"])))
    spoken = (message.get("audio") or {}).get("transcript", "")
    text = _text_of(message.get("content")) + (message.get("refusal") or "") + spoken
    return Said(text, calls, finish, _chat_tokens(whole.get("usage") or {}))


def _text_of(content: Any) -> str:
    if not isinstance(content, list):
        return content or ""
    return "".join(part["text"] for part in content if part["type"] == "text")


def _chat_tokens(usage: Wire) -> Tokens:
    read = usage.get("prompt_tokens") or 0
    written = usage.get("completion_tokens") or 0
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    thought = completion.get("reasoning_tokens") or usage.get("reasoning_tokens") or 0
    cached = prompt.get("cached_tokens") or usage.get("prompt_cache_hit_tokens") or 0
    if thought and usage.get("total_tokens") == read + written + thought:
        written += thought
    return Tokens(read, written, cached, min(thought, written))


def _responses(exchange: Exchange) -> Said:
    if not exchange.is_sse:
        return _response(exchange.json, exchange.json["output"])
    items = []
    whole: Wire = {}
    for event in exchange.chunks:
        if event["type"] == "response.output_item.done":
            items.append(event["item"])
        elif event["type"] in ("response.completed", "response.incomplete", "response.failed"):
            whole = event["response"]
    return _response(whole, items)


def _response(whole: Wire, items: list[Wire]) -> Said:
    text, calls = "", []
    for item in items:
        if item["type"] == "message":
            text += "".join(part.get("text") or part["refusal"] for part in item["content"])
        elif item["type"] == "function_call":
            calls.append((item["name"], arguments(item["arguments"])))
        elif item["type"] == "custom_tool_call":
            calls.append((item["name"], item["input"]))
    usage = whole.get("usage") or {}
    tokens = Tokens(
        usage.get("input_tokens", 0),
        usage.get("output_tokens", 0),
        (usage.get("input_tokens_details") or {}).get("cached_tokens", 0),
        (usage.get("output_tokens_details") or {}).get("reasoning_tokens", 0),
    )
    why = whole.get("incomplete_details") or {}
    return Said(text, calls, why.get("reason") or whole.get("status"), tokens)


def _messages(exchange: Exchange) -> Said:
    if not exchange.is_sse:
        return _message(exchange.json)
    blocks: dict[int, Wire] = {}
    message: Wire = {"content": []}
    for event in exchange.chunks:
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                blocks[event["index"]] = {"json": "", **event["content_block"]}
            case "content_block_delta":
                delta, block = event["delta"], blocks[event["index"]]
                block["text"] = block.get("text", "") + delta.get("text", "")
                block["json"] += delta.get("partial_json", "")
            case "message_delta":
                message |= event["delta"]
                known = {k: v for k, v in event.get("usage", {}).items() if v is not None}
                message["usage"] = message.get("usage", {}) | known
    for _, block in sorted(blocks.items()):
        whole = {"input": arguments(block["json"])} if block["json"] else {}
        message["content"].append(block | whole)
    return _message(message)


def _message(message: Wire) -> Said:
    content = message["content"]
    usage = message.get("usage") or {}
    cached = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    tokens = Tokens(
        (usage.get("input_tokens") or 0) + cached + written,
        usage.get("output_tokens") or 0,
        cached,
        (usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    )
    return Said(
        "".join(block["text"] for block in content if block["type"] == "text"),
        [(block["name"], block["input"]) for block in content if block["type"] == "tool_use"],
        message.get("stop_reason"),
        tokens,
    )


_GEMINI_NUMBERS = {1: "STOP", 2: "MAX_TOKENS"}
"""What a client that asks for `enum-encoding=int` reads."""


def _gemini(exchange: Exchange) -> Said:
    chunks = exchange.chunks if exchange.is_stream else [exchange.json]
    text, finish, calls = "", None, []
    usage: Wire = {}
    for chunk in chunks:
        usage = chunk.get("usageMetadata") or usage
        for candidate in (chunk.get("candidates") or ())[:1]:
            finish = candidate.get("finishReason") or finish
            for part in (candidate.get("content") or {}).get("parts") or ():
                text += "" if part.get("thought") else part.get("text", "")
                if call := part.get("functionCall"):
                    calls.append((call["name"], call.get("args") or {}))
    counts = {name: count for name, count in usage.items() if isinstance(count, int)}
    thought = counts.get("thoughtsTokenCount", 0)
    tokens = Tokens(
        counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0),
        counts.get("candidatesTokenCount", 0) + thought,
        counts.get("cachedContentTokenCount", 0),
        thought,
    )
    word = _GEMINI_NUMBERS[finish] if isinstance(finish, int) else finish
    return Said(text, calls, word, tokens)


_READERS: Mapping[Family, Callable[[Exchange], Said]] = {
    Family.CHAT: _chat,
    Family.RESPONSES: _responses,
    Family.MESSAGES: _messages,
    Family.GEMINI: _gemini,
}


def _has_chat_output(exchange: Exchange) -> bool:
    deltas = (c.get("delta") or {} for chunk in exchange.chunks for c in chunk.get("choices") or ())
    names = ("content", "reasoning", "reasoning_content", "refusal", "tool_calls")
    return any(delta.get(name) for delta in deltas for name in names)


def _plain_error(chunk: Wire) -> Wire | None:
    error = chunk.get("error")
    return {"message": error} if isinstance(error, str) else error


def _response_error(event: Wire) -> Wire | None:
    if event["type"] == "error":
        return event.get("error") or event
    return event["response"]["error"] if event["type"] == "response.failed" else None


_ERRORS: Mapping[Family, Callable[[Wire], Wire | None]] = {
    Family.CHAT: _plain_error,
    Family.RESPONSES: _response_error,
    Family.MESSAGES: _plain_error,
    Family.GEMINI: _plain_error,
}
