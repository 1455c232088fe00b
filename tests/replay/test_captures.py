"""What real clients send is accepted, and answered in their own dialect."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from anthropic.types import Message, MessageTokensCount, RawMessageStreamEvent
from anthropic.types import ModelInfo as AnthropicModel
from google.genai import types as gemini
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.conftest import RECORDED
from tests.replay.exchange import data_fields, load
from tests.support.client import Reply
from tests.support.gateway import Gateway

FOLDER = RECORDED.parent / "client-captures"

NOT_SERVED = {
    "/v1/files": "file routes are not served yet",
    "/v1/batches": "batch routes are not served yet",
    "/v1/messages/batches": "batch routes are not served yet",
}
"""Path that a capture's begins with -> why it is not sent."""

_OF_CONNECTION = frozenset({"host", "connection", "content-length"})

Capture = dict[str, Any]

CAPTURES: list[Capture] = [
    capture for folder in sorted(FOLDER.glob("*")) for capture in load(folder)
]


def is_served(capture: Capture) -> bool:
    return not any(capture["path"].startswith(path) for path in NOT_SERVED)


def is_stream(capture: Capture) -> bool:
    body = capture["body_json"] or {}
    return bool(body.get("stream")) or ":streamGenerateContent" in capture["path"]


SERVED = [capture for capture in CAPTURES if is_served(capture)]


def each(captures: list[Capture]) -> pytest.MarkDecorator:
    """A test for each capture."""
    cases = [pytest.param(c, id=f"{c['n']:04}-{c['client']}") for c in captures]
    return pytest.mark.parametrize("capture", cases)


def replayed(gateway: Gateway, capture: Capture) -> Reply:
    """Send a capture to the stub, whatever model it names."""
    headers = {
        name: value.replace("<redacted>", "any")
        for name, value in capture["headers"]
        if name.lower() not in _OF_CONNECTION
    }
    headers["X-Queueway-Route"] = "local-stub:stub-default"
    body = capture["body_json"]
    sent = None if body is None else json.dumps(body).encode()
    return gateway.client.send(capture["method"], capture["path"], sent, headers=headers)


def path_of(capture: Capture) -> str:
    """What tells the shape of an answer: the path without a query, a version and a model."""
    path: str = capture["path"].partition("?")[0]
    if ":" in path:
        return path.rpartition(":")[2]
    client = capture["client"].partition("-")[0] if path.endswith("/models") else ""
    return f"{client} {path}".strip()


def _google_model(row: dict[str, Any]) -> object:
    """Check a model as the SDK does, which gives one member another name."""
    actions = row.pop("supportedGenerationMethods")
    return gemini.Model.model_validate(row | {"supportedActions": actions})


WHOLE: Mapping[str, Callable[[Any], object]] = {
    "/v1/chat/completions": ChatCompletion.model_validate,
    "/v1/responses": Response.model_validate,
    "/v1/messages": Message.model_validate,
    "/v1/messages/count_tokens": MessageTokensCount.model_validate,
    "generateContent": gemini.GenerateContentResponse.model_validate,
    "countTokens": gemini.CountTokensResponse.model_validate,
    "openai /v1/models": lambda page: [Model.model_validate(row) for row in page["data"]],
    "anthropic /v1/models": lambda page: [
        AnthropicModel.model_validate(row) for row in page["data"]
    ],
    "google /v1beta/models": lambda page: [_google_model(row) for row in page["models"]],
}
PIECES: Mapping[str, Callable[[Any], object]] = {
    "/v1/chat/completions": ChatCompletionChunk.model_validate,
    "/v1/responses": TypeAdapter(ResponseStreamEvent).validate_python,
    "/v1/messages": TypeAdapter(RawMessageStreamEvent).validate_python,
    "streamGenerateContent": gemini.GenerateContentResponse.model_validate,
}

needs_captures = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the folder of captured requests is not beside the project"
)


@needs_captures
def test_there_are_captures_to_send() -> None:
    assert SERVED != []


@needs_captures
def test_every_reason_not_to_send_a_capture_is_in_use() -> None:
    paths = [capture["path"] for capture in CAPTURES]
    assert all(any(path.startswith(prefix) for path in paths) for prefix in NOT_SERVED)


@each(SERVED)
def test_a_real_clients_request_is_accepted(capture: Capture, gateway: Gateway) -> None:
    assert replayed(gateway, capture).status == 200


@each([capture for capture in SERVED if not is_stream(capture)])
def test_a_whole_answer_is_what_the_clients_own_types_describe(
    capture: Capture, gateway: Gateway
) -> None:
    reply = replayed(gateway, capture)
    assert reply.headers.get_content_type() == "application/json"
    assert WHOLE[path_of(capture)](reply.json)


@each([capture for capture in SERVED if is_stream(capture)])
def test_a_stream_is_made_of_what_the_clients_own_types_describe(
    capture: Capture, gateway: Gateway
) -> None:
    reply = replayed(gateway, capture)
    assert reply.headers.get_content_type() == "text/event-stream"
    pieces = [json.loads(data) for data in data_fields(reply.body) if data != "[DONE]"]
    # A ping is a frame of the dialect that the SDK's types leave out.
    told = [piece for piece in pieces if piece.get("type") != "ping"]
    assert all(PIECES[path_of(capture)](piece) for piece in told)
    assert told != []
