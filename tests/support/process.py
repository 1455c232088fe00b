"""Processes of a test: started in a session of their own, told of the test run's death, logged."""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_PORTS = range(20_000, 32_000)
"""Below what the kernel gives to outgoing connections, so that none of those takes one first."""
_PR_SET_PDEATHSIG = 1
_TAIL_BYTES = 8192
_libc = ctypes.CDLL(None)


class Process:
    """One process with its output in a file."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        """Start it.

        Args:
            folder: where it is started; not the repository, so that nothing works by accident.
            log: takes standard output and standard error; appended to.
        """
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    @property
    def pid(self) -> int:
        """The process's id, and its session's."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._popen.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the process alone."""
        self._popen.send_signal(number)

    def stand_still(self) -> None:
        """Stop it, as SIGSTOP does, and wait until it has."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self) -> None:
        """Have it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def wait(self, *, limit_s: float = 30.0) -> int:
        """Wait for its end and return its exit code; negative = the signal that ended it."""
        return self._popen.wait(limit_s)

    def kill(self) -> None:
        """Kill its whole session, as a crash of the machine would."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def output(self) -> str:
        """What it has printed."""
        return self.log.read_text(errors="replace")

    def tail(self) -> str:
        """The end of what it has printed."""
        return self.output()[-_TAIL_BYTES:]


def clean_environment(**variables: str) -> dict[str, str]:
    """An environment in which nothing of the developer's own configures a gateway."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **variables}


def processes_in(folder: Path) -> dict[int, str]:
    """The living processes that work in a folder or below it: id -> command line.

    By the folder and not by ancestry or environment: a process left behind has no parent of ours
    any more, and Redis writes its title over its environment.
    """
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:
            continue
    return {pid: command for pid, command in found.items() if command}


def free_port() -> int:
    """A loopback port that nobody listens on."""
    while True:
        port = secrets.choice(_PORTS)
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def die_with_parent() -> None:
    """Have the process that calls this be killed when its parent dies; for `preexec_fn`."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
