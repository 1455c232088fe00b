"""OpenAI's own client works against the gateway: answers, streams, tools, errors."""

import json
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from backends.local_stub import MODELS
from tests.support import answers
from tests.support.client import data_frames
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway import Gateway

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello, wide wörld 🌍"}]

TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


def texts(sdk: openai.OpenAI, model: str) -> Iterator[str]:
    """The pieces of text of a streamed answer."""
    with sdk.chat.completions.create(model=model, messages=HELLO, stream=True) as stream:
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content


def test_an_answer_is_whole(sdk: openai.OpenAI) -> None:
    completion = sdk.chat.completions.create(model="local-stub:echo", messages=HELLO)
    assert completion.object == "chat.completion"
    assert completion.model == "local-stub:echo"
    assert completion.choices[0].message.content == "Hello, wide wörld 🌍"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0


def test_a_stream_gives_the_text_in_pieces(sdk: openai.OpenAI) -> None:
    assert list(texts(sdk, "local-stub:echo")) == ["Hello, ", "wide ", "wörld ", "🌍"]


def test_a_stream_has_one_id_one_role_and_one_finish(sdk: openai.OpenAI) -> None:
    stream = sdk.chat.completions.create(model="local-stub:echo", messages=HELLO, stream=True)
    chunks = list(stream)
    assert len({chunk.id for chunk in chunks}) == 1
    assert [c.choices[0].delta.role for c in chunks if c.choices[0].delta.role] == ["assistant"]
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["stop"]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stream_ends_with_token_counts_only_if_they_were_asked_for(
    sdk: openai.OpenAI, wanted: bool
) -> None:
    stream = sdk.chat.completions.create(
        model="local-stub:echo",
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": wanted},
    )
    assert [bool(chunk.usage) for chunk in stream][-1] is wanted


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called(sdk: openai.OpenAI, stream: bool) -> None:
    request = {"model": "local-stub:tool-call", "messages": HELLO, "tools": [TOOL]}
    if stream:
        with sdk.chat.completions.stream(**request) as events:  # type: ignore[arg-type]
            completion = events.get_final_completion()
    else:
        completion = sdk.chat.completions.create(**request)  # type: ignore[call-overload]
    assert completion.choices[0].finish_reason == "tool_calls"
    (call,) = completion.choices[0].message.tool_calls
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {}


def test_the_models_are_those_of_all_instances(sdk: openai.OpenAI) -> None:
    listed = [model.id for model in sdk.models.list()]
    assert [id for id in listed if id.startswith("local-stub:")] == [
        f"local-stub:{model}" for model in sorted(MODELS)
    ]
    assert "a:gpt-4o-mini" in listed


UPSTREAM_ERRORS = {
    400: openai.BadRequestError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "raised"), UPSTREAM_ERRORS.items(), ids=map(str, UPSTREAM_ERRORS)
)
def test_an_upstreams_error_raises_the_class_of_its_status(
    sdk: openai.OpenAI, upstream: FakeUpstream, status: int, raised: type[Exception], stream: bool
) -> None:
    upstream.script = lambda request: answers.error(status, "scripted")
    with pytest.raises(raised):
        sdk.chat.completions.create(model="a:m", messages=HELLO, stream=stream)


def test_an_upstreams_error_keeps_its_code_and_param(
    sdk: openai.OpenAI, upstream: FakeUpstream
) -> None:
    upstream.script = lambda request: answers.error(400, "bad", param="stop", code="unsupported")
    with pytest.raises(openai.BadRequestError) as raised:
        sdk.chat.completions.create(model="a:m", messages=HELLO)
    assert (raised.value.code, raised.value.param) == ("unsupported", "stop")


def test_an_unknown_model_raises_not_found(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="is not served here"):
        sdk.chat.completions.create(model="nope", messages=HELLO)


def test_a_fault_in_the_request_raises_bad_request_with_the_field(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        sdk.chat.completions.create(model="local-stub:echo", messages=[])
    assert raised.value.param == "messages"


@pytest.mark.parametrize("model", ["local-stub:429-then-ok", "local-stub:401"])
def test_a_refused_key_is_not_seen_by_the_client(sdk: openai.OpenAI, model: str) -> None:
    completion = sdk.chat.completions.create(model=model, messages=HELLO)
    assert completion.choices[0].message.content == "[local-stub] deterministic assistant text"


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_before_output_has_its_status(sdk: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        sdk.chat.completions.create(
            model="local-stub:error-before-output", messages=HELLO, stream=stream
        )
    assert raised.value.status_code == 502


def test_a_stream_that_breaks_off_gives_what_came_and_then_raises(sdk: openai.OpenAI) -> None:
    pieces = texts(sdk, "local-stub:cut-mid-stream")
    assert next(pieces)
    with pytest.raises(openai.APIError):
        list(pieces)


def test_a_stream_that_breaks_off_has_no_done(gateway: Gateway) -> None:
    frames = data_frames(gateway.chat("local-stub:cut-mid-stream", stream=True).body)
    assert "[DONE]" not in frames
    assert json.loads(frames[-1])["error"]["code"] == "stream_truncated"


def test_a_whole_answer_that_breaks_off_is_a_502(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        sdk.chat.completions.create(model="local-stub:cut-mid-stream", messages=HELLO)
    assert raised.value.code == "stream_truncated"


def test_a_slow_answer_is_waited_for(sdk: openai.OpenAI) -> None:
    begun = time.monotonic()
    sdk.chat.completions.create(model="local-stub:slow-1", messages=HELLO)
    assert time.monotonic() - begun >= 1


def test_a_long_stream_arrives_as_it_is_made(sdk: openai.OpenAI) -> None:
    arrived = [time.monotonic() for _ in texts(sdk, "local-stub:long-stream-10")]
    assert len(arrived) == 10
    # The stub pauses 50 ms after each word: held back, they would come all at once.
    assert sum(later - earlier > 0.02 for earlier, later in pairwise(arrived)) >= 5


def test_a_frame_reaches_the_client_before_the_upstream_sends_the_next(
    sdk: openai.OpenAI, upstream: FakeUpstream
) -> None:
    seen = threading.Event()
    upstream.script = lambda request: answers.events(
        [answers.PREAMBLE, answers.text("one"), seen, answers.text("two"), *answers.ENDING]
    )
    pieces = texts(sdk, "a:m")
    assert next(pieces) == "one"
    seen.set()
    assert list(pieces) == ["two"]
