"""CPU time and memory of running processes, by role, from /proc.

Owns reading /proc and adding up what it says. Must not know which programs these are: roles come
in as lists of process ids; a descendant that is in no list has the role of its nearest ancestor.
"""

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

PROC = Path("/proc")
SAMPLE_S = 0.2
FULL_LOOK_EVERY = 10  # samples: it reads all of /proc, and PSS walks all pages of a process
MAX_SAMPLES = 18_000  # an hour

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

Roles = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Process:
    """One line of /proc/<pid>/stat. CPU holds that of exited children who were waited for."""

    pid: int
    parent: int
    cpu_ms: float
    started_ticks: int
    rss_bytes: int


@dataclass(frozen=True)
class Usage:
    """What some processes have used: CPU since they began, memory now."""

    cpu_ms: float = 0.0
    rss_bytes: int = 0
    pss_bytes: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.cpu_ms + other.cpu_ms,
            self.rss_bytes + other.rss_bytes,
            self.pss_bytes + other.pss_bytes,
        )


def read_process(pid: int) -> Process | None:
    """Read one process; None when it is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold spaces and parentheses itself.
    fields = text[text.rindex(")") + 2 :].split()
    if fields[0] == "Z":
        return None
    return Process(
        pid=pid,
        parent=int(fields[1]),
        cpu_ms=sum(int(ticks) for ticks in fields[11:15]) * _TICK_MS,
        started_ticks=int(fields[19]),
        rss_bytes=int(fields[21]) * _PAGE_BYTES,
    )


def read_processes() -> dict[int, Process]:
    """Read all processes of the machine."""
    found = (read_process(int(name)) for name in os.listdir(PROC) if name.isdigit())
    return {process.pid: process for process in found if process is not None}


def command_line(pid: int) -> str:
    """Return the arguments of a process with spaces between them; empty when it is gone."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode("utf-8", "replace").strip()


def descendants(roots: Iterable[int]) -> list[Process]:
    """Return those of `roots` that run, and all their children and children's children."""
    processes = read_processes()
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    waiting = [processes[pid] for pid in roots if pid in processes]
    found: dict[int, Process] = {}
    while waiting:
        process = waiting.pop()
        if process.pid not in found:
            found[process.pid] = process
            waiting.extend(children.get(process.pid, ()))
    return list(found.values())


def _pss_bytes(pid: int) -> int:
    try:
        text = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _role_of(process: Process, family: Mapping[int, Process], *, given: Mapping[int, str]) -> str:
    current: Process | None = process
    for _ in range(len(family) + 1):
        if current is None:
            break
        if current.pid in given:
            return given[current.pid]
        current = family.get(current.parent)
    return "other"


def read_usage(roles: Roles, *, pss: bool = False) -> dict[str, Usage]:
    """Add up what the processes of each role and their descendants use.

    Args:
        pss: read the proportional memory as well; 0 otherwise.
    """
    given = {pid: role for role, pids in roles.items() for pid in pids}
    family = {process.pid: process for process in descendants(given)}
    usage = {role: Usage() for role in roles}
    for process in family.values():
        role = _role_of(process, family, given=given)
        used = Usage(process.cpu_ms, process.rss_bytes, _pss_bytes(process.pid) if pss else 0)
        usage[role] = usage.get(role, Usage()) + used
    return usage


def total(usage: Mapping[str, Usage]) -> Usage:
    """Add up all roles."""
    return sum(usage.values(), Usage())


@dataclass
class Meter:
    """Measures the block it is entered for: CPU used in it, highest memory seen in it.

    Args:
        roles: asked again now and then, because processes may be restarted.
    """

    roles: Callable[[], Roles]
    cpu_ms: dict[str, float] = field(default_factory=dict)
    peak_rss_bytes: int = 0
    peak_pss_bytes: int = 0
    _before: dict[str, Usage] = field(default_factory=dict)
    _pids: list[int] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._before = self._look()
        self._thread = threading.Thread(target=self._sample, name="bench-meter", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        after = self._look()
        for role, usage in after.items():
            self.cpu_ms[role] = usage.cpu_ms - self._before.get(role, Usage()).cpu_ms
        self.cpu_ms["total"] = total(after).cpu_ms - total(self._before).cpu_ms

    def _look(self) -> dict[str, Usage]:
        roles = self.roles()
        given = [pid for pids in roles.values() for pid in pids]
        self._pids = [process.pid for process in descendants(given)]
        usage = read_usage(roles, pss=True)
        together = total(usage)
        self.peak_rss_bytes = max(self.peak_rss_bytes, together.rss_bytes)
        self.peak_pss_bytes = max(self.peak_pss_bytes, together.pss_bytes)
        return usage

    def _glance(self) -> None:
        processes = (read_process(pid) for pid in self._pids)
        rss_bytes = sum(process.rss_bytes for process in processes if process is not None)
        self.peak_rss_bytes = max(self.peak_rss_bytes, rss_bytes)

    def _sample(self) -> None:
        for count in range(1, MAX_SAMPLES):
            if self._ended.wait(SAMPLE_S):
                return
            with suppress(OSError, ValueError):  # a process may go while it is read
                if count % FULL_LOOK_EVERY == 0:
                    self._look()
                else:
                    self._glance()
