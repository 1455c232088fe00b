"""A real Redis of the tests' own, on a unix socket in a folder of theirs."""

import signal
import subprocess
import tempfile
import time
from pathlib import Path

import redis

from gateway import embedded_redis


class RedisServer:
    """Starts, kills and restarts one Redis."""

    def __init__(self) -> None:
        # Not pytest's tmp_path: its names are too long for a socket.
        self._folder = tempfile.TemporaryDirectory(prefix="qw-redis-")
        self.state_dir = Path(self._folder.name)
        self.url = embedded_redis.socket_url(self.state_dir)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of its process; 0 = it is down."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start with what an earlier run left, and wait until it answers."""
        command = embedded_redis.command(embedded_redis.find_server(), self.state_dir)
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        client = self.client()
        end = time.monotonic() + 10
        while True:
            try:
                client.ping()
                return
            except redis.RedisError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def kill(self) -> None:
        """Kill it as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stall(self) -> None:
        """Have it stand still: connections stay, answers do not come."""
        if self._process:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)

    def forget(self) -> None:
        """Remove its data; only while it is down."""
        for path in (*self.state_dir.glob("*.aof*"), *self.state_dir.glob("*.rdb")):
            path.unlink()

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.kill()
        self._folder.cleanup()

    def client(self) -> redis.Redis:
        """A new client."""
        return redis.Redis.from_url(self.url)
