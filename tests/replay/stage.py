"""Plays exchanges: scripts the upstream, has a client ask, keeps what came of it.

Each play is made once, however many tests look at it.
"""

from collections.abc import Hashable
from dataclasses import dataclass

from gateway.runtime import Runtime
from tests.replay.clients import Outcome, over_http
from tests.replay.exchange import CHUNKINGS, Exchange, Family
from tests.replay.sdks import Sdks
from tests.support.fake_upstream import Answer, FakeUpstream, Received
from tests.support.gateway import Gateway

KEYS = ("replay-key-one", "replay-key-two")

PLAIN = "http"
"""The client that is no SDK."""


@dataclass(frozen=True)
class Play:
    """Who asks, and in which pieces the upstream answers."""

    exchange: Exchange
    client: Family | str
    chunking: str = "events"

    @property
    def id(self) -> str:
        """Its name as a test case."""
        return f"{self.exchange.id}-{self.chunking}-{self.client}"

    def answer(self, _: Received) -> Answer:
        """What the upstream says."""
        chunking = CHUNKINGS[self.chunking]
        # Google is asked for events even where the client reads an array; another upstream may not
        # care what it is asked for.
        if self.exchange.is_array and self.client in (PLAIN, self.exchange.family):
            return chunking.answer_as_events(self.exchange)
        return chunking.answer(self.exchange)


class Stage:
    """One gateway between the clients and one upstream."""

    def __init__(self, gateway: Gateway, upstream: FakeUpstream, *, runtime: Runtime) -> None:
        self._gateway = gateway
        self._sdks = Sdks(gateway)
        self._pool = runtime.pool
        self._upstream = upstream
        self._outcomes: dict[Hashable, Outcome] = {}

    def outcome(self, play: Play) -> Outcome:
        """What came of a play; it is made when the first test asks."""
        key = (play.exchange.id, play.client, play.chunking)
        if key not in self._outcomes:
            self._outcomes[key] = self._perform(play)
        return self._outcomes[key]

    def _perform(self, play: Play) -> Outcome:
        upstream, exchange = self._upstream, play.exchange
        upstream.reset()
        upstream.script = play.answer
        if isinstance(play.client, Family):
            outcome = self._sdks.ask(exchange, play.client)
        else:
            outcome = over_http(self._gateway, exchange)
        outcome.received = upstream.requests
        assert upstream.faults == []
        if outcome.status != 200:
            # The next play wants every key usable.
            for instance in {exchange.instance, exchange.plain_instance}:
                self._pool.reset(instance)
        return outcome

    def close(self) -> None:
        """Close the clients' connections."""
        self._sdks.close()


def keys(outcome: Outcome) -> list[str | None]:
    """The keys that the upstream was asked with."""
    return [_key(request) for request in outcome.received]


def _key(request: Received) -> str | None:
    return request.key or request.header("x-api-key") or request.header("x-goog-api-key")
