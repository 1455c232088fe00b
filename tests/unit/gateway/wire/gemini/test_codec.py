"""What the dialect offers as a whole, and its smaller endpoints."""

import json

import pytest

from gateway.canonical.content import Media, MediaKind, NativePart
from gateway.canonical.errors import UpstreamError
from gateway.canonical.features import Feature, negotiate
from gateway.canonical.request import Dialect, Message, Request, Role
from gateway.wire.gemini.codec import CODEC
from gateway.wire.gemini.count import parse_count, render_count
from gateway.wire.gemini.models import render_model, render_models


def test_every_feature_has_a_verdict() -> None:
    assert CODEC.dialect is Dialect.GEMINI
    assert set(CODEC.support) == set(Feature)


def test_what_would_change_the_answer_is_refused_and_the_rest_is_named() -> None:
    parts = (Media(kind=MediaKind.IMAGE, file_id="file-1"), NativePart("x", "y", b"{}"))
    request = Request(
        messages=(Message(Role.USER, parts),),
        choices=2,
        user="u",
        parallel_tool_calls=False,
        dropped=("metadata",),
    )
    verdict = negotiate(request, CODEC.support)
    assert verdict.dropped == ("metadata", "serial_tool_calls", "user")
    assert verdict.refused == ("file_id", "provider_content", "several_choices")


def test_a_count_is_written_and_read() -> None:
    assert render_count(7) == b'{"totalTokens":7}'
    assert parse_count(b'{"totalTokens": 7, "promptTokensDetails": []}', instance="up") == 7


def test_no_tokens_are_left_out_as_every_zero_is() -> None:
    assert parse_count(b"{}", instance="up") == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"totalTokens": "7"}', b'{"totalTokens": -1}', b'{"error": {"code": 503}}'],
)
def test_what_is_no_count_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        parse_count(body, instance="up")


def test_a_model_is_named_as_google_names_it() -> None:
    assert json.loads(render_model("a:b/c")) == {
        "name": "models/a:b/c",
        "displayName": "a:b/c",
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def test_a_page_of_models_says_how_to_go_on() -> None:
    assert json.loads(render_models([])) == {"models": []}
    page = json.loads(render_models(["a"], next_page_token="t"))
    assert (len(page["models"]), page["nextPageToken"]) == (1, "t")
