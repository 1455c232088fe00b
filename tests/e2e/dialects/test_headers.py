"""Which headers of a client's go on to an upstream of each dialect."""

import pytest

from tests.support.fake_upstream import FakeUpstream, Received
from tests.support.gateway import Gateway
from tests.support.speakers import ANTHROPIC, CHAT, Speaker

BETA = "context-1m-2025-08-07, interleaved-thinking-2025-05-14"


def received(
    gateway: Gateway, upstream: FakeUpstream, wire: Speaker, *, by: Speaker, **headers: str
) -> Received:
    """What an upstream gets of a call with these headers."""
    upstream.script = lambda _: wire.whole()
    model = f"{wire.instance}:m"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    gateway.client.send("POST", by.path(model, False), by.body(model), headers=named)
    (request,) = upstream.requests
    return request


@pytest.mark.parametrize(
    ("name", "value"), [("anthropic-version", "2024-10-22"), ("anthropic-beta", BETA)]
)
def test_anthropics_headers_go_on(
    polyglot: Gateway, upstream: FakeUpstream, name: str, value: str
) -> None:
    headers = {name.replace("-", "_"): value}
    request = received(polyglot, upstream, ANTHROPIC, by=ANTHROPIC, **headers)
    assert [v for n, v in request.headers if n.lower() == name] == [value]


@pytest.mark.parametrize("client", [ANTHROPIC, CHAT], ids=["anthropic", "chat"])
def test_an_anthropic_upstream_is_always_told_a_version(
    polyglot: Gateway, upstream: FakeUpstream, client: Speaker
) -> None:
    request = received(polyglot, upstream, ANTHROPIC, by=client)
    assert request.header("anthropic-version") == "2023-06-01"
    assert request.header("anthropic-beta") is None


def test_other_upstreams_are_told_nothing_of_anthropics(
    polyglot: Gateway, upstream: FakeUpstream
) -> None:
    request = received(
        polyglot, upstream, CHAT, by=ANTHROPIC, anthropic_version="2024-10-22", anthropic_beta=BETA
    )
    assert not [name for name, _ in request.headers if name.lower().startswith("anthropic")]


def test_a_count_takes_anthropics_headers_too(polyglot: Gateway, upstream: FakeUpstream) -> None:
    upstream.script = lambda _: ANTHROPIC.refusal(400)
    polyglot.client.send(
        "POST",
        "/v1/messages/count_tokens",
        ANTHROPIC.body("claude:m"),
        headers={"anthropic-beta": BETA},
    )
    assert upstream.requests[0].header("anthropic-beta") == BETA


@pytest.mark.parametrize(
    "name", ["cookie", "x_forwarded_for", "x_api_key", "authorization", "x_goog_api_key", "referer"]
)
def test_nothing_else_of_the_client_goes_on(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker, name: str
) -> None:
    request = received(polyglot, upstream, speaker, by=speaker, **{name: "of-the-client"})
    assert "of-the-client" not in f"{request.headers}"


@pytest.mark.parametrize("name", ["X-Queueway-Route", "X-LIP-Route"])
def test_a_route_in_a_header_goes_before_the_model(
    polyglot: Gateway, upstream: FakeUpstream, speaker: Speaker, name: str
) -> None:
    upstream.script = lambda _: speaker.whole("noon")
    reply = polyglot.client.send(
        "POST",
        speaker.path("any-name", False),
        speaker.body("any-name"),
        headers={name: f"{speaker.instance}:m"},
    )
    assert speaker.text(reply.json) == "noon"
