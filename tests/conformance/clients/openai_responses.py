"""OpenAI's SDK, responses."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import openai
from openai.types.responses import Response

from tests.conformance.asking import PROMPT, SYSTEM, Ask, Heard
from tests.conformance.clients.openai_chat import ERRORS, failure_of
from tests.support.emulators.said import Finish, Json, Usage

_ENDS = ("response.completed", "response.incomplete", "response.failed")


class OpenAIResponsesClient:
    """See `Client`."""

    finishes = {
        Finish.STOP: "completed",
        Finish.LENGTH: "incomplete: max_output_tokens",
        Finish.TOOL_CALLS: "completed",
    }
    errors = ERRORS

    def __init__(self, sdk: openai.OpenAI) -> None:
        self._sdk = sdk

    def open(self, ask: Ask) -> list[Any]:
        content: Any = PROMPT
        if ask.image:
            url = f"data:image/png;base64,{base64.b64encode(ask.image).decode()}"
            image = {"type": "input_image", "image_url": url, "detail": "auto"}
            content = [{"type": "input_text", "text": PROMPT}, image]
        return [{"role": "user", "content": content}]

    def send(self, ask: Ask, conversation: list[Any]) -> Heard:
        text = ""
        options = self._options(ask, conversation)
        try:
            if not ask.stream:
                return _heard(self._sdk.responses.create(**options))
            numbers = []
            response: Response | None = None
            with self._sdk.responses.stream(**options) as events:
                for event in events:
                    numbers.append(event.sequence_number)
                    if event.type == "response.output_text.delta":
                        text += event.delta
                    if event.type in _ENDS:
                        response = event.response
            assert numbers == list(range(len(numbers)))
            assert response
            heard = _heard(response)
            assert heard.text == text
            return heard
        except openai.APIError as error:
            return Heard(text=text, failure=failure_of(error))

    def results(self, results: Sequence[tuple[str, str, str]]) -> list[Any]:
        return [
            {"type": "function_call_output", "call_id": id, "output": text}
            for id, _, text in results
        ]

    def _options(self, ask: Ask, conversation: list[Any]) -> Any:
        options: Json = {}
        if ask.tools:
            options["tools"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.schema,
                    "strict": False,
                }
                for tool in ask.tools
            ]
        if ask.schema:
            format = {"type": "json_schema", "name": "tower", "schema": ask.schema}
            options["text"] = {"format": {**format, "strict": True}}
        if ask.max_tokens:
            options["max_output_tokens"] = ask.max_tokens
        if ask.thinks:
            options["reasoning"] = {"effort": "low", "summary": "auto"}
            options["include"] = ["reasoning.encrypted_content"]
        settings = {"model": ask.model, "instructions": SYSTEM, "store": False}
        return {**settings, "input": conversation, **options}


def _heard(response: Response) -> Heard:
    usage, details = response.usage, response.incomplete_details
    assert usage
    return Heard(
        text=response.output_text,
        thought="".join(
            part.text
            for item in response.output
            if item.type == "reasoning"
            for part in item.summary
        ),
        calls=tuple(
            (item.call_id, item.name, json.loads(item.arguments))
            for item in response.output
            if item.type == "function_call"
        ),
        finish=f"{response.status}: {details.reason}" if details else response.status,
        usage=Usage(
            input=usage.input_tokens,
            output=usage.output_tokens,
            cached=usage.input_tokens_details.cached_tokens,
            reasoning=usage.output_tokens_details.reasoning_tokens,
        ),
        turn=response.output,
    )
