"""Appends the frames of a worker's calls, as many at once as there are.

One thread writes; calls only add to what it writes next. While one write is on its way the next
gathers, so a busy worker writes large groups and an idle one writes at once.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.exceptions import NoScriptError, ResponseError

from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import (
    Event,
    Failed,
    Stored,
    encode_event,
    is_output,
    is_terminal,
)
from gateway.state.pipe import Pipe
from gateway.state.script import Argument, Script, ScriptCall
from gateway.transport.frame import encode_frame
from gateway.transport.keys import CallKeys

MAX_GROUP = 256
"""Entries of one write: it bounds how long Redis is busy with it."""
MAX_GROUP_BYTES = 1024 * 1024
"""Of one write, and so of one frame, up to its last event."""
MAX_EVENT_BYTES = 256 * 1024
"""A larger event does not go through the reply list."""
MAX_PENDING_BYTES = 64 * 1024 * 1024
"""Of all calls of a worker: over it they wait until some is written."""
MAX_LIST_FRAMES = 20_000
"""In one reply list: its web process stands still."""
BLOB_TTL_S = 120
FEW = 6
"""Calls of one write. When more talk, write upon write, a short pause lets more of them go
together: each costs less, in Redis and in the web process too."""
PAUSE_S = 0.004
LAZY_S = 0.02
"""How long a script call waits for frames to go with."""

_APPEND = Script(Path(__file__).parent / "scripts" / "append.lua")

log = logging.getLogger(__name__)


@dataclass
class Sink:
    """Where one execution appends."""

    call_id: str
    epoch: int
    web_id: str
    worker_id: str
    job_key: str
    stop: Callable[[Failure], None]
    """Ends the execution: a frame was not taken."""
    blobs: int = 0
    """How many large events were stored."""
    closed: bool = False
    """Nothing is or will be appended any more, whatever became of the last frame."""
    broken: bool = False
    """Redis did not say what became of a frame, so none that carries an answer may follow it."""


@dataclass
class _Entry:
    sink: Sink
    events: list[bytes] = field(default_factory=list)
    output: bool = False
    terminal: bool = False
    size_bytes: int = 0


class Appender:
    """Writes frames and bookkeeping of one worker in groups."""

    def __init__(self, redis: Redis, keys: CallKeys) -> None:
        self._redis = redis
        self._pipe = Pipe(redis)
        self._keys = keys
        self.lost_bookkeeping = False
        """Script calls were lost; whoever looks sets it back."""
        self._room = threading.Condition(threading.Lock())
        self._waiting: deque[_Entry | ScriptCall] = deque()
        self._pending_bytes = 0
        self._stopping = False
        self._bell = threading.Event()
        """Set while there is something to write."""
        self._urgent = threading.Event()
        """Set while somebody waits for some of it."""
        self._thread = threading.Thread(target=self._run, name="appender", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is there and end."""
        self._stopping = True
        self._urgent.set()
        self._bell.set()
        self._thread.join()

    def append(self, sink: Sink, event: Event) -> None:
        """Append an event to a call. Waits only while too much is unwritten."""
        data = encode_event(event)
        entry = _Entry(sink, [data], is_output(event), is_terminal(event), len(data))
        with self._room:
            while self._pending_bytes >= MAX_PENDING_BYTES:
                self._room.wait()
            self._pending_bytes += entry.size_bytes
            self._waiting.append(entry)
        if not self._urgent.is_set():
            self._urgent.set()
            self._bell.set()

    def call(self, call: ScriptCall) -> None:
        """Call a script whose answer nobody needs, in order with what is appended.

        It goes with the next frames, or alone after a while.
        """
        with self._room:
            self._waiting.append(call)
        if not self._bell.is_set():
            self._bell.set()

    def _run(self) -> None:
        written_at = 0.0
        while True:
            self._bell.wait()
            self._urgent.wait(LAZY_S)
            if group := self._gather():
                calls = self._write(group)
                last, written_at = written_at, time.monotonic()
                if calls > FEW and written_at - last < PAUSE_S:
                    time.sleep(PAUSE_S)
                    written_at += PAUSE_S
            elif self._stopping:
                return

    def _gather(self) -> list[_Entry | ScriptCall]:
        """Take what waits, up to the bounds of one write."""
        group: list[_Entry | ScriptCall] = []
        size_bytes = 0
        with self._room:
            while self._waiting and len(group) < MAX_GROUP and size_bytes < MAX_GROUP_BYTES:
                group.append(self._waiting.popleft())
                size_bytes += _size(group[-1])
            if not self._waiting and not self._stopping:
                self._bell.clear()
                self._urgent.clear()
        return group

    def _write(self, group: list[_Entry | ScriptCall]) -> int:
        """Send frames and, behind them in the same round trip, bookkeeping.

        Returns:
            How many calls the frames are of.
        """
        joined = _join([entry for entry in group if isinstance(entry, _Entry)])
        calls = [entry for entry in group if isinstance(entry, ScriptCall)]
        frames = [frame for frame in joined if not frame.sink.broken or frame.terminal]
        try:
            for frame, taken in zip(frames, self._send(frames, calls), strict=True):
                if taken != 1:
                    self._lose(frame.sink)
        except Exception as error:  # noqa: BLE001 - the top of the thread that all calls share
            log.error("could not append to %d calls: %r", len(frames), error)
            self.lost_bookkeeping = self.lost_bookkeeping or bool(calls)
            for frame in joined:
                frame.sink.broken = True
                frame.sink.stop(_lost_redis())
        finally:
            for frame in joined:
                frame.sink.closed = frame.sink.closed or frame.terminal
            with self._room:
                self._pending_bytes -= sum(frame.size_bytes for frame in joined)
                self._room.notify_all()
        return len(joined)

    def _send(self, frames: list[_Entry], calls: list[ScriptCall]) -> list[int]:
        """Send a group and return, for each frame, whether it was taken: 1 or 0."""
        append = [self._append(frames)] if frames else []
        answers = self._pipe.execute([call.command for call in (*append, *calls)])
        for call, answer in zip(calls, answers[len(append) :], strict=True):
            try:
                if isinstance(answer, NoScriptError):
                    call.send(self._pipe)
                elif isinstance(answer, Exception):
                    raise answer
            except ResponseError as error:
                log.warning("bookkeeping failed: %s", error)
        if not append:
            return []
        if isinstance(answers[0], NoScriptError):
            answers[0] = append[0].send(self._pipe)
        if isinstance(answers[0], Exception):
            raise answers[0]
        return list(answers[0])

    def _append(self, frames: list[_Entry]) -> ScriptCall:
        keys: list[str] = []
        args: list[Argument] = [MAX_LIST_FRAMES]
        for frame in frames:
            sink = frame.sink
            keys += (
                self._keys.record(sink.call_id),
                self._keys.body(sink.call_id),
                sink.job_key,
                self._keys.replies(sink.web_id),
                self._keys.alive(sink.web_id),
                self._keys.claims(sink.worker_id),
            )
            payload = self._payload(frame)
            args += (sink.call_id, sink.epoch, int(frame.output), int(frame.terminal), payload)
        return ScriptCall(_APPEND, keys, args)

    def _payload(self, frame: _Entry) -> bytes:
        sink = frame.sink
        if sink.broken:
            # What came before it may be missing: the answer cannot be said to be whole.
            return encode_frame(sink.call_id, [encode_event(Failed(_lost_redis()))])
        events = [self._stored(sink, event) for event in frame.events]
        stored_bytes = sum(len(event) for event in frame.events if len(event) > MAX_EVENT_BYTES)
        return encode_frame(sink.call_id, events, stored_bytes=stored_bytes)

    def _stored(self, sink: Sink, event: bytes) -> bytes:
        """Put a large event beside the reply list, and in its place the key that it is under."""
        if len(event) <= MAX_EVENT_BYTES:
            return event
        key = self._keys.blob(sink.call_id, epoch=sink.epoch, number=sink.blobs)
        sink.blobs += 1
        self._redis.set(key, event, ex=BLOB_TTL_S)
        return encode_event(Stored(key))

    def _lose(self, sink: Sink) -> None:
        sink.stop(_not_wanted())
        if sink.blobs:
            blobs = range(sink.blobs)
            keys = (self._keys.blob(sink.call_id, epoch=sink.epoch, number=n) for n in blobs)
            self._redis.delete(*keys)


def _join(entries: list[_Entry]) -> list[_Entry]:
    """Join the entries of each execution into one frame, in order, up to the terminal one."""
    joined: dict[tuple[str, int], _Entry] = {}
    for entry in entries:
        execution = (entry.sink.call_id, entry.sink.epoch)
        known = joined.setdefault(execution, _Entry(entry.sink))
        known.size_bytes += entry.size_bytes
        if known.terminal:
            continue
        known.events += entry.events
        known.output = known.output or entry.output
        known.terminal = entry.terminal
    return list(joined.values())


def _size(entry: _Entry | ScriptCall) -> int:
    return entry.size_bytes if isinstance(entry, _Entry) else 0


def _not_wanted() -> Failure:
    return Failure(kind=Kind.CANCELLED, message="the call was cancelled", status=499)


def _lost_redis() -> Failure:
    return Failure(
        kind=Kind.UNAVAILABLE,
        message="the gateway lost its Redis while this call was open; send the request again",
        status=503,
        retry_after_s=5,
    )
