"""The providers' own SDKs as clients of the gateway, and what they make of its answers.

A client of an exchange's own dialect sends the recorded request; one of another sends a greeting,
as the answer is what matters there.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import anthropic
import httpx2
import openai
from google import genai
from google.genai import errors

from tests.replay.clients import Outcome, Tee
from tests.replay.exchange import Exchange, Family
from tests.replay.readings import arguments
from tests.replay.said import Said, Tokens
from tests.support.gateway import Gateway

TIMEOUT_S = 60.0


class Sdks:
    """One client of each SDK, all on one transport: making a client costs more than a request."""

    def __init__(self, gateway: Gateway) -> None:
        self._tee = Tee()
        self._http = httpx2.Client(transport=self._tee, timeout=TIMEOUT_S)
        root = gateway.url.removesuffix("/v1")
        options: Any = {"base_url": root, "httpx_client": self._http}
        given: Any = {"api_key": "any", "max_retries": 0, "http_client": self._http}
        self._clients: Mapping[Family, Any] = {
            Family.CHAT: openai.OpenAI(base_url=gateway.url, **given),
            Family.RESPONSES: openai.OpenAI(base_url=gateway.url, **given),
            Family.MESSAGES: anthropic.Anthropic(base_url=root, **given),
            Family.GEMINI: genai.Client(api_key="any", http_options=options),
        }

    def ask(self, exchange: Exchange, family: Family) -> Outcome:
        """Let the SDK of a dialect send a request and read the answer to its end."""
        tee = self._tee
        tee.forget()
        said, error = None, None
        try:
            said = _SDKS[family](self._clients[family], exchange)
        except (openai.APIError, anthropic.APIError, errors.APIError) as raised:
            error = raised
        return Outcome(tee.sent, tee.status, tee.headers, b"".join(tee.pieces), said, error)

    def close(self) -> None:
        """Close every connection."""
        self._http.close()


def _fields(exchange: Exchange, family: Family, greeting: dict[str, Any]) -> dict[str, Any]:
    """What the client says, but for the model and the stream."""
    own = exchange.family is family
    request = exchange.request if own else greeting
    fields = {name: value for name, value in request.items() if name not in ("model", "stream")}
    if family is Family.GEMINI and "model" in request:
        fields["model"] = f"models/{exchange.selector}"
    return fields


def _chat(client: Any, exchange: Exchange) -> Said:
    greeting: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}
    if exchange.is_stream:
        greeting["stream_options"] = {"include_usage": True}
    fields = _fields(exchange, Family.CHAT, greeting)
    streamed: Any = {"stream": True} if exchange.is_stream else {}
    answer: Any = client.chat.completions.create(
        model=exchange.selector_for(Family.CHAT),
        messages=fields.pop("messages"),
        extra_body=fields,
        **streamed,
    )
    if exchange.is_stream:
        return _chat_stream(answer)
    choice = answer.choices[0]
    message = choice.message
    functions = [call.function for call in message.tool_calls or ()]
    functions += [message.function_call] if message.function_call else []
    made = [(function.name, function.arguments) for function in functions]
    spoken = message.audio.transcript if message.audio else ""
    text = _text_of(message.content) + (message.refusal or "") + spoken
    return Said(text, _decoded(made), choice.finish_reason, _chat_tokens(answer.usage))


def _chat_stream(chunks: Iterable[Any]) -> Said:
    text, finish, usage = "", None, None
    calls: dict[int, list[str]] = {}
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            if choice.index != 0:
                continue
            finish = choice.finish_reason or finish
            text += (choice.delta.content or "") + (choice.delta.refusal or "")
            for piece in choice.delta.tool_calls or ():
                call = calls.setdefault(piece.index, ["", ""])
                call[0] += piece.function.name or ""
                call[1] += piece.function.arguments or ""
    made = [(name, text) for _, (name, text) in sorted(calls.items())]
    return Said(text, _decoded(made), finish, _chat_tokens(usage))


def _text_of(content: Any) -> str:
    """The text of a message, which Mistral sends in parts."""
    if not isinstance(content, list):
        return content or ""
    return "".join(part["text"] for part in content if part["type"] == "text")


def _decoded(calls: Iterable[tuple[str, str]]) -> list[tuple[str, Any]]:
    return [(name, arguments(text)) for name, text in calls]


def _chat_tokens(usage: Any) -> Tokens:
    if usage is None:
        return Tokens()
    read, written = usage.prompt_tokens_details, usage.completion_tokens_details
    return Tokens(
        usage.prompt_tokens,
        usage.completion_tokens,
        (read and read.cached_tokens) or 0,
        (written and written.reasoning_tokens) or 0,
    )


def _responses(client: Any, exchange: Exchange) -> Said:
    fields = _fields(exchange, Family.RESPONSES, {"input": "hi"})
    streamed: Any = {"stream": True} if exchange.is_stream else {}
    answer: Any = client.responses.create(
        model=exchange.selector_for(Family.RESPONSES),
        input=fields.pop("input"),
        extra_body=fields,
        **streamed,
    )
    if not exchange.is_stream:
        texts = [
            getattr(part, "text", None) or part.refusal
            for item in answer.output
            if item.type == "message"
            for part in item.content
        ]
        return _response(answer, "".join(texts))
    text, last = "", None
    for event in answer:
        if event.type in ("response.output_text.delta", "response.refusal.delta"):
            text += event.delta
        elif event.type in ("response.completed", "response.incomplete"):
            last = event.response
    return _response(last, text)


def _response(response: Any, text: str) -> Said:
    calls: list[tuple[str, Any]] = []
    for item in response.output:
        if item.type == "function_call":
            calls.append((item.name, arguments(item.arguments)))
        elif item.type == "custom_tool_call":
            calls.append((item.name, item.input))
    usage, why = response.usage, response.incomplete_details
    tokens = Tokens()
    if usage:
        tokens = Tokens(
            usage.input_tokens,
            usage.output_tokens,
            usage.input_tokens_details.cached_tokens,
            usage.output_tokens_details.reasoning_tokens,
        )
    return Said(text, calls, (why and why.reason) or response.status, tokens)


def _messages(client: Any, exchange: Exchange) -> Said:
    hello = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}
    fields = _fields(exchange, Family.MESSAGES, hello)
    known: Any = {name: fields.pop(name) for name in ("messages", "max_tokens")}
    known |= {"model": exchange.selector_for(Family.MESSAGES), "extra_body": fields}
    if exchange.is_stream:
        with client.messages.stream(**known) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(**known)
    usage = message.usage
    cached = usage.cache_read_input_tokens or 0
    details = getattr(usage, "output_tokens_details", None)
    thought: Any = details.get("thinking_tokens") if isinstance(details, dict) else None
    if details is not None and not isinstance(details, dict):
        thought = details.thinking_tokens
    tokens = Tokens(
        usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0),
        usage.output_tokens,
        cached,
        thought or 0,
    )
    return Said(
        "".join(block.text for block in message.content if block.type == "text"),
        [(block.name, block.input) for block in message.content if block.type == "tool_use"],
        message.stop_reason,
        tokens,
    )


def _gemini(client: Any, exchange: Exchange) -> Said:
    fields = _fields(exchange, Family.GEMINI, {})
    config: Any = {"http_options": {"extra_body": fields}}
    models = client.models
    ask = models.generate_content_stream if exchange.is_stream else models.generate_content
    answer: Any = ask(model=exchange.selector_for(Family.GEMINI), contents="hi", config=config)
    text, finish, usage = "", None, None
    calls: list[tuple[str, Any]] = []
    for chunk in answer if exchange.is_stream else [answer]:
        usage = chunk.usage_metadata or usage
        for candidate in (chunk.candidates or ())[:1]:
            finish = candidate.finish_reason or finish
            for part in (candidate.content and candidate.content.parts) or ():
                text += "" if part.thought else part.text or ""
                if call := part.function_call:
                    calls.append((call.name, call.args or {}))
    return Said(text, calls, finish and finish.value, _gemini_tokens(usage))


def _gemini_tokens(usage: Any) -> Tokens:
    if usage is None:
        return Tokens()
    thought = usage.thoughts_token_count or 0
    return Tokens(
        (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        (usage.candidates_token_count or 0) + thought,
        usage.cached_content_token_count or 0,
        thought,
    )


_SDKS: Mapping[Family, Callable[[Any, Exchange], Said]] = {
    Family.CHAT: _chat,
    Family.RESPONSES: _responses,
    Family.MESSAGES: _messages,
    Family.GEMINI: _gemini,
}
