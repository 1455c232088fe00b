"""A gateway with all that it stands on, each part of which a test can break."""

import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import redis

from tests.faults.caller import Caller
from tests.support import answers
from tests.support.client import chat_body
from tests.support.fake_upstream import Answer, FakeUpstream, Received, Script
from tests.support.gateway import Gateway
from tests.support.polling import wait_for
from tests.support.process import Process
from tests.support.redis_server import RedisServer

INSTANCE = "up"
OTHER_INSTANCE = "other"
"""The same upstream with another key."""

_STAYS = (
    r"epoch|wake|installation|workers|webs|alive:.*|keys:.*|queue:[^:]*:rate|lease:.*|inventory.*",
    r"rq:workers.*|rq:worker:[^:]*|rq:queues",
)


class Deployment:
    """Redis, an upstream whose answers go by the model, and a gateway between clients and it."""

    def __init__(
        self,
        concurrency: str,
        *,
        workers: int = 1,
        settings: Mapping[str, Any] | None = None,
        other: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            other: settings of the other instance.
        """
        self.redis_server = RedisServer()
        self.redis_server.start()
        self.redis: redis.Redis = self.redis_server.client()
        self.upstream = FakeUpstream()
        self.upstream.script = self.script
        self.answers: dict[str, Answer | Script] = {}
        """Model -> its answer; any other model says hello."""
        row = {"kind": "openai-legacy", "base_url": f"{self.upstream.url}/v1"}
        self.gateway = Gateway(
            redis_url=self.redis_server.url,
            backends=[
                {"id": INSTANCE, **row, "api_keys": ["key"]},
                {"id": OTHER_INSTANCE, **row, "api_keys": ["key-of-other"], **(other or {})},
            ],
            settings=settings,
            concurrency=concurrency,
            workers=workers,
        )

    def call(
        self, model: str, *, instance: str = INSTANCE, key: str | None = None, **fields: Any
    ) -> Caller:
        """Begin a call of a model.

        Args:
            key: the client key that it presents.
            fields: of the request body.
        """
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = chat_body(f"{instance}:{model}", **fields)
        return Caller(self.gateway.port, body, headers=headers)

    def requests(self, model: str) -> list[Received]:
        """The upstream requests for a model so far."""
        return [request for request in self.upstream.requests if request.json["model"] == model]

    def request(self, model: str, *, number: int = 1, limit_s: float = 15.0) -> Received:
        """Wait for the n-th upstream request for a model."""
        wait_for(
            lambda: len(self.requests(model)) >= number,
            what=f"upstream request {number} for {model}",
            limit_s=limit_s,
        )
        return self.requests(model)[number - 1]

    def open_calls(self) -> set[str]:
        """The ids of the calls that have a record."""
        prefix = f"{self.gateway.prefix}:call:"
        keys = (key.decode() for key in self.redis.scan_iter(f"{prefix}*", count=1000))
        return {key.removeprefix(prefix) for key in keys if key.count(":") == 2}

    def waiting(self) -> int:
        """How many calls wait in the queue."""
        return self.redis.llen(f"rq:queue:{self.queue}")

    @property
    def queue(self) -> str:
        """The name of the queue."""
        return f"{self.gateway.prefix}.interactive"

    def add_worker(self) -> Process:
        """Start one more worker and wait until it takes calls."""
        known = len(self.living_workers())
        worker = self.gateway.start_worker()
        self.gateway.workers.append(worker)
        wait_for(lambda: len(self.living_workers()) > known, what="a worker", limit_s=30)
        return worker

    def stop_worker(self, worker: Process) -> None:
        """Have a worker end in order."""
        worker.signal(signal.SIGTERM)
        worker.wait()
        self.gateway.workers.remove(worker)

    def living_workers(self) -> list[str]:
        """The workers whose beat counts."""
        with self.gateway.runtime() as runtime:
            return [id for id in runtime.living_workers() if self.is_alive(id)]

    def processes(self, role: str) -> list[str]:
        """The ids of a role's processes that are listed, dead or alive: worker or web."""
        return [id.decode() for id in self.redis.zrange(f"{self.gateway.prefix}:{role}s", 0, -1)]

    def is_alive(self, process_id: str) -> bool:
        """Whether a process's beat counts."""
        return bool(self.redis.exists(f"{self.gateway.prefix}:alive:{process_id}"))

    def leftovers(self) -> list[str]:
        """What Redis has of calls."""
        prefix = re.escape(self.gateway.prefix)
        stays = re.compile(f"{prefix}:({_STAYS[0]})|{_STAYS[1]}")
        bytes_key = f"{self.gateway.prefix}:queue:{self.queue}:bytes"
        keys = sorted(key.decode() for key in self.redis.scan_iter(count=1000))
        return [
            key
            for key in keys
            if not stays.fullmatch(key) and not (key == bytes_key and self.redis.get(key) == b"0")
        ]

    def wait_clean(self, *, limit_s: float = 5.0) -> None:
        """Wait until Redis has nothing of any call."""
        try:
            wait_for(lambda: not self.leftovers(), what="an empty Redis", limit_s=limit_s)
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.leftovers()}") from None

    def wait_durable(self) -> None:
        """Wait until Redis has on disk what it has now."""
        rewrites = self.redis.info("persistence")["aof_last_bgrewrite_status"]
        assert rewrites == "ok"
        self.redis.config_set("appendfsync", "always")
        self.redis.set("durable", 1)
        self.redis.delete("durable")

    def close(self) -> None:
        """End everything."""
        self.gateway.close()
        self.upstream.close()
        self.redis.close()
        self.redis_server.close()

    def script(self, request: Received) -> Answer:
        """What the upstream answers to a request."""
        fields = request.json
        answer = self.answers.get(fields["model"])
        if answer is None:
            return answers.stream("hel", "lo") if fields.get("stream") else answers.whole()
        return answer if isinstance(answer, Answer) else answer(request)


_running: list[Deployment] = []


def running() -> list[Deployment]:
    """The deployments that are up now."""
    return list(_running)


@contextmanager
def deployment(concurrency: str, **options: Any) -> Iterator[Deployment]:
    """A deployment that serves, until the block ends; its options are those of `Deployment`."""
    made = Deployment(concurrency, **options)
    _running.append(made)
    try:
        made.gateway.start()
        yield made
        assert made.upstream.faults == []
    except BaseException:
        print(made.gateway.logs())
        raise
    finally:
        _running.remove(made)
        made.close()


def by_turn(*turns: Answer | Callable[[Received], Answer]) -> Script:
    """Answer a model's first request with the first turn and so on; the last one stays."""
    remaining = list(turns)

    def script(request: Received) -> Answer:
        turn = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return turn if isinstance(turn, Answer) else turn(request)

    return script
