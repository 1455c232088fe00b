"""A small supervisor: starts processes, restarts one that dies, stops all in order.

Each child has a session of its own, so that Ctrl-C reaches the supervisor alone, and is told by the
kernel when the supervisor dies, so that none is left behind.
"""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
STEADY_S = 60.0
"""A child that lived this long is restarted at once the next time."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

log = logging.getLogger(__name__)


@dataclass
class Child:
    """A process to keep running."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_s: float
    """How long it may take to stop before it is killed."""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause_s: float = 0.0
    restart_at: float | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether the process runs now."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process.

        Raises:
            OSError: its program cannot be run.
        """
        self.process = subprocess.Popen(
            self.command,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self.started_at = time.monotonic()
        self.restart_at = None

    def stop(self) -> None:
        """Ask the process to stop, wait, and kill it and all it started if it does not."""
        if self.process is None:
            return
        if self.running:
            self.process.terminate()
            try:
                self.process.wait(self.stop_s)
            except subprocess.TimeoutExpired:
                log.warning("%s did not stop within %g s and is killed", self.name, self.stop_s)
        self.kill()

    def kill(self) -> None:
        """Kill the process's whole session, also what it left behind."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Supervisor:
    """Keeps children running until it is told to stop; the last started is stopped first."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._signals = 0

    def handle_signals(self) -> None:
        """Stop on SIGINT and SIGTERM; a second one kills at once."""
        signal.signal(signal.SIGINT, self._signalled)
        signal.signal(signal.SIGTERM, self._signalled)

    @property
    def stopping(self) -> bool:
        """Whether a signal has asked to stop."""
        return self._signals > 0

    def start(self, child: Child) -> None:
        """Start a child and keep it running from now on.

        Raises:
            OSError: its program cannot be run.
        """
        child.start()
        self._children.append(child)

    def wait_for(self, ready: Callable[[], bool], *, timeout_s: float) -> bool:
        """Wait until `ready`; False when a child dies before, at a signal, or after the time."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end and not self.stopping:
            if ready():
                return True
            if not all(child.running for child in self._children):
                return False
            time.sleep(0.02)
        return False

    def watch(self) -> None:
        """Restart children that die, with growing pauses, until a signal asks to stop."""
        while not self.stopping:
            now = time.monotonic()
            for child in self._children:
                if not child.running:
                    self._revive(child, now)
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop all children, the last started first."""
        for child in reversed(self._children):
            child.stop()

    def dead(self) -> list[str]:
        """The names of the children that do not run."""
        return [child.name for child in self._children if not child.running]

    def _revive(self, child: Child, now: float) -> None:
        if child.restart_at is None:
            lived_s = now - child.started_at
            child.pause_s = 0.0 if lived_s > STEADY_S else max(FIRST_PAUSE_S, child.pause_s * 2)
            child.pause_s = min(child.pause_s, LONGEST_PAUSE_S)
            child.restart_at = now + child.pause_s
            child.kill()
            log.error("%s died; it is restarted in %g s", child.name, child.pause_s)
        elif now >= child.restart_at:
            child.start()

    def _signalled(self, _signum: int, _frame: object) -> None:
        self._signals += 1
        if self._signals == 2:
            for child in reversed(self._children):
                child.kill()


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
