"""Where an upstream of each dialect is called, and how it is given its key."""

import pytest

from backends.wires import WIRES, Wire
from gateway.canonical.request import Dialect, Operation

CHAT, RESPONSES, MESSAGES, GEMINI = (WIRES[dialect] for dialect in Dialect)
ROOT = "https://up.example"
GENERATE, COUNT, EMBED = Operation.GENERATE, Operation.COUNT_TOKENS, Operation.EMBED


def test_every_dialect_has_a_wire_of_its_own_codec() -> None:
    assert {dialect: wire.codec.dialect for dialect, wire in WIRES.items()} == {
        dialect: dialect for dialect in Dialect
    }


@pytest.mark.parametrize(
    ("wire", "operation", "path"),
    [
        pytest.param(CHAT, GENERATE, "/chat/completions", id="chat"),
        pytest.param(CHAT, EMBED, "/embeddings", id="chat-embeddings"),
        pytest.param(CHAT, COUNT, None, id="chat-count"),
        pytest.param(RESPONSES, GENERATE, "/responses", id="responses"),
        pytest.param(RESPONSES, EMBED, "/embeddings", id="responses-embeddings"),
        pytest.param(RESPONSES, COUNT, None, id="responses-count"),
        pytest.param(MESSAGES, GENERATE, "/v1/messages", id="messages"),
        pytest.param(MESSAGES, COUNT, "/v1/messages/count_tokens", id="messages-count"),
        pytest.param(MESSAGES, EMBED, None, id="messages-embeddings"),
        pytest.param(GEMINI, GENERATE, "/v1beta/models/m:generateContent", id="gemini"),
        pytest.param(GEMINI, COUNT, "/v1beta/models/m:countTokens", id="gemini-count"),
        pytest.param(GEMINI, EMBED, None, id="gemini-embeddings"),
    ],
)
def test_an_operation_has_its_path_or_none(
    wire: Wire, operation: Operation, path: str | None
) -> None:
    expected = None if path is None else ROOT + path
    assert wire.url(ROOT, model="m", operation=operation, stream=False) == expected


@pytest.mark.parametrize("wire", [CHAT, RESPONSES, MESSAGES], ids=["chat", "responses", "messages"])
def test_a_stream_is_asked_for_at_the_same_place(wire: Wire) -> None:
    urls = {wire.url(ROOT, model="m", operation=GENERATE, stream=stream) for stream in (0, 1)}
    assert len(urls) == 1


def test_a_gemini_stream_has_a_path_of_its_own() -> None:
    url = GEMINI.url(ROOT, model="m", operation=GENERATE, stream=True)
    assert url == f"{ROOT}/v1beta/models/m:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    ("model", "resource"),
    [
        ("gemini-2.0", "models/gemini-2.0"),
        ("models/gemini-2.0", "models/gemini-2.0"),
        ("tunedModels/my-1", "tunedModels/my-1"),
        ("vendor/m:fast", "models/vendor%2Fm%3Afast"),
        ("a b?c#d%e", "models/a%20b%3Fc%23d%25e"),
        ("../../secret", "models/..%2F..%2Fsecret"),
        ("модель", "models/%D0%BC%D0%BE%D0%B4%D0%B5%D0%BB%D1%8C"),
    ],
)
def test_a_model_in_a_path_stays_one_part_of_it(model: str, resource: str) -> None:
    url = GEMINI.url(ROOT, model=model, operation=GENERATE, stream=False)
    assert url == f"{ROOT}/v1beta/{resource}:generateContent"


@pytest.mark.parametrize(
    ("wire", "header"),
    [
        pytest.param(CHAT, ("Authorization", "Bearer "), id="chat"),
        pytest.param(RESPONSES, ("Authorization", "Bearer "), id="responses"),
        pytest.param(MESSAGES, ("x-api-key", ""), id="messages"),
        pytest.param(GEMINI, ("x-goog-api-key", ""), id="gemini"),
    ],
)
def test_a_key_goes_in_a_header(wire: Wire, header: tuple[str, str]) -> None:
    assert (wire.key_header, wire.key_prefix) == header
