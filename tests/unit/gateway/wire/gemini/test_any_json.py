"""Whatever JSON comes, a codec says what is wrong with it and never breaks."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.canonical.collect import collect
from gateway.canonical.errors import GatewayError, UpstreamError
from gateway.canonical.request import Request
from gateway.wire.codec import ErrorResponse
from gateway.wire.gemini.codec import CODEC
from gateway.wire.gemini.count import parse_count, parse_count_envelope, parse_count_request
from tests.unit.gateway.wire.gemini.exchanges import frames_of, reply
from tests.unit.gateway.wire.json_texts import values

DEEP = [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "user", "model", "text", "f", "STOP", "AUTO", "AAAA", "image/png"]),
)
NAMES = [
    "contents", "role", "parts", "text", "thought", "thoughtSignature", "thought_signature",
    "inlineData", "inline_data", "mimeType", "data", "fileData", "fileUri", "functionCall",
    "functionResponse", "name", "id", "args", "response", "output", "error", "executableCode",
    "systemInstruction", "system_instruction", "tools", "functionDeclarations", "parameters",
    "parametersJsonSchema", "type", "properties", "nullable", "enum", "items", "anyOf",
    "toolConfig", "functionCallingConfig", "mode", "allowedFunctionNames", "generationConfig",
    "temperature", "topK", "maxOutputTokens", "stopSequences", "candidateCount", "logprobs",
    "responseMimeType", "responseSchema", "responseFormat", "thinkingConfig", "thinkingBudget",
    "thinkingLevel", "responseModalities", "cachedContent", "generateContentRequest",
    "candidates", "content", "finishReason", "index", "usageMetadata", "promptTokenCount",
    "promptFeedback", "blockReason", "groundingMetadata", "groundingChunks", "web", "uri",
    "groundingSupports", "segment", "startIndex", "endIndex", "groundingChunkIndices",
    "citationMetadata", "citationSources", "logprobsResult", "chosenCandidates", "token",
    "topCandidates", "logProbability", "modelVersion", "responseId", "code", "message",
    "status", "details", "@type", "retryDelay", "reason", "totalTokens",
]  # fmt: skip

ANY = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=25,
)
PARTS = st.lists(st.dictionaries(st.sampled_from(NAMES[3:17]), ANY, max_size=3), max_size=4)
REQUESTS = st.fixed_dictionaries(
    {"contents": st.lists(st.fixed_dictionaries({"parts": PARTS}), min_size=1, max_size=3) | ANY},
    optional={name: ANY for name in ("systemInstruction", "tools", "toolConfig", "cachedContent")}
    | {"generationConfig": st.dictionaries(st.sampled_from(NAMES[38:52]), ANY, max_size=6)},
)
CHUNKS = st.fixed_dictionaries(
    {
        "candidates": st.lists(
            st.fixed_dictionaries(
                {"content": st.fixed_dictionaries({"parts": PARTS}) | ANY},
                optional={
                    name: ANY
                    for name in (
                        "finishReason",
                        "index",
                        "groundingMetadata",
                        "citationMetadata",
                        "logprobsResult",
                    )
                },
            ),
            max_size=2,
        )
        | ANY
    },
    optional={name: ANY for name in ("usageMetadata", "promptFeedback", "modelVersion", "error")},
)


def _refused_or_read(body: bytes) -> Request | None:
    with suppress(GatewayError):
        CODEC.parse_envelope(body, max_depth=40)
    with suppress(GatewayError):
        return CODEC.parse_request(body)
    return None


def _read_answer(body: bytes) -> None:
    try:
        answer = collect(CODEC.parse_answer(body, instance="up"))
    except UpstreamError:
        return
    wire = CODEC.render_response(answer, reply())
    assert isinstance(json.loads(wire), dict)


def _read_stream(data: str) -> None:
    parser, reader = CODEC.stream_parser("up"), CODEC.native_reader("up")
    renderer = CODEC.renderer(reply())
    frame = f"data: {data}\r\n\r\n".encode()
    with suppress(UpstreamError):
        stream = renderer.render([*parser.read(data), *parser.end()])
        assert all(isinstance(json.loads(text), dict) for text in frames_of(stream))
    with suppress(UpstreamError):
        assert reader.read(frame, data).data == frame
        list(reader.end())


@settings(max_examples=100, deadline=None)
@given(REQUESTS)
def test_any_request_is_read_or_refused_and_what_is_read_is_written(wire: Any) -> None:
    request = _refused_or_read(json.dumps(wire).encode())
    if request is None:
        return
    for model in ("gemini-2.5-flash", "gemini-3-pro-preview"):
        body = CODEC.render_request(request, model=model, stream=True)
        assert isinstance(json.loads(body), dict)


@settings(max_examples=60, deadline=None)
@given(values())
def test_any_json_is_no_crash_of_a_request(text: str) -> None:
    body = text.encode()
    _refused_or_read(body)
    with suppress(GatewayError):
        parse_count_envelope(body, max_depth=9)
    with suppress(GatewayError):
        parse_count_request(body)


@settings(max_examples=100, deadline=None)
@given(CHUNKS)
def test_any_answer_is_read_or_passed_over(wire: Any) -> None:
    _read_answer(json.dumps(wire).encode())
    _read_stream(json.dumps(wire))


@settings(max_examples=60, deadline=None)
@given(values())
def test_any_json_is_no_crash_of_an_answer(text: str) -> None:
    _read_answer(text.encode())
    _read_stream(text)
    with suppress(UpstreamError):
        assert parse_count(text.encode(), instance="up") >= 0


@settings(max_examples=60, deadline=None)
@given(ANY | st.fixed_dictionaries({"error": ANY}), st.integers(400, 599))
def test_any_error_is_read(wire: Any, status: int) -> None:
    body = json.dumps(wire).encode()
    error = CODEC.parse_error(ErrorResponse(instance="up", status=status, headers={}, body=body))
    assert json.loads(CODEC.render_error(error.failure))


@pytest.mark.parametrize("deep", DEEP, ids=["list", "object"])
@pytest.mark.parametrize(
    "place", ["{}", '{"contents": {}}', '{"contents": [{"parts": [{"functionCall": {}}]}]}']
)
def test_what_is_nested_too_deep_is_refused(deep: bytes, place: str) -> None:
    body = place.encode().replace(b"{}", deep)
    with pytest.raises(GatewayError):
        CODEC.parse_envelope(body, max_depth=64)
    with pytest.raises(GatewayError):
        CODEC.parse_request(body)
    with pytest.raises(GatewayError):
        parse_count_request(body)


@pytest.mark.parametrize("depth", [900, 20_000])
def test_a_schema_nested_too_deep_for_conversion_is_refused(depth: int) -> None:
    schema = b'{"items":' * depth + b"1" + b"}" * depth
    tool = b'[{"functionDeclarations":[{"name":"f","parameters":' + schema + b"}]}]"
    with pytest.raises(GatewayError, match="nested too deep"):
        CODEC.parse_request(b'{"contents":[{"parts":[{"text":"x"}]}],"tools":' + tool + b"}")


@pytest.mark.parametrize("deep", DEEP, ids=["list", "object"])
def test_an_answer_nested_too_deep_is_refused(deep: bytes) -> None:
    data = deep.decode()
    with pytest.raises(UpstreamError):
        list(CODEC.parse_answer(deep, instance="up"))
    with pytest.raises(UpstreamError):
        list(CODEC.parse_native(deep, instance="up"))
    with pytest.raises(UpstreamError):
        list(CODEC.stream_parser("up").read(data))
    with pytest.raises(UpstreamError):
        CODEC.native_reader("up").read(b"data: " + deep + b"\n\n", data)
    error = ErrorResponse(instance="up", status=400, headers={}, body=deep)
    assert CODEC.parse_error(error).status == 400


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="not-utf-8"),
        pytest.param(b'{"contents": [{"parts": [{"text": "\xff"}]}]}', id="text-not-utf-8"),
        pytest.param(b'{"contents": [{"parts": [{"functionCall": "\xff"}]}]}', id="call"),
        pytest.param(b'{"contents": [{"parts": [{"text": "\\ud800"}]}]}', id="half-surrogate"),
        pytest.param(b'{"contents": [{"parts": [{"text": "x"}]}]', id="cut"),
    ],
)
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    for parse in (CODEC.parse_request, lambda b: CODEC.parse_envelope(b, max_depth=9)):
        with pytest.raises(GatewayError) as caught:
            parse(body)
        assert caught.value.failure.status == 400


def test_a_number_that_no_computer_holds_is_refused() -> None:
    wire = {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"topK": 10**40}}
    with pytest.raises(GatewayError) as caught:
        CODEC.parse_request(json.dumps(wire).encode())
    assert caught.value.failure.param == "generationConfig.topK"


def test_numbers_in_a_schema_survive() -> None:
    schema = {"type": "NUMBER", "maximum": 2**70, "minItems": "3", "minimum": 1.0}
    tools = [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]
    wire = {"contents": [{"parts": [{"text": "x"}]}], "tools": tools}
    (tool,) = CODEC.parse_request(json.dumps(wire).encode()).tools
    assert msgspec.json.decode(tool.parameters) == {
        "type": "number",
        "maximum": 2**70,
        "minItems": 3,
        "minimum": 1.0,
    }
