"""What real clients send is understood as a whole."""

import json
from typing import Any

import pytest

from gateway.canonical.request import Role
from gateway.wire.openai_chat.codec import CODEC
from tests.conftest import RECORDED

CAPTURES = sorted(RECORDED.parent.glob("client-captures/*/*-POST-_v1_chat_completions.json"))


@pytest.fixture(
    params=CAPTURES or [None], ids=lambda path: path and f"{path.parent.name}-{path.name[:4]}"
)
def sent(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The body of one request that a client sent."""
    if request.param is None:
        pytest.skip("the captured requests are not there")
    body: dict[str, Any] = json.loads(request.param.read_text())["body_json"]
    return body


def test_nothing_of_it_is_left_out(sent: dict[str, Any]) -> None:
    body = json.dumps(sent).encode()
    envelope = CODEC.parse_envelope(body, max_depth=32)
    request = CODEC.parse_request(body)
    assert (request.dropped, request.refused) == ((), ())
    assert (envelope.model, envelope.streams) == (sent["model"], sent.get("stream", False))


def test_it_is_sent_on_as_it_came(sent: dict[str, Any]) -> None:
    request = CODEC.parse_request(json.dumps(sent).encode())
    rendered = json.loads(CODEC.render_request(request, model=sent["model"], stream=request.stream))
    for name in ("messages", "stream", "stream_options"):
        sent.pop(name, None)
        rendered.pop(name, None)
    assert rendered == sent
    assert request.messages[0].role in (Role.USER, Role.SYSTEM)
