"""The emulated upstreams take what their vendors take and refuse what those refuse."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.canonical.request import Dialect
from tests.support.client import Client, Reply
from tests.support.emulators.emulator import CLIENT_KEY, Emulator, key_of, model_of
from tests.support.emulators.said import Json
from tests.support.emulators.scenes import FIRST, TOOL_LOOP

CHAT, RESPONSES = Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES
MESSAGES, GEMINI = Dialect.ANTHROPIC_MESSAGES, Dialect.GEMINI

ARGUMENTS = [dict(call.arguments) for call in TOOL_LOOP[0].calls]
IDS = [call.id for call in TOOL_LOOP[0].calls]
THOUGHT = "".join(TOOL_LOOP[0].thought)
SIGNATURE = TOOL_LOOP[0].signature
HI: Json = {"role": "user", "content": "hi"}

PATHS = {
    CHAT: "/v1/chat/completions",
    RESPONSES: "/v1/responses",
    MESSAGES: "/v1/messages",
    GEMINI: f"/v1beta/models/{model_of(GEMINI, 'tool-results')}:generateContent",
}
HEADERS = {
    CHAT: {"Authorization": f"Bearer {key_of(CHAT, FIRST)}"},
    RESPONSES: {"Authorization": f"Bearer {key_of(RESPONSES, FIRST)}"},
    MESSAGES: {"x-api-key": key_of(MESSAGES, FIRST), "anthropic-version": "2023-06-01"},
    GEMINI: {"x-goog-api-key": key_of(GEMINI, FIRST)},
}


def _chat() -> Json:
    calls = [
        {
            "id": f"call_{id}",
            "type": "function",
            "function": {"name": "get_weather", "arguments": json.dumps(arguments)},
        }
        for id, arguments in zip(IDS, ARGUMENTS, strict=True)
    ]
    turn = {"role": "assistant", "reasoning_content": THOUGHT, "tool_calls": calls}
    results = [{"role": "tool", "tool_call_id": f"call_{id}", "content": "ok"} for id in IDS]
    return {"model": model_of(CHAT, "tool-results"), "messages": [HI, turn, *results]}


def _responses() -> Json:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SIGNATURE}
    calls = [
        {
            "type": "function_call",
            "call_id": f"call_{id}",
            "name": "get_weather",
            "arguments": json.dumps(arguments),
        }
        for id, arguments in zip(IDS, ARGUMENTS, strict=True)
    ]
    results = [
        {"type": "function_call_output", "call_id": f"call_{id}", "output": "ok"} for id in IDS
    ]
    return {
        "model": model_of(RESPONSES, "tool-results"),
        "input": [HI, thought, *calls, *results],
        "include": ["reasoning.encrypted_content"],
    }


def _messages() -> Json:
    thought = {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
    calls = [
        {"type": "tool_use", "id": f"toolu_{id}", "name": "get_weather", "input": arguments}
        for id, arguments in zip(IDS, ARGUMENTS, strict=True)
    ]
    results = [{"type": "tool_result", "tool_use_id": f"toolu_{id}", "content": "ok"} for id in IDS]
    turns = [
        {"role": "assistant", "content": [thought, *calls]},
        {"role": "user", "content": results},
    ]
    return {
        "model": model_of(MESSAGES, "tool-results"),
        "max_tokens": 4000,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "messages": [HI, *turns],
    }


def _gemini() -> Json:
    calls: list[Json] = [
        {"functionCall": {"id": id, "name": "get_weather", "args": arguments}}
        for id, arguments in zip(IDS, ARGUMENTS, strict=True)
    ]
    calls[0]["thoughtSignature"] = SIGNATURE
    results = [
        {"functionResponse": {"id": id, "name": "get_weather", "response": {"output": "ok"}}}
        for id in IDS
    ]
    contents = [{"parts": [{"text": "hi"}]}, {"role": "model", "parts": calls}]
    return {"contents": [*contents, {"role": "user", "parts": results}]}


GOOD = {CHAT: _chat, RESPONSES: _responses, MESSAGES: _messages, GEMINI: _gemini}

BAD: list[tuple[Dialect, str, Any, str]] = [
    (CHAT, "messages.0.role", "human", "'human'"),
    (CHAT, "messages.0.text", "unknown", ".messages[0]"),
    (CHAT, "messages.0.content", None, "['content'] missing"),
    (CHAT, "temperature", "hot", "'hot'"),
    (CHAT, "unknown", 1, "unknown member"),
    (CHAT, "model", "no-such-model", "no such model"),
    (CHAT, "messages.1.reasoning_content", "other", "not my thought"),
    (CHAT, "messages.1.tool_calls.0.function.arguments", "{}", "not my calls"),
    (CHAT, "messages.2.tool_call_id", "call_other", "no call call_other"),
    (CHAT, "messages.3", HI, "calls without a result"),
    (RESPONSES, "input.0.content", [{"type": "text", "text": "hi"}], ".input[0].content"),
    (RESPONSES, "messages", [], "unknown member"),
    (RESPONSES, "input.2.name", None, "['name'] missing"),
    (RESPONSES, "input.1.encrypted_content", "other", "not my signature"),
    (RESPONSES, "input.1.encrypted_content", None, "not stored"),
    (RESPONSES, "input.2", HI, "No tool call found"),
    (RESPONSES, "input.4.call_id", "call_other", "No tool output found"),
    (MESSAGES, "max_tokens", None, "['max_tokens'] missing"),
    (MESSAGES, "max_tokens", 1000, "budget_tokens"),
    (MESSAGES, "messages.0.role", "assistant", "first message"),
    (MESSAGES, "messages.0.content", " ", "non-empty"),
    (MESSAGES, "messages.1.role", "user", "alternate"),
    (MESSAGES, "messages.1.content.0.signature", "other", "not my signature"),
    (MESSAGES, "messages.1.content.0.thinking", "other", "not my thought"),
    (MESSAGES, "messages.1.content.0", {"type": "text", "text": "x"}, "expected thinking"),
    (MESSAGES, "messages.2.content.0.tool_use_id", "toolu_other", "toolu_other"),
    (MESSAGES, "messages.2.content.0", {"type": "text", "text": "x"}, "results"),
    (GEMINI, "generationConfig", {"maxTokens": 5}, "generationConfig"),
    (GEMINI, "stream", True, "unknown name"),
    (GEMINI, "contents.0.role", "model", "turn of the user"),
    (GEMINI, "contents.1.parts.0.thoughtSignature", "b3RoZXI=", "not my signature"),
    (GEMINI, "contents.1.parts.0.thoughtSignature", None, "missing a thought_signature"),
    (GEMINI, "contents.1.parts.0.functionCall.args", {}, "not my calls"),
    (GEMINI, "contents.2.parts.0.functionResponse.name", "other", "not the results"),
    (GEMINI, "contents.2.parts.0.functionResponse.id", "other", "not the results"),
    (GEMINI, "contents.2.parts.1", {"text": "x"}, "not the results"),
]


def _send(
    emulator: Emulator,
    wire: Dialect,
    body: Json,
    *,
    headers: Mapping[str, str] | None = None,
    query: str = "",
) -> Reply:
    sent = {**HEADERS[wire], "Content-Type": "application/json", **(headers or {})}
    path = f"/{wire}{PATHS[wire]}{query}"
    return Client(emulator.port).send("POST", path, json.dumps(body).encode(), headers=sent)


@pytest.mark.parametrize("wire", Dialect)
def test_a_good_request_is_answered(wire: Dialect, emulator: Emulator) -> None:
    assert _send(emulator, wire, GOOD[wire]()).status == 200


@pytest.mark.parametrize(("wire", "place", "value", "words"), BAD)
def test_a_broken_rule_is_refused(
    wire: Dialect, place: str, value: Any, words: str, shared_emulator: Emulator
) -> None:
    shared_emulator.reset()
    body = copy.deepcopy(GOOD[wire]())
    *steps, last = (int(step) if step.isdigit() else step for step in place.split("."))
    holder: Any = body
    for step in steps:
        holder = holder[step]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    assert _send(shared_emulator, wire, body).status == 400
    [complaint] = shared_emulator.complaints
    assert words in complaint
    assert shared_emulator.faults == []


@pytest.mark.parametrize("wire", Dialect)
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer other", "x-api-key": "other", "x-goog-api-key": "other"},
        {"X-Other": CLIENT_KEY},
        {"Content-Type": "text/plain"},
    ],
    ids=["unknown key", "the client's key", "no JSON"],
)
def test_wrong_headers_are_refused(
    wire: Dialect, headers: dict[str, str], shared_emulator: Emulator
) -> None:
    shared_emulator.reset()
    assert _send(shared_emulator, wire, GOOD[wire](), headers=headers).status == 400
    assert shared_emulator.faults == []


@pytest.mark.parametrize("wire", Dialect)
def test_a_key_in_the_url_is_refused(wire: Dialect, shared_emulator: Emulator) -> None:
    shared_emulator.reset()
    query = f"?key={key_of(wire, FIRST)}"
    assert _send(shared_emulator, wire, GOOD[wire](), query=query).status == 400
    assert shared_emulator.faults == []
