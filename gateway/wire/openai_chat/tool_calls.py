"""Tool calls of chat answers: entries of `tool_calls` and `function_call` -> events.

By the protocol an entry has the index of its call, and a call's first entry its id and name.
Compatible providers leave out the index or send -1, leave out the id, send one index for all,
send a call whole or twice, and arguments as an object.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.canonical.events import Event, ToolCallDelta, ToolCallStarted

_ANONYMOUS_BYTES = 6


class _Call:
    """A call as far as it has come; it starts when its name is known."""

    def __init__(self, index: int, id: str) -> None:
        self.index = index
        self.id = id
        self.name = ""
        self.arguments = ""
        self.started = False
        self.custom = False


class ToolCallReader:
    """Reads the tool calls of one answer.

    Attributes:
        ids: the calls that have started, by id, with their index in the canonical answer.
    """

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}
        self._started = 0
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._answer_id = ""

    def begin(self, answer_id: str | None) -> None:
        """Learn the answer's id, from which calls without an id get one."""
        self._answer_id = answer_id or ""

    def read(self, wire: dict[str, Any]) -> Iterator[Event]:
        """Read the calls of one message or delta."""
        entries = wire.get("tool_calls")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                yield from self._read_entry(entry)
        legacy = wire.get("function_call")
        if isinstance(legacy, dict):
            yield from self._read_entry({"index": 0, "function": legacy})

    def end(self) -> Iterator[ToolCallDelta]:
        """Complete the calls that came without arguments: clients read those as JSON."""
        for call in self._calls:
            if call.started and not call.custom and not call.arguments.strip():
                yield ToolCallDelta(call.index, "{}")

    def _read_entry(self, entry: dict[str, Any]) -> Iterator[Event]:
        custom = isinstance(entry.get("custom"), dict)
        said = entry.get("custom" if custom else "function")
        said = said if isinstance(said, dict) else {}
        name = _string(said.get("name"))
        arguments = _arguments(said.get("input" if custom else "arguments"))
        call = self._call(entry, name, arguments=arguments)
        if arguments and arguments == call.arguments and _is_object(arguments):
            # A call that is sent again, whole: no object goes on with itself.
            return
        call.arguments += arguments
        call.name = call.name or name
        if call.started:
            if arguments:
                yield ToolCallDelta(call.index, arguments)
        elif call.name:
            yield from self._start(call, custom=custom)

    def _start(self, call: _Call, *, custom: bool) -> Iterator[Event]:
        call.started, call.custom = True, custom
        call.index = self._started
        self._started += 1
        self.ids[call.id] = call.index
        yield ToolCallStarted(call.index, call.id, call.name, custom)
        if call.arguments:
            yield ToolCallDelta(call.index, call.arguments)

    def _call(self, entry: dict[str, Any], name: str, *, arguments: str) -> _Call:
        """Find the call that an entry speaks of; it may be a new one."""
        id = _string(entry.get("id"))
        index = entry.get("index")
        if not isinstance(index, int) or isinstance(index, bool) or index < 0:
            return self._call_without_index(id, name, arguments=arguments)
        call = self._by_index.get(index)
        if call is None or (id and name and id != call.id and call.name):
            call = self._by_index[index] = self._new(id)
        elif id and not call.started:
            call.id = id
        return call

    def _call_without_index(self, id: str, name: str, *, arguments: str) -> _Call:
        if id:
            return next((call for call in self._calls if call.id == id), None) or self._new(id)
        last = self._calls[-1] if self._calls else None
        # A name begins another call, unless it repeats the last one's.
        again = last is not None and (name, arguments) == (last.name, last.arguments)
        return last if last and (not name or not last.name or again) else self._new("")

    def _new(self, id: str) -> _Call:
        call = _Call(len(self._calls), id or self._new_id())
        self._calls.append(call)
        return call

    def _new_id(self) -> str:
        """Name a call, so that no other of the conversation has its id."""
        number = len(self._calls)
        if not self._answer_id:
            return f"call_{number}"
        digest = hashlib.blake2s(self._answer_id.encode(), digest_size=_ANONYMOUS_BYTES)
        return f"call_{digest.hexdigest()}_{number}"


def _arguments(value: object) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else ""


def _is_object(text: str) -> bool:
    return text[:1] == "{" and text[-1:] == "}"


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
