"""The reply list of one web process: one reader hands its frames to the requests that wait.

A request that reads slowly holds up nobody: what it has not read is bounded, and over the bound
its call alone ends.
"""

import logging
import queue
import threading
from collections.abc import Callable

from msgspec import DecodeError, Raw
from redis import Redis, RedisError

from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import AnyEvent, Failed, Stored, decode_event, decode_events
from gateway.transport.frame import Frame, decode_frame

MAX_UNREAD_BYTES = 8 * 1024 * 1024
"""Of one call, in a web process. Large events are not among them: they wait in Redis."""
MAX_UNREAD_BYTES_IN_ALL = 256 * 1024 * 1024
"""Of all calls of a web process."""

_BLOCK_S = 1
_AT_ONCE = 500

log = logging.getLogger(__name__)


class Follower:
    """The frames of one call, as they come."""

    def __init__(self, call_id: str, owner: "Replies") -> None:
        self._call_id = call_id
        self._owner = owner
        self._frames: queue.SimpleQueue[Raw | Failure] = queue.SimpleQueue()
        self._unread_bytes = 0
        self._lock = threading.Lock()

    def next_events(self, *, timeout_s: float) -> list[AnyEvent] | None:
        """Wait for the next events; None when none came in time."""
        try:
            frame = self._frames.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(frame, Failure):
            return [Failed(frame)]
        self._count(-len(memoryview(frame)))
        return [self._owner.restored(event) for event in decode_events(frame)]

    def close(self) -> None:
        """Stop following; later frames of the call are dropped."""
        self._owner.forget(self._call_id)
        self._count(-self._unread_bytes)

    def put(self, events: Raw) -> None:
        """Take a frame from the reader."""
        size = len(memoryview(events))
        over = self._count(size) > MAX_UNREAD_BYTES
        if over or self._owner.unread_bytes > MAX_UNREAD_BYTES_IN_ALL:
            self._count(-size)
            self._owner.cancel(self._call_id)
            self.fail(_too_slow())
        else:
            self._frames.put(events)

    def fail(self, failure: Failure) -> None:
        """End the call here, whatever the worker does."""
        self._owner.forget(self._call_id)
        self._frames.put(failure)

    def _count(self, size_bytes: int) -> int:
        with self._lock:
            self._unread_bytes += size_bytes
            self._owner.count(size_bytes)
            return self._unread_bytes


class Replies:
    """Reads one web process's reply list and knows who waits for what."""

    def __init__(self, redis: Redis, *, key: str, cancel: Callable[[str], None]) -> None:
        """
        Args:
            redis: a client of its own, whose answers may take longer than `_BLOCK_S`.
            key: the reply list.
            cancel: ends a call, by id, whose client does not keep up. Must not wait.
        """
        self._redis = redis
        self._key = key
        self.cancel = cancel
        self.unread_bytes = 0
        self._lock = threading.Lock()
        self._followers: dict[str, Follower] = {}
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._run, name="replies", daemon=True).start()

    def stop(self) -> None:
        """Stop reading after the read under way."""
        self._stop.set()

    def expect(self, call_id: str) -> Follower:
        """Follow a call. To be called before the call is submitted, so that no frame is missed."""
        follower = Follower(call_id, self)
        self._followers[call_id] = follower
        return follower

    def forget(self, call_id: str) -> None:
        """Drop what still comes for a call."""
        self._followers.pop(call_id, None)

    def fail_all(self, failure: Failure) -> list[str]:
        """End every open call here, and return their ids."""
        open_calls = list(self._followers.items())
        for _, follower in open_calls:
            follower.fail(failure)
        return [id for id, _ in open_calls]

    def count(self, size_bytes: int) -> None:
        """Add to what all followers have not read."""
        with self._lock:
            self.unread_bytes += size_bytes

    def restored(self, event: AnyEvent) -> AnyEvent:
        """Fetch the event that a `Stored` one stands for."""
        if not isinstance(event, Stored):
            return event
        try:
            data = self._redis.getdel(event.key)
        except RedisError:
            data = None
        return decode_event(data) if isinstance(data, bytes) else Failed(_redis_lost())

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                frames = self._read()
            except RedisError as error:
                self._lost(error)
                self._stop.wait(0.5)
                continue
            for frame in frames:
                self._hand_over(frame)

    def _read(self) -> list[bytes]:
        """Wait for a frame and take those behind it along, in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.blpop([self._key], timeout=_BLOCK_S)
        pipeline.lpop(self._key, _AT_ONCE)
        first, others = pipeline.execute()
        return ([first[1]] if first else []) + (others or [])

    def _hand_over(self, data: bytes) -> None:
        try:
            frame: Frame = decode_frame(data)
        except DecodeError as error:
            log.error("dropped a frame that cannot be read: %s", error)
            return
        follower = self._followers.get(frame.call_id)
        if follower:
            follower.put(frame.events)

    def _lost(self, error: RedisError) -> None:
        ended = self.fail_all(_redis_lost())
        if ended:
            log.error("lost Redis with %d calls open: %s", len(ended), error)
        for call_id in ended:
            self.cancel(call_id)


def _redis_lost() -> Failure:
    return Failure(
        kind=Kind.UNAVAILABLE,
        message="the gateway lost its Redis while this call was open; send the request again",
        status=503,
        retry_after_s=5,
    )


def _too_slow() -> Failure:
    return Failure(
        kind=Kind.OVERLOADED,
        message="the client did not keep up with the answer: more than "
        f"{MAX_UNREAD_BYTES} bytes of it, or too many of all answers, were unread",
        status=503,
    )
