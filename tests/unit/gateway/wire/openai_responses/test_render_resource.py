"""The response resource, what its text carries, and signatures that come back."""

import json
from typing import Any

import pytest

from gateway.canonical.collect import collect
from gateway.canonical.content import Citation, Media, MediaKind, Opaque, Reasoning, Text, ToolCall
from gateway.canonical.events import (
    Event,
    Finished,
    Logprobs,
    MediaProduced,
    ReasoningDelta,
    ReasoningEnded,
    TextDelta,
    TextEnded,
    TokenLogprob,
    ToolCallDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Message, Role
from gateway.wire.openai_responses.parse_request import parse_request
from tests.unit.gateway.wire.openai_responses.answers import (
    END,
    START,
    outputs,
    parsed,
    rendered,
    streamed,
    whole,
)

ANTHROPIC = Opaque("anthropic-messages", "sig")
GEMINI = Opaque("gemini", "thought")


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("pause", "completed", None),
        ("", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_how_an_answer_ends(reason: str, status: str, details: Any) -> None:
    last = streamed(TextDelta("a"), Finished(reason))[-1]
    assert last["type"] == f"response.{status}"
    response = whole(TextDelta("a"), Finished(reason))
    for told in (last["response"], response):
        assert (told["status"], told["incomplete_details"]) == (status, details)
        assert told["output"][-1]["status"] == status


def test_usage() -> None:
    usage = Usage(9, 5, cached_tokens=4, cache_write_tokens=2, reasoning_tokens=3)
    expected = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 14,
    }
    assert whole(usage, END)["usage"] == expected
    assert streamed(usage, END)[-1]["response"]["usage"] == expected


def test_the_resource_has_the_apis_defaults() -> None:
    assert whole(END) == {
        "id": "resp_1f2e",
        "object": "response",
        "created_at": 1700000000,
        "status": "completed",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "output": [],
        "usage": None,
        "model": "a:b",
        "background": False,
        "conversation": None,
        "frequency_penalty": 0.0,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "moderation": None,
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }


def test_the_resource_tells_the_requests_settings() -> None:
    request = {
        "instructions": "be terse",
        "max_output_tokens": 7,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "store": False,
        "temperature": 0.0,
        "text": {"format": {"type": "json_object"}},
        "tool_choice": "none",
        "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
        "top_p": 0.5,
        "truncation": "auto",
        "user": "u",
    }
    response = whole(END, request=request)
    expected = request | {
        "reasoning": {"effort": "low", "summary": None},
        "text": {"format": {"type": "json_object"}, "verbosity": "medium"},
        "tools": [
            {
                "type": "function",
                "name": "f",
                "description": None,
                "parameters": None,
                "strict": True,
            },
            {"type": "web_search"},
        ],
    }
    assert {name: response[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("citation", "annotation"),
    [
        (
            Citation(url="https://a", title="A", start=1, end=2),
            {
                "type": "url_citation",
                "url": "https://a",
                "title": "A",
                "start_index": 1,
                "end_index": 2,
            },
        ),
        (
            Citation(url="https://a"),
            {
                "type": "url_citation",
                "url": "https://a",
                "title": "",
                "start_index": 0,
                "end_index": 3,
            },
        ),
        (
            Citation(file_id="f", title="a.txt", start=2),
            {"type": "file_citation", "file_id": "f", "filename": "a.txt", "index": 2},
        ),
        (Citation(title="a book", quote="words"), None),
    ],
)
def test_citations(citation: Citation, annotation: Any) -> None:
    (item,) = outputs(TextDelta("abc"), TextEnded((citation,)))
    assert item["content"][0]["annotations"] == ([annotation] if annotation else [])


def test_logprobs_come_with_the_text_that_follows_them() -> None:
    token = TokenLogprob("é", -0.5, (("e", -1.0),))
    wire = {
        "token": "é",
        "logprob": -0.5,
        "bytes": [195, 169],
        "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": [101]}],
    }
    events = streamed(Logprobs((token,)), TextDelta("é"), TextDelta("x"), END)
    deltas = [event["logprobs"] for event in events if event["type"].endswith("text.delta")]
    assert deltas == [[wire], []]
    (item,) = outputs(Logprobs((token,)), TextDelta("é"))
    assert item["content"][0]["logprobs"] == [wire]


def test_logprobs_that_came_too_late_are_in_the_whole_text() -> None:
    (item,) = outputs(TextDelta("a"), Logprobs((TokenLogprob("a", -0.5),)))
    assert item["content"][0]["logprobs"][0]["token"] == "a"


def _next_turn(output: list[Any]) -> Message:
    """What a client's next request says that the model said."""
    body = json.dumps({"model": "m", "input": output}).encode()
    (message,) = parse_request(body).messages
    assert message.role is Role.ASSISTANT
    return message


SIGNED: list[Any] = [
    pytest.param(
        [ReasoningDelta("t"), ReasoningEnded(ANTHROPIC)],
        [Reasoning(text="t", signature=ANTHROPIC)],
        id="reasoning",
    ),
    pytest.param(
        [ReasoningEnded(ANTHROPIC, True)],
        [Reasoning(signature=ANTHROPIC, redacted=True)],
        id="redacted",
    ),
    pytest.param(
        [
            ToolCallStarted(0, "c0", "f"),
            ToolCallStarted(1, "c1", "f"),
            ToolCallDelta(1, "[]"),
            ToolCallEnded(0, GEMINI),
            ToolCallEnded(1),
        ],
        [ToolCall("c0", "f", "", GEMINI), ToolCall("c1", "f", "[]")],
        id="call",
    ),
    pytest.param(
        [TextDelta("a"), TextEnded((), GEMINI), TextDelta("b")],
        [Text("a", signature=GEMINI), Text("b")],
        id="text",
    ),
    pytest.param(
        [
            MediaProduced(
                Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk=", signature=GEMINI)
            )
        ],
        [Media(kind=MediaKind.IMAGE, mime="image/png", data="aGk=", signature=GEMINI)],
        id="image",
    ),
]


@pytest.mark.parametrize(("events", "parts"), SIGNED)
@pytest.mark.parametrize("streams", [True, False])
def test_a_signature_comes_back_with_the_next_turn(
    events: list[Event], parts: list[Any], streams: bool
) -> None:
    if streams:
        output = streamed(*events, END)[-1]["response"]["output"]
    else:
        output = whole(*events, END)["output"]
    assert list(_next_turn(output).parts) == parts


def test_the_signature_of_a_call_survives_another_gateway() -> None:
    events = [START, ToolCallStarted(0, "c", "f"), ToolCallEnded(0, GEMINI), END]
    assert collect(parsed(rendered(events))).tool_calls == [ToolCall("c", "f", "{}", GEMINI)]


def test_a_signature_of_the_dialect_itself_is_not_wrapped() -> None:
    (item,) = outputs(ReasoningEnded(Opaque("openai-responses", "gAAAA")))
    assert item["encrypted_content"] == "gAAAA"
