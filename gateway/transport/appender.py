"""Appends the frames of a worker's calls, as many at once as there are.

One thread writes; calls only add to what it writes next. While one write is on its way the next
gathers, so a busy worker writes large groups and an idle one writes at once.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis, RedisError

from gateway.canonical.events import Event, encode_event, is_output, is_terminal
from gateway.state.script import Argument, Script
from gateway.transport.frame import encode_frame
from gateway.transport.keys import CallKeys

MAX_GROUP = 256
"""Entries of one write: it bounds how long Redis is busy with it."""

_APPEND = Script(Path(__file__).parent / "scripts" / "append.lua")

log = logging.getLogger(__name__)

Command = tuple[Argument, ...]


@dataclass
class Sink:
    """Where one execution appends."""

    call_id: str
    epoch: int
    web_id: str
    lost: Callable[[], None]
    """Called when a frame was not taken: the call has ended, another worker has it, or nobody
    reads it any more."""


@dataclass
class _Entry:
    sink: Sink
    events: list[bytes] = field(default_factory=list)
    output: bool = False
    terminal: bool = False


class Appender:
    """Writes frames and bookkeeping commands of one worker in groups."""

    def __init__(self, redis: Redis, keys: CallKeys) -> None:
        self._redis = redis
        self._keys = keys
        self._queue: queue.SimpleQueue[_Entry | list[Command] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="appender", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is there and end."""
        self._queue.put(None)
        self._thread.join()

    def append(self, sink: Sink, event: Event) -> None:
        """Append an event to a call. Does not wait for Redis."""
        entry = _Entry(sink, [encode_event(event)], is_output(event), is_terminal(event))
        self._queue.put(entry)

    def command(self, commands: list[Command]) -> None:
        """Send commands whose answers nobody needs, in order with what is appended."""
        self._queue.put(commands)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._gather(first)
            self._write(group)
            if last:
                return

    def _gather(
        self, first: "_Entry | list[Command]"
    ) -> tuple[list["_Entry | list[Command]"], bool]:
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                return group, True
            group.append(entry)
        return group, False

    def _write(self, group: list["_Entry | list[Command]"]) -> None:
        frames = _join([entry for entry in group if isinstance(entry, _Entry)])
        commands = [command for entry in group if isinstance(entry, list) for command in entry]
        try:
            if frames:
                self._append(frames, commands)
            elif commands:
                self._send(commands)
        except RedisError as error:
            log.error("could not append to %d calls: %s", len(frames), error)
            for frame in frames:
                frame.sink.lost()

    def _append(self, frames: list[_Entry], commands: list[Command]) -> None:
        keys: list[str] = []
        args: list[Argument] = []
        for frame in frames:
            sink = frame.sink
            keys += (
                self._keys.record(sink.call_id),
                self._keys.body(sink.call_id),
                self._keys.replies(sink.web_id),
                self._keys.alive(sink.web_id),
            )
            payload = encode_frame(sink.call_id, frame.events)
            args += (sink.epoch, int(frame.output), int(frame.terminal), payload)
        results = _APPEND.call(self._redis, keys=keys, args=args)
        if commands:
            self._send(commands)
        for frame, result in zip(frames, results, strict=True):
            if result != 1:
                frame.sink.lost()

    def _send(self, commands: list[Command]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
        for result in pipeline.execute(raise_on_error=False):
            if isinstance(result, Exception):
                log.warning("bookkeeping failed: %s", result)


def _join(entries: list[_Entry]) -> list[_Entry]:
    """Join the entries of each call into one frame; the order within a call is kept."""
    joined: dict[str, _Entry] = {}
    for entry in entries:
        known = joined.setdefault(entry.sink.call_id, _Entry(entry.sink))
        known.events += entry.events
        known.output = known.output or entry.output
        known.terminal = known.terminal or entry.terminal
    return list(joined.values())
