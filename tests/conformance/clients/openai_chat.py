"""OpenAI's SDK, chat completions."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion

from tests.conformance.asking import PROMPT, SYSTEM, Ask, Failure, Heard
from tests.support.emulators.said import Finish, Json, Usage

ERRORS = {
    400: "BadRequestError",
    429: "RateLimitError",
    502: "InternalServerError",
    0: "APIError",
}


def failure_of(error: openai.APIError) -> Failure:
    """Read what the SDK raised."""
    if isinstance(error, openai.APIStatusError):
        retry_after = error.response.headers.get("retry-after")
        return Failure(type(error).__name__, error.status_code, error.message, retry_after)
    return Failure(type(error).__name__, None, error.message)


class OpenAIChatClient:
    """See `Client`."""

    finishes = {
        Finish.STOP: "stop",
        Finish.LENGTH: "length",
        Finish.TOOL_CALLS: "tool_calls",
    }
    errors = ERRORS

    def __init__(self, sdk: openai.OpenAI) -> None:
        self._sdk = sdk

    def open(self, ask: Ask) -> list[Any]:
        content: Any = PROMPT
        if ask.image:
            url = f"data:image/png;base64,{base64.b64encode(ask.image).decode()}"
            image = {"type": "image_url", "image_url": {"url": url}}
            content = [{"type": "text", "text": PROMPT}, image]
        return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]

    def send(self, ask: Ask, conversation: list[Any]) -> Heard:
        state = ChatCompletionStreamState[Any]()
        text = ""
        try:
            if not ask.stream:
                return _heard(self._create(ask, conversation))
            for chunk in self._create(ask, conversation):
                state.handle_chunk(chunk)
                text += "".join(choice.delta.content or "" for choice in chunk.choices)
            heard = _heard(state.current_completion_snapshot)
            assert heard.text == text
            return heard
        except openai.APIError as error:
            return Heard(text=text, failure=failure_of(error))

    def results(self, results: Sequence[tuple[str, str, str]]) -> list[Any]:
        return [{"role": "tool", "tool_call_id": id, "content": text} for id, _, text in results]

    def _create(self, ask: Ask, conversation: list[Any]) -> Any:
        options: Json = {}
        if ask.stream:
            options |= {"stream": True, "stream_options": {"include_usage": True}}
        if ask.tools:
            options["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.schema,
                    },
                }
                for tool in ask.tools
            ]
        if ask.schema:
            schema = {"name": "tower", "schema": ask.schema, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": schema}
        if ask.max_tokens:
            options["max_tokens"] = ask.max_tokens
        if ask.thinks:
            options["reasoning_effort"] = "low"
        create: Any = self._sdk.chat.completions.create
        return create(model=ask.model, messages=conversation, **options)


def _heard(completion: ChatCompletion) -> Heard:
    [choice] = completion.choices
    message, usage = choice.message, completion.usage
    assert usage
    assert usage.prompt_tokens_details
    assert usage.completion_tokens_details
    return Heard(
        text=message.content or "",
        thought=getattr(message, "reasoning_content", None) or "",
        calls=tuple(
            (call.id, call.function.name, json.loads(call.function.arguments))
            for call in message.tool_calls or ()
            if call.type == "function"
        ),
        finish=choice.finish_reason,
        usage=Usage(
            input=usage.prompt_tokens,
            output=usage.completion_tokens,
            cached=usage.prompt_tokens_details.cached_tokens or 0,
            reasoning=usage.completion_tokens_details.reasoning_tokens or 0,
        ),
        turn=[message.model_dump(exclude_none=True)],
    )
