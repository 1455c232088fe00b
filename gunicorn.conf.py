"""How gunicorn serves the application; it reads this file by itself from the folder it starts in.

Owns the bind address, the worker class and the process count, all from the configuration, and
refuses an address beyond loopback that nobody guards, whatever names it.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from backends.providers import KINDS
from config.errors import ConfigError
from config.loader import is_loopback, load_config, split_address

_file = os.environ.get("QUEUEWAY_CONFIG", "").strip()
try:
    _config = load_config(Path(_file) if _file else None, os.environ, kinds=KINDS)
except ConfigError as error:
    print(error, file=sys.stderr)
    sys.exit(1)

_host, _port = split_address(_config.server.address)

bind = [f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"]
workers = _config.server.web_processes or max(1, (os.cpu_count() or 1) // 2)
worker_class = "gevent" if _config.concurrency == "gevent" else "gthread"
threads = _config.server.web_threads
worker_connections = _config.server.web_connections
# A call may stay silent for its whole time, so only a process that does not beat is restarted.
timeout = 60
graceful_timeout = int(_config.server.drain_s) + 3
keepalive = 75
# What gunicorn says at info, `queueway up` and the process manager say better.
loglevel = "warning" if _config.logging.level == "info" else _config.logging.level
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Have SIGTERM end the calls that are still open when the drain time is over."""
    web = worker.wsgi.extensions["queueway"].web
    stop = signal.getsignal(signal.SIGTERM)

    def drain(signum: int, frame: Any) -> None:
        web.drain()
        if callable(stop):
            stop(signum, frame)

    signal.signal(signal.SIGTERM, drain)


def on_starting(server: Any) -> None:
    """Refuse to listen beyond loopback without client keys, also on an address given to gunicorn.

    Raises:
        SystemExit: no client keys are configured and an address is open to other machines.
    """
    if _config.access.client_keys:
        return
    for address in server.cfg.address:
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            print(
                f"refusing to listen on {address[0]} without client keys. "
                "Set QUEUEWAY_CLIENT_KEYS or access.client_keys, or listen on 127.0.0.1.",
                file=sys.stderr,
            )
            sys.exit(1)
