"""Google's SDK."""

from collections.abc import Sequence
from typing import Any

from google import genai
from google.genai import errors, types

from tests.conformance.asking import PROMPT, SYSTEM, Ask, Failure, Heard
from tests.support.emulators.said import Finish, Usage


class GeminiClient:
    """See `Client`."""

    finishes = {
        Finish.STOP: "STOP",
        Finish.LENGTH: "MAX_TOKENS",
        Finish.TOOL_CALLS: "STOP",
    }
    errors = {400: "ClientError", 429: "ClientError", 502: "ServerError", 0: "ServerError"}

    def __init__(self, sdk: genai.Client) -> None:
        self._sdk = sdk

    def open(self, ask: Ask) -> list[Any]:
        parts = [types.Part.from_text(text=PROMPT)]
        if ask.image:
            parts.append(types.Part.from_bytes(data=ask.image, mime_type="image/png"))
        return [types.Content(role="user", parts=parts)]

    def send(self, ask: Ask, conversation: list[Any]) -> Heard:
        options: Any = {"model": ask.model, "contents": conversation, "config": _config(ask)}
        chunks: list[types.GenerateContentResponse] = []
        try:
            if ask.stream:
                for chunk in self._sdk.models.generate_content_stream(**options):
                    chunks.append(chunk)
            else:
                chunks.append(self._sdk.models.generate_content(**options))
            return _heard(chunks)
        except errors.APIError as error:
            headers = getattr(error.response, "headers", None) or {}
            failure = Failure(
                type(error).__name__, error.code, error.message or "", headers.get("retry-after")
            )
            return Heard(text=_text(chunks), failure=failure)

    def results(self, results: Sequence[tuple[str, str, str]]) -> list[Any]:
        parts = [
            types.Part(
                function_response=types.FunctionResponse(
                    id=id, name=name, response={"output": text}
                )
            )
            for id, name, text in results
        ]
        return [types.Content(role="user", parts=parts)]


def _config(ask: Ask) -> types.GenerateContentConfig:
    config = types.GenerateContentConfig(system_instruction=SYSTEM)
    if ask.tools:
        functions = [
            types.FunctionDeclaration(
                name=tool.name, description=tool.description, parameters_json_schema=tool.schema
            )
            for tool in ask.tools
        ]
        config.tools = [types.Tool(function_declarations=functions)]
    if ask.schema:
        config.response_mime_type = "application/json"
        config.response_json_schema = ask.schema
    config.max_output_tokens = ask.max_tokens
    if ask.thinks:
        level = types.ThinkingLevel.LOW
        config.thinking_config = types.ThinkingConfig(include_thoughts=True, thinking_level=level)
    return config


def _heard(chunks: list[types.GenerateContentResponse]) -> Heard:
    parts = [part for chunk in chunks for part in chunk.parts or ()]
    calls = [part.function_call for part in parts if part.function_call]
    candidates = [candidate for chunk in chunks for candidate in chunk.candidates or ()]
    usage = chunks[-1].usage_metadata
    reasons = [c.finish_reason for c in candidates if c.finish_reason]
    assert usage
    thoughts = usage.thoughts_token_count or 0
    return Heard(
        text=_text(chunks),
        thought="".join(part.text or "" for part in parts if part.thought),
        calls=tuple((call.id or "", call.name or "", call.args) for call in calls),
        finish=reasons[-1].value if reasons else None,
        usage=Usage(
            input=usage.prompt_token_count or 0,
            output=(usage.candidates_token_count or 0) + thoughts,
            cached=usage.cached_content_token_count or 0,
            reasoning=thoughts,
        ),
        turn=[c.content for c in candidates if c.content and c.content.parts],
    )


def _text(chunks: list[types.GenerateContentResponse]) -> str:
    parts = [part for chunk in chunks for part in chunk.parts or ()]
    return "".join(part.text or "" for part in parts if not part.thought)
