"""Calls on a real Redis, moved by hand: what web processes and workers do, one step at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import redis

from gateway import queueing
from gateway.canonical.call import Call, Candidate
from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import AnyEvent, Event, decode_events
from gateway.canonical.request import Dialect
from gateway.transport.appender import Appender, Sink
from gateway.transport.calls import CallStore, Job, Popped, QueueKeys, StartedCall, Submitter
from gateway.transport.frame import decode_frame
from gateway.transport.keys import CallKeys

PREFIX = "t"
WEB = "web-1"
WORKER = "worker-1"
OTHER_WORKER = "worker-2"
DIED = Failure(kind=Kind.UNAVAILABLE, message="the worker died", status=502)


def make_call(id: str, *, owner: str = "somebody") -> Call:
    """A call of one candidate."""
    return Call(
        id=id,
        owner=owner,
        dialect=Dialect.OPENAI_CHAT,
        model="acme:m",
        stream=True,
        candidates=(Candidate("acme", "m"),),
        deadline_at=2_000_000_000.0,
    )


def make_queue(
    name: str = "interactive", *, max_calls: int = 100, max_bytes: int = 10_000
) -> QueueKeys:
    """A queue with bounds that a test can reach."""
    names = queueing.QueueName(f"{PREFIX}.{name}")
    return QueueKeys(
        name=names.name,
        key=names.key,
        intermediate_key=names.intermediate_key,
        names_key=queueing.RQ_QUEUES,
        max_calls=max_calls,
        max_bytes=max_bytes,
    )


@dataclass
class Lost:
    """A sink, and how often it was told that a frame was not taken."""

    sink: Sink
    times: int = 0

    def count(self, _failure: Failure) -> None:
        self.times += 1


@dataclass
class Desk:
    """The steps of a call's life."""

    redis: redis.Redis
    queue: QueueKeys = field(default_factory=make_queue)
    given_up_in_s: float = 60.0
    """How long Redis may take to queue a call."""

    def __post_init__(self) -> None:
        self.keys = CallKeys(PREFIX)
        self.store = CallStore(self.redis, self.keys)

    def submit(
        self, id: str, body: bytes = b"{}", *, queue: QueueKeys | None = None, web: str = WEB
    ) -> Call:
        """Queue a call, which a web process does."""
        call = make_call(id)
        queue = queue or self.queue
        fields = queueing.job_fields(call, queueing.QueueName(queue.name), timeout_s=60)
        job = Job(queueing.job_key(id), fields)
        submitter = Submitter(web_id=web, gives_up_at=self._gives_up_at(), lifetime_s=90)
        self.store.submit(call, body, queue=queue, job=job, submitter=submitter)
        return call

    def pop(
        self, *, room: int = 100, worker: str = WORKER, queues: Sequence[QueueKeys] = ()
    ) -> list[Popped]:
        """Take calls, which a worker does."""
        return self.store.pop(queues or [self.queue], worker_id=worker, room=room)

    def start(self, popped: Popped, *, worker: str = WORKER) -> StartedCall | None:
        """Begin an execution."""
        return self.store.start(
            popped,
            worker_id=worker,
            job_key=queueing.job_key(popped.call_id),
            started_at=queueing.rq_time(),
        )

    def run(self, id: str, *, worker: str = WORKER) -> Popped:
        """Have a new call running."""
        self.submit(id)
        (popped,) = self.pop(worker=worker)
        assert self.start(popped, worker=worker)
        return popped

    def cancel(self, id: str) -> str | None:
        """End a call, which its reader does."""
        return self.store.cancel(id, queue=self.queue, job_key=queueing.job_key(id))

    def take_over(self, popped: Popped, *, worker: str = WORKER, by_itself: bool = False) -> str:
        """Take a call from a worker."""
        return self.store.take_over(
            popped,
            worker_id=worker,
            job_key=queueing.job_key(popped.call_id),
            by_itself=by_itself,
            failure=DIED,
        )

    def sink(self, popped: Popped, *, web: str = WEB, worker: str = WORKER) -> Lost:
        """Where an execution appends."""
        sink = Sink(
            call_id=popped.call_id,
            epoch=popped.epoch,
            web_id=web,
            worker_id=worker,
            job_key=queueing.job_key(popped.call_id),
            stop=lambda _failure: None,
        )
        lost = Lost(sink)
        sink.stop = lost.count
        return lost

    @contextmanager
    def appending(self) -> Iterator[Appender]:
        """An appender that has written everything when the block is left."""
        appender = Appender(self.redis, self.keys)
        appender.start()
        try:
            yield appender
        finally:
            appender.stop()

    def append(self, popped: Popped, *events: Event, web: str = WEB) -> Lost:
        """Append events in writes of their own, and wait until they are written."""
        lost = self.sink(popped, web=web)
        for event in events:
            with self.appending() as appender:
                appender.append(lost.sink, event)
        return lost

    def frames(self, *, web: str = WEB) -> list[tuple[str, list[AnyEvent]]]:
        """What lies in a reply list, as (call id, events)."""
        frames = [decode_frame(data) for data in self.redis.lrange(self.keys.replies(web), 0, -1)]
        return [(frame.call_id, decode_events(frame.events)) for frame in frames]

    def events(self, id: str, *, web: str = WEB) -> list[AnyEvent]:
        """What lies in a reply list for one call."""
        frames = self.frames(web=web)
        return [event for call_id, events in frames if call_id == id for event in events]

    def waiting(self, queue: QueueKeys | None = None) -> list[str]:
        """The ids in a queue, the next first."""
        return [id.decode() for id in self.redis.lrange((queue or self.queue).key, 0, -1)]

    def counted(self) -> tuple[int, dict[bytes, bytes]]:
        """The bytes that wait, as they are counted, and each call's part of them."""
        total = int(self.redis.get(self.keys.waiting_bytes(self.queue.name)) or 0)
        return total, self.redis.hgetall(self.keys.sizes(self.queue.name))

    def tokens(self) -> int:
        """How many wake tokens lie there."""
        return int(self.redis.llen(self.keys.wake))

    def _gives_up_at(self) -> float:
        seconds, microseconds = self.redis.time()
        return seconds + microseconds / 1e6 + self.given_up_in_s

    def all_keys(self) -> set[str]:
        """Every key of this Redis."""
        return {key.decode() for key in self.redis.scan_iter()}
