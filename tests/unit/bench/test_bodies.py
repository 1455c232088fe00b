"""What the benchmark sends is what it says, and the gateway takes it."""

import json

import pytest

from bench.bodies import IMAGE_BYTES, TOOLS, Dialect, Prompt, body_of, headers_of, path_of
from gateway.canonical.request import Dialect as Served
from gateway.wire.codecs import CODECS

MODEL = "bench:bench-d0"
SERVED = {
    Dialect.CHAT: Served.OPENAI_CHAT,
    Dialect.MESSAGES: Served.ANTHROPIC_MESSAGES,
    Dialect.RESPONSES: Served.OPENAI_RESPONSES,
    Dialect.GEMINI: Served.GEMINI,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", Dialect)
def test_the_gateway_reads_a_short_prompt(dialect: Dialect, stream: bool) -> None:
    body = body_of(dialect, Prompt.SHORT, model=MODEL, stream=stream)
    codec = CODECS[SERVED[dialect]]
    codec.parse_envelope(body, max_depth=20)
    request = codec.parse_request(body)
    assert (len(request.messages), request.dropped) == (1, ())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", [each for each in Dialect if each is not Dialect.GEMINI])
def test_a_body_names_the_model_and_asks_for_a_stream(dialect: Dialect, stream: bool) -> None:
    body = body_of(dialect, Prompt.SHORT, model=MODEL, stream=stream)
    envelope = CODECS[SERVED[dialect]].parse_envelope(body, max_depth=20)
    assert (envelope.model, envelope.streams) == (MODEL, stream)


@pytest.mark.parametrize(
    ("stream", "verb"), [(False, "generateContent"), (True, "streamGenerateContent?alt=sse")]
)
def test_gemini_says_it_in_the_path(stream: bool, verb: str) -> None:
    assert path_of(Dialect.GEMINI, MODEL, stream=stream) == f"/v1beta/models/{MODEL}:{verb}"


def test_a_prompt_with_tools_has_200_kb_and_100_of_them() -> None:
    body = body_of(Dialect.CHAT, Prompt.TOOLS, model=MODEL, stream=False)
    tools = json.loads(body)["tools"]
    assert len({tool["function"]["name"] for tool in tools}) == TOOLS == 100
    assert 200_000 <= len(body) < 210_000


def test_a_prompt_with_an_image_has_10_mb() -> None:
    body = body_of(Dialect.CHAT, Prompt.IMAGE, model=MODEL, stream=False)
    assert IMAGE_BYTES <= len(body) < IMAGE_BYTES + 1_000


def test_two_images_differ() -> None:
    first, second = (
        body_of(Dialect.CHAT, Prompt.IMAGE, model=MODEL, stream=False) for _ in range(2)
    )
    assert first != second


def test_a_prompt_that_a_dialect_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="gemini has no prompt with tools"):
        body_of(Dialect.GEMINI, Prompt.TOOLS, model=MODEL, stream=False)


def test_only_the_messages_dialect_sends_a_version() -> None:
    sent = {dialect: headers_of(dialect) for dialect in Dialect}
    assert [dialect for dialect, headers in sent.items() if headers] == [Dialect.MESSAGES]
