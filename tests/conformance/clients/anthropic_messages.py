"""Anthropic's SDK."""

import base64
from collections.abc import Sequence
from typing import Any

import anthropic

from tests.conformance.asking import PROMPT, SYSTEM, Ask, Failure, Heard
from tests.support.emulators.said import Finish, Json, Usage

_MAX_TOKENS = 8000
"""This dialect wants a bound on every answer."""


class AnthropicMessagesClient:
    """See `Client`."""

    finishes = {
        Finish.STOP: "end_turn",
        Finish.LENGTH: "max_tokens",
        Finish.TOOL_CALLS: "tool_use",
    }
    errors = {
        400: "BadRequestError",
        429: "RateLimitError",
        502: "InternalServerError",
        0: "APIStatusError",
    }

    def __init__(self, sdk: anthropic.Anthropic) -> None:
        self._sdk = sdk

    def open(self, ask: Ask) -> list[Any]:
        content: Any = PROMPT
        if ask.image:
            data = base64.b64encode(ask.image).decode()
            source = {"type": "base64", "media_type": "image/png", "data": data}
            content = [{"type": "image", "source": source}, {"type": "text", "text": PROMPT}]
        return [{"role": "user", "content": content}]

    def send(self, ask: Ask, conversation: list[Any]) -> Heard:
        text = ""
        options = self._options(ask, conversation)
        try:
            if not ask.stream:
                return _heard(self._sdk.messages.create(**options))
            with self._sdk.messages.stream(**options) as stream:
                for piece in stream.text_stream:
                    text += piece
                heard = _heard(stream.get_final_message())
            assert heard.text == text
            return heard
        except anthropic.APIStatusError as error:
            retry_after = error.response.headers.get("retry-after")
            name = type(error).__name__
            failure = Failure(name, error.status_code, error.message, retry_after)
            return Heard(text=text, failure=failure)

    def results(self, results: Sequence[tuple[str, str, str]]) -> list[Any]:
        blocks = [
            {"type": "tool_result", "tool_use_id": id, "content": text} for id, _, text in results
        ]
        return [{"role": "user", "content": blocks}]

    def _options(self, ask: Ask, conversation: list[Any]) -> Any:
        options: Json = {"max_tokens": ask.max_tokens or _MAX_TOKENS}
        if ask.tools:
            options["tools"] = [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": tool.schema,
                }
                for tool in ask.tools
            ]
        if ask.schema:
            format = {"type": "json_schema", "schema": ask.schema}
            options["output_config"] = {"format": format}
        if ask.thinks:
            options["thinking"] = {"type": "enabled", "budget_tokens": 2048}
        return {"model": ask.model, "system": SYSTEM, "messages": conversation, **options}


def _heard(message: anthropic.types.Message) -> Heard:
    usage, blocks = message.usage, message.content
    details = usage.output_tokens_details
    cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    return Heard(
        text="".join(block.text for block in blocks if block.type == "text"),
        thought="".join(block.thinking for block in blocks if block.type == "thinking"),
        calls=tuple(
            (block.id, block.name, block.input) for block in blocks if block.type == "tool_use"
        ),
        finish=message.stop_reason,
        usage=Usage(
            input=usage.input_tokens + cached + written,
            output=usage.output_tokens,
            cached=cached,
            reasoning=details.thinking_tokens if details else 0,
        ),
        turn=[{"role": "assistant", "content": blocks}],
    )
