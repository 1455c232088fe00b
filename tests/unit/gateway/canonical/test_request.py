"""The canonical request."""

import pytest

from gateway.canonical.content import Media, MediaKind, Text, ToolResult
from gateway.canonical.request import Message, Request, Role

IMAGE = Media(kind=MediaKind.IMAGE, data="aGk=")


def said(role: Role, *texts: str) -> Message:
    return Message(role, tuple(map(Text, texts)))


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        pytest.param((), "", id="no-message"),
        pytest.param((said(Role.SYSTEM, "s"),), "", id="none-of-a-user"),
        pytest.param((said(Role.USER, "1"), said(Role.USER, "2")), "2", id="the-newest"),
        pytest.param((said(Role.USER, "1"), said(Role.ASSISTANT, "2")), "1", id="other-last"),
        pytest.param((said(Role.USER, "1", "2"),), "12", id="two-parts"),
    ],
)
def test_the_last_user_text_is_the_newest_one(messages: tuple[Message, ...], text: str) -> None:
    assert Request(messages=messages).last_user_text == text


def test_the_text_of_a_message_is_that_of_its_text_parts() -> None:
    assert Message(Role.USER, (Text("a"), IMAGE, Text("b"))).text == "ab"


def test_the_text_of_a_message_is_not_that_of_tool_results() -> None:
    assert Message(Role.TOOL, (ToolResult(call_id="c", parts=(Text("a"),)),)).text == ""
