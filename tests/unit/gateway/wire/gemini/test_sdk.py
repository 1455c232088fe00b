"""What Google's own Python SDK makes of what is rendered here."""

import json
from collections.abc import Callable

import httpx2
import pytest
from google import genai
from google.genai import errors, types

from gateway.canonical.collect import collect
from gateway.canonical.content import Citation, Media, MediaKind, Opaque
from gateway.canonical.errors import Failure, Kind, Native
from gateway.canonical.events import (
    Dropped,
    Event,
    Failed,
    Finished,
    MediaProduced,
    NativeBlock,
    ReasoningDelta,
    ReasoningEnded,
    Silence,
    Started,
    TextDelta,
    TextEnded,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Tool
from gateway.wire.gemini.codec import CODEC
from gateway.wire.gemini.count import (
    parse_count_envelope,
    parse_count_request,
    render_count,
)
from gateway.wire.gemini.models import render_model, render_models
from tests.unit.gateway.wire.gemini.exchanges import Exchange, exchanges, reply

THOUGHT = Opaque("anthropic-messages", "c2lnbmVk")

EVERYTHING: list[Event] = [
    Dropped(("user",)),
    Started("claude", "msg_1"),
    ReasoningDelta("Let me "),
    Silence(),
    ReasoningDelta("think."),
    ReasoningEnded(THOUGHT),
    TextDelta("It is "),
    TextDelta("sunny."),
    TextEnded((Citation(url="https://a.example", title="A", start=0, end=5),)),
    ToolCallStarted(0, "c0", "weather"),
    ToolCallStarted(1, "c1", "time"),
    ToolCallDelta(1, "{}"),
    ToolCallDelta(0, '{\n"city":'),
    ToolCallDelta(0, ' "Rome"}'),
    ToolCallEnded(1),
    TextDelta(" More."),
    MediaProduced(Media(kind=MediaKind.IMAGE, mime="image/png", data="AAAA")),
    NativeBlock("anthropic-messages", "server_tool_use", b"{}"),
    Usage(10, 7, cached_tokens=4, reasoning_tokens=3),
    Finished("tool_calls"),
]


def _client(body: bytes, *, status: int = 200, seen: list[bytes] | None = None) -> genai.Client:
    """A client of the SDK whose every request is answered with `body`."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request.content)
        return httpx2.Response(status, content=body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return genai.Client(
        api_key="k", http_options=types.HttpOptions(httpx_client=transport, base_url="http://x")
    )


def _streamed(events: list[Event]) -> list[types.GenerateContentResponse]:
    body = CODEC.renderer(reply()).render(events)
    return list(_client(body).models.generate_content_stream(model="m", contents="hi"))


def _whole(events: list[Event]) -> types.GenerateContentResponse:
    body = CODEC.render_response(collect(events), reply())
    return _client(body).models.generate_content(model="m", contents="hi")


def _parts(chunks: list[types.GenerateContentResponse]) -> list[types.Part]:
    return [part for chunk in chunks for part in chunk.parts or ()]


def _sent(ask: Callable[[genai.Client], object]) -> bytes:
    """The body of the request that the SDK sends."""
    seen: list[bytes] = []
    ask(_client(b'{"candidates": [{"content": {"parts": [{"text": "x"}]}}]}', seen=seen))
    return seen[0]


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda: _streamed(EVERYTHING), id="stream"),
        pytest.param(lambda: [_whole(EVERYTHING)], id="whole"),
    ],
)
def test_an_answer_says_the_same_to_a_client_of_the_sdk(
    read: Callable[[], list[types.GenerateContentResponse]],
) -> None:
    chunks = read()
    last = chunks[-1]
    assert last.candidates
    assert last.usage_metadata
    parts = _parts(chunks)
    calls = [part.function_call for part in parts if part.function_call]
    assert "".join(p.text or "" for p in parts if not p.thought) == "It is sunny. More."
    assert "".join(p.text or "" for p in parts if p.thought) == "Let me think."
    assert sorted((c.id, c.name, json.dumps(c.args)) for c in calls) == [
        ("c0", "weather", '{"city": "Rome"}'),
        ("c1", "time", "{}"),
    ]
    assert [part.inline_data.mime_type for part in parts if part.inline_data] == ["image/png"]
    assert last.candidates[0].finish_reason is types.FinishReason.STOP
    assert last.usage_metadata.prompt_token_count == 10
    assert last.usage_metadata.candidates_token_count == 4
    assert last.usage_metadata.thoughts_token_count == 3
    assert last.usage_metadata.cached_content_token_count == 4
    assert last.usage_metadata.total_token_count == 17
    assert {chunk.model_version for chunk in chunks} == {"gemini-x"}
    assert {chunk.response_id for chunk in chunks} == {"r1"}


def test_a_client_of_the_sdk_sees_the_sources() -> None:
    metadata = (_whole(EVERYTHING).candidates or [])[0].grounding_metadata
    assert metadata
    assert metadata.grounding_chunks
    assert metadata.grounding_chunks[0].web
    assert metadata.grounding_chunks[0].web.uri == "https://a.example"


def test_a_foreign_signature_comes_back_with_the_history_of_a_chat() -> None:
    chunks = _streamed(EVERYTHING)
    history = [types.Content(role="user", parts=[types.Part(text="hi")])]
    history += [c.candidates[0].content for c in chunks if c.candidates and c.candidates[0].content]
    history.append(types.Content(role="user", parts=[types.Part(text="go on")]))
    body = _sent(lambda client: client.models.generate_content(model="m", contents=history))
    thought, *_ = CODEC.parse_request(body).messages[1].parts
    assert (thought.text, thought.signature) == ("Let me think.", THOUGHT)


def test_a_chat_of_the_sdk_keeps_what_was_streamed() -> None:
    client = _client(CODEC.renderer(reply()).render(EVERYTHING))
    chat = client.chats.create(model="m")
    list(chat.send_message_stream("hi"))
    history = chat.get_history(curated=True)
    assert [content.role for content in history].count("user") == 1
    assert len(history) > 1


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        pytest.param(Failure(kind=Kind.UPSTREAM, message="broke", status=502), 502, id="ours"),
        pytest.param(
            Failure(
                kind=Kind.RATE_LIMITED,
                message="slow",
                status=429,
                native=Native(
                    "gemini", b'data: {"error": {"code": 429, "message": "m"}}\r\n\r\n', framed=True
                ),
            ),
            429,
            id="native",
        ),
    ],
)
def test_a_stream_that_breaks_raises_in_the_sdk(failure: Failure, code: int) -> None:
    with pytest.raises(errors.APIError) as caught:
        _streamed([Started("m"), TextDelta("half"), Failed(failure)])
    assert caught.value.code == code


def test_an_error_raises_in_the_sdk() -> None:
    failure = Failure(kind=Kind.INVALID_REQUEST, message="no", status=400, param="contents[0].role")
    with pytest.raises(errors.ClientError) as caught:
        _client(CODEC.render_error(failure), status=400).models.generate_content(
            model="m", contents="hi"
        )
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert caught.value.message == "no"


def test_what_keeps_a_stream_alive_says_nothing_to_the_sdk() -> None:
    events: list[Event] = [Silence(), Started("m"), Silence(), TextDelta("a"), Silence()]
    assert [c.text for c in _streamed([*events, Silence(), Finished("stop")])] == ["a", ""]


@pytest.mark.parametrize("exchange", exchanges(status=200))
def test_every_recorded_answer_is_accepted_by_the_sdk(exchange: Exchange) -> None:
    answer, events = exchange.answer(), exchange.events()
    for chunks in (_streamed(events), [_whole(events)]):
        text = "".join(part.text or "" for part in _parts(chunks) if not part.thought)
        calls = [part.function_call for part in _parts(chunks) if part.function_call]
        assert text == answer.text
        assert [call.args for call in calls] == [json.loads(c.arguments) for c in answer.tool_calls]
        assert chunks[-1].usage_metadata
        assert chunks[-1].usage_metadata.total_token_count == (
            answer.usage.input_tokens + answer.usage.output_tokens if answer.usage else 0
        )


def test_what_the_sdk_sends_is_read() -> None:
    tool = types.FunctionDeclaration(
        name="f",
        description="d",
        parameters=types.Schema(
            type=types.Type.OBJECT,
            properties={"a_b": types.Schema(type=types.Type.STRING, nullable=True)},
            required=["a_b"],
        ),
    )
    config = types.GenerateContentConfig(
        system_instruction="sys",
        temperature=0,
        top_k=40,
        tools=[types.Tool(function_declarations=[tool]), types.Tool(google_search={})],
        tool_config=types.ToolConfig(
            function_calling_config=types.FunctionCallingConfig(
                mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["f", "g"]
            )
        ),
        thinking_config=types.ThinkingConfig(thinking_budget=-1, include_thoughts=True),
        response_schema=types.Schema(type=types.Type.INTEGER),
        response_mime_type="application/json",
        stop_sequences=["x"],
    )
    image = types.Part.from_bytes(data=b"\xfb\xff\xfe", mime_type="image/png")
    body = _sent(
        lambda client: client.models.generate_content(
            model="m", contents=["hi", image], config=config
        )
    )
    request = CODEC.parse_request(body)
    assert (request.dropped, request.refused) == ((), ())
    assert [message.role.value for message in request.messages] == ["system", "user"]
    assert request.messages[1].parts[1] == Media(
        kind=MediaKind.IMAGE, mime="image/png", data="+//+"
    )
    function = next(tool for tool in request.tools if isinstance(tool, Tool))
    assert json.loads(function.parameters or b"") == {
        "type": "object",
        "properties": {"a_b": {"type": ["string", "null"]}},
        "required": ["a_b"],
    }
    assert request.tool_choice
    assert request.tool_choice.allowed == ("f", "g")
    assert request.response_format
    assert request.response_format.schema == b'{"type":"integer"}'
    assert request.reasoning
    assert request.reasoning.adaptive
    assert (request.sampling.top_k, request.stop) == (40, ("x",))


def test_the_sdk_counts_tokens() -> None:
    seen: list[bytes] = []
    client = _client(render_count(7), seen=seen)
    assert client.models.count_tokens(model="m", contents="hi").total_tokens == 7
    parse_count_envelope(seen[0], max_depth=9)
    assert parse_count_request(seen[0]).last_user_text == "hi"


def test_the_sdk_lists_models() -> None:
    models = list(_client(render_models(["a/b", "c"])).models.list())
    assert [model.name for model in models] == ["models/a/b", "models/c"]
    model = _client(render_model("c")).models.get(model="c")
    assert model.supported_actions == ["generateContent", "countTokens"]
