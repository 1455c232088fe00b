"""`queueway up` in a folder of its own, and what it leaves behind."""

import os
import re
import signal
import tempfile
from pathlib import Path
from types import TracebackType

from redis import Redis

from gateway import embedded_redis
from tests.support.client import Client
from tests.support.gateway import QUEUEWAY
from tests.support.polling import wait_for
from tests.support.process import Process, clean_environment, free_port, processes_in

START_S = 30.0
STOP_S = 15.0
GREETING = re.compile(r"Queueway is ready at (\S+)\n\n(curl .*)\n")


class Up:
    """One deployment on one machine. Leaving the block kills whatever is left of it."""

    def __init__(self, **variables: str) -> None:
        # Not pytest's tmp_path: its names are too long for a socket.
        self._folder = tempfile.TemporaryDirectory(prefix="qw-up-")
        self.folder = Path(self._folder.name)
        self.port = free_port()
        self.environment = clean_environment(PORT=str(self.port), **variables)
        self.supervisor: Process | None = None
        self._starts = 0

    def __enter__(self) -> "Up":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.supervisor:
            self.supervisor.kill()
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self._folder.cleanup()

    @property
    def client(self) -> Client:
        """A client of the gateway."""
        return Client(self.port)

    @property
    def redis_url(self) -> str:
        """Where the private Redis is."""
        return embedded_redis.socket_url(self.folder / "var")

    def redis(self) -> Redis:
        """A client of the private Redis."""
        return Redis.from_url(self.redis_url)

    def launch(self) -> Process:
        """Start it and do not wait."""
        self._starts += 1
        log = self.folder / f"up-{self._starts}.log"
        self.supervisor = Process(
            [QUEUEWAY, "up"], environment=self.environment, folder=self.folder, log=log
        )
        return self.supervisor

    def start(self) -> tuple[str, str]:
        """Start it and wait for its greeting; return the URL and the line to paste."""
        process = self.launch()
        wait_for(
            lambda: GREETING.search(process.output()) or not process.running,
            what="the greeting",
            limit_s=START_S,
        )
        greeting = GREETING.search(process.output())
        assert greeting, process.output()
        return greeting[1], greeting[2]

    def stop(self, signum: signal.Signals = signal.SIGINT) -> int:
        """Ask it to stop, wait until it has, and return its exit code."""
        assert self.supervisor is not None
        self.supervisor.signal(signum)
        return self.supervisor.wait(limit_s=STOP_S)

    def processes(self) -> dict[int, str]:
        """Everything that runs of it: id -> command line."""
        return processes_in(self.folder)

    def ids(self, part: str) -> set[int]:
        """The processes whose command line has a part."""
        return {pid for pid, command in self.processes().items() if part in command}

    def is_ready(self) -> bool:
        """Whether calls are served now."""
        try:
            return self.client.send("GET", "/readyz").status == 200
        except OSError:
            return False
