"""The reply list of one web process: one reader hands its frames to the requests that wait.

A request that reads slowly holds up nobody: what it has not read is bounded, and over the bound
its call alone ends.
"""

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from msgspec import DecodeError
from redis import Redis, RedisError

from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import AnyEvent, Failed, Stored, decode_event, decode_events
from gateway.state.pipe import Pipe
from gateway.transport.frame import Frame, decode_frame

MAX_UNREAD_BYTES = 8 * 1024 * 1024
"""Of one call, in a web process. Large events are not among them: they wait in Redis."""
MAX_UNREAD_BYTES_IN_ALL = 256 * 1024 * 1024
"""Of all calls of a web process."""
MAX_STORED_BYTES = 64 * 1024 * 1024
"""Of one call's large events that wait in Redis. A single one may be larger."""
GRACE_S = 5.0
"""What a client that does not keep up gets to take the error, before its connection is closed."""

_BLOCK_S = 1
_AT_ONCE = 128
_BREATH_BYTES = 256 * 1024
"""After so much the reader lets those that wait read."""

log = logging.getLogger(__name__)


class Follower:
    """The frames of one call, as they come."""

    def __init__(self, call_id: str, owner: "Replies") -> None:
        self.unread_bytes = 0
        self.heard_at = time.monotonic()
        """When something came for it last."""
        self._call_id = call_id
        self._owner = owner
        self._frames: queue.SimpleQueue[Frame | Failure] = queue.SimpleQueue()
        self._stored_bytes = 0
        self._dropped: Failure | None = None
        self._dropped_at = math.inf
        self._counts = True
        self._lock = threading.Lock()

    @property
    def is_overdue(self) -> bool:
        """Whether the client was dropped and has had its time to take the error that says so."""
        return time.monotonic() > self._dropped_at + GRACE_S

    def next_events(self, *, timeout_s: float) -> list[AnyEvent] | None:
        """Wait for the next events; None when none came in time."""
        try:
            frame = self._frames.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if failure := self._dropped or (frame if isinstance(frame, Failure) else None):
            return [Failed(failure)]
        assert isinstance(frame, Frame)
        self._count(-_size(frame), stored_bytes=-frame.stored_bytes)
        return self._restored(decode_events(frame.events))

    def close(self) -> None:
        """Stop following; later frames of the call are dropped."""
        self._owner.forget(self._call_id)
        self._count_no_more()

    def put(self, frame: Frame) -> None:
        """Take a frame from the reader."""
        self.heard_at = time.monotonic()
        self._count(_size(frame), stored_bytes=frame.stored_bytes)
        self._frames.put(frame)
        # One answer that is not streamed may be larger than what may wait of a stream.
        too_much_stored = MAX_STORED_BYTES < self._stored_bytes != frame.stored_bytes
        if self.unread_bytes > MAX_UNREAD_BYTES or too_much_stored:
            self.drop()

    def fail(self, failure: Failure) -> None:
        """End the call here, whatever the worker does, behind what has come of it."""
        self._owner.forget(self._call_id)
        self._frames.put(failure)

    def drop(self) -> None:
        """End the call here and forget what has come of it: its client does not keep up."""
        self._owner.cancel(self._call_id)
        # Set before the first frame is taken out: nobody may read on behind a gap.
        self._dropped = _too_slow()
        self._dropped_at = time.monotonic()
        self._count_no_more()
        with suppress(queue.Empty):
            while True:
                self._frames.get_nowait()
        self.fail(self._dropped)

    def _restored(self, events: list[AnyEvent]) -> list[AnyEvent]:
        """Put large events back; if one is lost, the answer ends there."""
        for position, event in enumerate(events):
            if isinstance(event, Stored):
                stored = self._owner.fetch(event.key)
                if stored is None:
                    self._owner.cancel(self._call_id)
                    return [*events[:position], Failed(_part_lost())]
                events[position] = stored
        return events

    def _count(self, size_bytes: int, *, stored_bytes: int) -> None:
        with self._lock:
            if self._counts:
                self.unread_bytes += size_bytes
                self._stored_bytes += stored_bytes
                self._owner.count(size_bytes)

    def _count_no_more(self) -> None:
        with self._lock:
            if self._counts:
                self._counts = False
                self._owner.count(-self.unread_bytes)
                self.unread_bytes = 0


class Replies:
    """Reads one web process's reply list and knows who waits for what."""

    def __init__(
        self, redis: Redis, *, blobs: Redis, key: str, cancel: Callable[[str], None]
    ) -> None:
        """
        Args:
            redis: says how the reader connects; its answers may take longer than `_BLOCK_S`.
            blobs: fetches large events.
            key: the reply list.
            cancel: ends a call, by id, whose answer cannot be delivered. Must not wait.
        """
        self._pipe = Pipe(redis)
        self._blobs = blobs
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

    def silent_for(self, seconds: float) -> dict[str, Follower]:
        """The open calls that nothing came for so long, by id."""
        until = time.monotonic() - seconds
        return {
            id: follower
            for id, follower in list(self._followers.items())
            if follower.heard_at < until
        }

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

    def fetch(self, key: str) -> AnyEvent | None:
        """Fetch and delete an event that is stored beside the list; None when it is lost."""
        try:
            data = self._blobs.getdel(key)
        except RedisError as error:
            log.warning("could not fetch %s: %s", key, error)
            return None
        return decode_event(data) if isinstance(data, bytes) else None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._hand_over(self._read())
            except Exception as error:  # noqa: BLE001 - the top of the thread that all calls share
                self._lost(error)
                self._stop.wait(0.5)

    def _read(self) -> list[bytes]:
        """Wait for a frame and take those behind it along, in one round trip."""
        commands = (("BLPOP", self._key, _BLOCK_S), ("LPOP", self._key, _AT_ONCE))
        first, others = self._pipe.execute(commands)
        for answer in (first, others):
            if isinstance(answer, RedisError):
                raise answer
        return ([first[1]] if first else []) + (others or [])

    def _hand_over(self, frames: list[bytes]) -> None:
        handed_bytes = 0
        for data in frames:
            try:
                frame = decode_frame(data)
            except DecodeError as error:
                log.error("dropped a frame that cannot be read: %s", error)
                continue
            follower = self._followers.get(frame.call_id)
            if follower:
                follower.put(frame)
            if self.unread_bytes > MAX_UNREAD_BYTES_IN_ALL:
                self._drop_largest()
            handed_bytes += len(data)
            if handed_bytes > _BREATH_BYTES:
                handed_bytes = 0
                time.sleep(0)

    def _drop_largest(self) -> None:
        followers = list(self._followers.values())
        largest = max(followers, key=lambda each: each.unread_bytes, default=None)
        if largest:
            largest.drop()

    def _lost(self, error: Exception) -> None:
        ended = self.fail_all(_redis_lost())
        if ended:
            log.error("lost Redis with %d calls open: %r", len(ended), error)
        for call_id in ended:
            self.cancel(call_id)


def _size(frame: Frame) -> int:
    return len(memoryview(frame.events))


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


def _part_lost() -> Failure:
    return Failure(
        kind=Kind.UNAVAILABLE,
        message="a large part of the answer was lost before it was delivered; "
        "send the request again",
        status=503,
        retry_after_s=5,
    )
