"""The canonical request."""

import pytest

from gateway.canonical.request import Message, Request, Role


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        pytest.param((), "", id="no-message"),
        pytest.param((Message(Role.SYSTEM, "s"),), "", id="none-of-a-user"),
        pytest.param((Message(Role.USER, "1"), Message(Role.USER, "2")), "2", id="the-newest"),
        pytest.param((Message(Role.USER, "1"), Message(Role.TOOL, "2")), "1", id="other-last"),
    ],
)
def test_the_last_user_text_is_the_newest_one(messages: tuple[Message, ...], text: str) -> None:
    assert Request(messages=messages).last_user_text == text
