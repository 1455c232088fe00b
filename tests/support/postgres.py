"""A real PostgreSQL of the tests' own, on a loopback port and in a folder of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg

from tests.support.polling import wait_for
from tests.support.process import die_with_parent, free_port, processes_in

NAME = "queueway"
PASSWORD = "a-password-of-the-tests"
"""No output of a gateway may have it."""

START_S = 20.0
_PLACES = Path("/usr/lib/postgresql")
_FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB")


def find_programs() -> Path | None:
    """The folder of PostgreSQL's programs; None = there is none on this machine."""
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    folders = sorted(path.parent for path in _PLACES.glob("*/bin/postgres"))
    return folders[-1] if folders else None


class PostgresServer:
    """Starts, stalls, kills and restarts one PostgreSQL, and makes databases on it."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = tempfile.TemporaryDirectory(prefix="qw-postgres-")
        self.folder = Path(self._folder.name)
        self.port = free_port()
        self._user = _unprivileged()
        self._emptied: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(self.folder, self._user)
        password_file = self.folder / "password"
        password_file.write_text(PASSWORD)
        password_file.chmod(0o644)
        # As fast as it gets: nothing of it outlives the tests.
        self._run(
            "initdb",
            "-D",
            str(self._data),
            "-U",
            NAME,
            "-A",
            "scram-sha-256",
            f"--pwfile={password_file}",
            "--no-sync",
            "--locale=C",
            "-E",
            "UTF8",
        )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start with what an earlier run left, and wait until it answers."""
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "max_connections=100",
            "unix_socket_directories=",
            *_FAST,
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=die_with_parent,
                **self._identity(),
            )
        wait_for(self._answers, what="PostgreSQL", limit_s=START_S)

    def kill(self) -> None:
        """Have it be gone at once, as a crash would."""
        if self._process:
            self.resume()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def stall(self) -> None:
        """Have it stand still: connections stay and can be made, answers do not come."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.kill()
        self._folder.cleanup()

    def new_database(self) -> str:
        """Make an empty database and return its URL, as Heroku would write it."""
        name = f"t{token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name).replace("postgresql://", "postgres://")

    def empty_database(self) -> str:
        """The URL of one database, the same at each call, emptied; cheaper than a new one."""
        if self._emptied is None:
            self._emptied = self.new_database()
        with psycopg.connect(self._emptied, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return self._emptied

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        """The URL of a database."""
        return f"postgresql://{NAME}:{password}@127.0.0.1:{self.port}/{database}"

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            return True
        return False

    def _signal(self, number: signal.Signals) -> None:
        # Each of its processes makes a session of its own.
        for pid in processes_in(self.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            **self._identity(),
        )
        assert done.returncode == 0, done.stderr

    def _identity(self) -> dict[str, Any]:
        """Whom to run as: PostgreSQL refuses to be root's."""
        if not self._user:
            return {}
        entry = pwd.getpwnam(self._user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _unprivileged() -> str | None:
    """Another user's name when this one is root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)
