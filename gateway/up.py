"""`queueway up`: everything on one machine, from nothing to the first answer.

Starts Redis when none is named, then the web and worker processes, and says how to call them.
"""

import fcntl
import http.client
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import IO

from backends.providers import KINDS
from config.loader import load_config, split_address
from config.schema import Config
from gateway import embedded_redis
from gateway.logs import configure_logging
from gateway.supervisor import Child, Supervisor

ROOT = Path(__file__).resolve().parent.parent

REDIS_START_S = 10.0
START_S = 30.0
STOP_MARGIN_S = 5.0

log = logging.getLogger(__name__)


def main() -> None:
    """Run the configuration that the environment names; a fault ends the process with status 1."""
    path = os.environ.get("QUEUEWAY_CONFIG", "").strip()
    config = load_config(Path(path) if path else None, os.environ, kinds=KINDS)
    configure_logging(config.logging.level)
    try:
        up(config, os.environ)
    except CannotStart as error:
        print(f"queueway: {error}", file=sys.stderr)
        sys.exit(1)


class CannotStart(Exception):
    """The deployment cannot be started; the message says why and what to do."""


def up(config: Config, environment: Mapping[str, str]) -> None:
    """Run everything until a signal asks to stop, and leave no process behind.

    Raises:
        CannotStart: Redis, the port or a process is not to be had.
    """
    state_dir = Path(config.state_dir).resolve()
    environment = _child_environment(config, environment)
    supervisor = Supervisor()
    supervisor.handle_signals()
    with closing(_lock(state_dir)):
        try:
            _check_port(config)
            if config.database.url:
                _upgrade_database(environment)
            if not config.redis.url:
                environment["REDIS_URL"] = _start_redis(supervisor, state_dir)
            _start_gateway(supervisor, config, environment=environment)
            if not supervisor.stopping:
                print(_greeting(config), flush=True)
            supervisor.watch()
        finally:
            supervisor.stop()


def _child_environment(config: Config, environment: Mapping[str, str]) -> dict[str, str]:
    paths = [str(ROOT), environment.get("PYTHONPATH", "")]
    host, _ = split_address(config.server.address)
    child = dict(environment)
    child["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    child["QUEUEWAY_STATE_DIR"] = str(Path(config.state_dir).resolve())
    if host and config.redis.url:
        child["REDIS_URL"] = config.redis.url
    if name := environment.get("QUEUEWAY_CONFIG", "").strip():
        child["QUEUEWAY_CONFIG"] = str(Path(name).resolve())
    return child


def _lock(state_dir: Path) -> IO[str]:
    """Take the state directory for this process; a second `up` on it is refused."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (state_dir / "up.lock").open("w")
    except OSError as error:
        raise CannotStart(
            f"cannot write to {state_dir}: {error}. Set QUEUEWAY_STATE_DIR."
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise CannotStart(
            f"another 'queueway up' runs on {state_dir}. Stop it, or set QUEUEWAY_STATE_DIR."
        ) from None
    return file


def _check_port(config: Config) -> None:
    host, port = split_address(config.server.address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"cannot listen on {host}:{port}: {error.strerror}. Set PORT to a free one."
            ) from None


def _upgrade_database(environment: Mapping[str, str]) -> None:
    """Bring a database that was named up to date; the workers look after their own."""
    command = [sys.executable, "-P", "-m", "gateway.cli", "db", "upgrade"]
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:
        raise CannotStart("the database is not ready; the line above says why")


def _start_redis(supervisor: Supervisor, state_dir: Path) -> str:
    try:
        command = embedded_redis.command(embedded_redis.find_server(), state_dir)
    except (embedded_redis.NoRedisServer, OSError) as error:
        raise CannotStart(str(error)) from None
    path = embedded_redis.socket_path(state_dir)
    path.unlink(missing_ok=True)
    redis = Child("redis", command, os.environ, stop_s=10.0)
    supervisor.start(redis)
    if not supervisor.wait_for(lambda: _answers(path), timeout_s=REDIS_START_S):
        raise CannotStart(f"Redis did not start; {state_dir / 'redis.log'} says why")
    return embedded_redis.socket_url(state_dir)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _start_gateway(
    supervisor: Supervisor, config: Config, *, environment: Mapping[str, str]
) -> None:
    stop_s = config.server.drain_s + STOP_MARGIN_S
    worker = [sys.executable, "-m", "workers"]
    web = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
    supervisor.start(Child("worker", worker, environment, stop_s=stop_s))
    supervisor.start(Child("web", web, environment, stop_s=stop_s))
    if supervisor.wait_for(lambda: _is_ready(config), timeout_s=START_S) or supervisor.stopping:
        return
    dead = " and ".join(supervisor.dead()) or "web"
    raise CannotStart(f"{dead} did not start; the lines above say why")


def _is_ready(config: Config) -> bool:
    host, port = _reachable(config)
    with closing(http.client.HTTPConnection(host, port, timeout=2)) as connection:
        try:
            connection.request("GET", "/readyz", headers={"Host": "localhost"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def _reachable(config: Config) -> tuple[str, int]:
    host, port = split_address(config.server.address)
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port


def _greeting(config: Config) -> str:
    """Say where the gateway is, and a line that can be pasted."""
    host, port = _reachable(config)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    body = {
        "model": _first_model(config),
        "messages": [{"role": "user", "content": "Hello"}],
    }
    key = " -H 'Authorization: Bearer $CLIENT_KEY'".replace("'", '"')
    return (
        f"\nQueueway is ready at {url}\n\n"
        f"curl {url}/v1/chat/completions{key if config.access.client_keys else ''}"
        f" -d '{json.dumps(body)}'\n"
    )


def _first_model(config: Config) -> str:
    enabled = [backend for backend in config.backends if backend.enabled]
    stub = next((b for b in enabled if b.provider_kind == "local-stub"), None)
    if stub:
        return f"{stub.id}:echo"
    return f"{enabled[0].id}:MODEL" if enabled else "INSTANCE:MODEL"


if __name__ == "__main__":
    main()
