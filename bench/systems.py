"""The systems under test: how each is started, where its calls go, which processes it consists of.

Owns their command lines, their configuration for the benchmark, and that nothing of them is left
running. Must not know the scenarios. The gateway is started in `Gateway.start` and nowhere else.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from bench.bodies import Dialect
from bench.procs import Process, Roles, command_line, descendants, read_process
from bench.programs import BUILD, BenchError, Endpoint, LoadPlan, call_of

START_S = 120.0
STOP_S = 30.0
POLL_S = 0.02
WORKER_SLOTS = 2500
CLIENT_KEY = "bench-client-key-0001"
UPSTREAM_KEY = "sk-bench-000000000000"
ROLE_MARKS = {  # what a command line holds -> role
    "gunicorn": "web",
    "-m workers": "worker",
    "redis-server": "redis",
    "valkey-server": "redis",
}
LITELLM_VERSION = "1.106.2"
LITELLM = f"litellm[proxy]=={LITELLM_VERSION}"
LITELLM_PROCESSES = 2
LITELLM_FOLDER = BUILD / ".litellm"  # hidden: type checkers and linters walk the other folders


@dataclass(frozen=True)
class Started:
    """A system that answers. `first_answer_s` is from the start of its process to its first 200."""

    endpoint: Endpoint
    first_answer_s: float


class System(Protocol):
    """Something that answers chat completions out of the fake upstream."""

    @property
    def name(self) -> str:
        """Its column in the report."""
        ...

    def start(self, upstream_port: int) -> Started:
        """Start it and wait for its first answer; BenchError when there is none."""
        ...

    def roles(self) -> Roles:
        """Its processes now, by role; empty when it has none of its own."""
        ...

    def stop(self) -> None:
        """End all of it; harmless when it does not run."""
        ...


@dataclass
class Direct:
    """The upstream itself, without anything between: what all others are compared with."""

    name: str = "direct"

    def start(self, upstream_port: int) -> Started:
        """Nothing to start."""
        return Started(Endpoint(f"127.0.0.1:{upstream_port}"), 0.0)

    def roles(self) -> Roles:
        """No processes of its own."""
        return {}

    def stop(self) -> None:
        """Nothing to stop."""


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _environment(**settings: str) -> dict[str, str]:
    """What a system gets: no proxy, provider key or setting of whoever runs the benchmark."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"NO_PROXY": "127.0.0.1", "PYTHONUNBUFFERED": "1"} | settings


@dataclass
class Server:
    """One started command with all its descendants, in a session and a folder of its own."""

    folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(
            prefix="qw-bench-", ignore_cleanup_errors=True
        )
    )
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    _seen: dict[int, Process] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Its folder, gone after `stop`."""
        return Path(self.folder.name)

    @property
    def pid(self) -> int | None:
        """Its first process."""
        return self.process.pid if self.process else None

    def start(self, command: list[str], environment: dict[str, str]) -> None:
        """Start the command; its output goes to a file in the folder."""
        self.started_at = time.monotonic()
        with (self.path / "output.log").open("wb") as output:
            try:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=self.path,
                    start_new_session=True,
                )
            except OSError as error:
                raise BenchError(f"{command[0]} does not start: {error}") from error

    def family(self) -> list[Process]:
        """Its processes now. They are remembered, so that `stop` finds those left behind."""
        found = descendants([self.process.pid]) if self.process else []
        self._seen.update({process.pid: process for process in found})
        return found

    def wait_for(self, request: "Request", address: str) -> float:
        """Ask until the answer is 200; return the seconds since the start.

        Raises:
            BenchError: the process ended, or there was no such answer in time.
        """
        said = "no answer"
        while time.monotonic() < self.started_at + START_S:
            if self.process is not None and self.process.poll() is not None:
                raise BenchError(f"it ended with {self.process.returncode}: {self._last_output()}")
            try:
                status, text = request.send(address)
            except OSError as error:
                said = str(error)
            except http.client.HTTPException as error:
                said = repr(error)
            else:
                if status == 200:
                    return time.monotonic() - self.started_at
                said = f"{status} {text[:200]!r}"
            time.sleep(POLL_S)
        raise BenchError(f"no 200 from {request.path} in {START_S:.0f} s, last: {said}")

    def stop(self) -> None:
        """SIGTERM to the first process, time to end, SIGKILL to what is left of its family."""
        self.family()
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                print(f"  did not end within {STOP_S:.0f} s of SIGTERM", file=sys.stderr)
                self.family()
        for process in self._seen.values():
            now = read_process(process.pid)
            if now is not None and now.started_ticks == process.started_ticks:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(STOP_S)
        self.folder.cleanup()

    def _last_output(self) -> str:
        text = (self.path / "output.log").read_text(encoding="utf-8", errors="replace")
        return " / ".join(text.strip().splitlines()[-5:])


@dataclass(frozen=True)
class Request:
    """One plain HTTP request of the start-up: not measured, only waited for."""

    path: str
    headers: tuple[str, ...] = ()
    body: bytes | None = None

    def send(self, address: str) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        host, _, port = address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            headers = dict(header.split(": ", 1) for header in self.headers)
            method = "GET" if self.body is None else "POST"
            connection.request(method, self.path, body=self.body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _first_call(endpoint: Endpoint) -> Request:
    call = call_of(LoadPlan("bench-d0"), endpoint)
    return Request(call.path, (*call.headers, "Content-Type: application/json"), call.body)


@dataclass
class Gateway:
    """Queueway as `queueway up` starts it: web, worker and a private Redis."""

    concurrency: Literal["gevent", "threads"]
    _server: Server | None = None

    @property
    def name(self) -> str:
        """Its column in the report."""
        return f"queueway {self.concurrency}"

    def start(self, upstream_port: int) -> Started:
        """Start `queueway up` of this Python's environment with a configuration of its own."""
        self._server = server = Server()
        port = free_port()
        config = server.path / "config.yaml"
        config.write_text(json.dumps(_gateway_config(upstream_port)), encoding="utf-8")
        environment = _environment(
            PORT=str(port),
            QUEUEWAY_CONCURRENCY=self.concurrency,
            QUEUEWAY_STATE_DIR=str(server.path / "state"),
            QUEUEWAY_CONFIG=str(config),
        )
        server.start([str(Path(sys.executable).parent / "queueway"), "up"], environment)
        endpoint = Endpoint(
            f"127.0.0.1:{port}",
            headers=(f"Authorization: Bearer {CLIENT_KEY}",),
            model_prefix="bench:",
            dialects=tuple(Dialect),
        )
        server.wait_for(Request("/readyz"), endpoint.address)
        return Started(endpoint, server.wait_for(_first_call(endpoint), endpoint.address))

    def roles(self) -> Roles:
        """Web, worker, Redis by their command lines; the rest is the supervisor."""
        roles: dict[str, list[int]] = {role: [] for role in (*ROLE_MARKS.values(), "supervisor")}
        for process in self._server.family() if self._server else ():
            command = command_line(process.pid)
            role = next((role for mark, role in ROLE_MARKS.items() if mark in command), None)
            if role is None and self._server and process.pid == self._server.pid:
                role = "supervisor"
            if role is not None:  # any other has the role of its nearest ancestor
                roles[role].append(process.pid)
        return roles

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._server is not None:
            self._server.stop()
            self._server = None


def _gateway_config(upstream_port: int) -> dict[str, object]:
    """JSON is YAML too. Slots and connections are raised, so that 2,000 streams can be open."""
    return {
        "server": {"web_connections": WORKER_SLOTS, "web_threads": WORKER_SLOTS},
        "worker": {"slots": WORKER_SLOTS},
        "access": {"client_keys": [{"id": "bench", "key": CLIENT_KEY}]},
        "backends": [
            {
                "id": "bench",
                "kind": "openai-legacy",
                "base_url": f"http://127.0.0.1:{upstream_port}/v1",
                "api_key": UPSTREAM_KEY,
            }
        ],
    }


@dataclass
class LiteLLM:
    """The LiteLLM proxy with two processes, from a virtual environment under `bench/build/`.

    Args:
        models: all models that will be asked for; it knows no other.
    """

    models: tuple[str, ...]
    name: str = f"litellm {LITELLM_VERSION}"
    _server: Server | None = None

    @staticmethod
    def install() -> None:
        """Install it where it is not yet.

        Raises:
            BenchError: it cannot be installed here.
        """
        folder = LITELLM_FOLDER
        marker = folder / f"installed-{LITELLM_VERSION}"
        if marker.exists():
            return
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", LITELLM]
        try:
            for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], pip):
                subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)
        except subprocess.CalledProcessError as error:
            raise BenchError(f"{LITELLM} cannot be installed: {error.stderr[-300:]}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BenchError(f"{LITELLM} cannot be installed: {error}") from error
        marker.touch()

    def start(self, upstream_port: int) -> Started:
        """Start the proxy with one master key, as the gateway has one client key."""
        self._server = server = Server()
        port = free_port()
        config = server.path / "config.yaml"
        config.write_text(json.dumps(self._config(upstream_port)), encoding="utf-8")
        command = [str(LITELLM_FOLDER / "bin" / "litellm"), "--config", str(config)]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        command += ["--num_workers", str(LITELLM_PROCESSES)]
        environment = _environment(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR")
        environment["PATH"] = f"{LITELLM_FOLDER / 'bin'}:{environment.get('PATH', '')}"
        server.start(command, environment)
        endpoint = Endpoint(
            f"127.0.0.1:{port}", headers=(f"Authorization: Bearer sk-{CLIENT_KEY}",)
        )
        return Started(endpoint, server.wait_for(_first_call(endpoint), endpoint.address))

    def roles(self) -> Roles:
        """All its processes are web processes."""
        return {"web": [process.pid for process in self._server.family()] if self._server else []}

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _config(self, upstream_port: int) -> dict[str, object]:
        upstream = f"http://127.0.0.1:{upstream_port}/v1"
        return {
            "model_list": [
                {
                    "model_name": model,
                    "litellm_params": {
                        "model": f"openai/{model}",
                        "api_base": upstream,
                        "api_key": UPSTREAM_KEY,
                    },
                }
                for model in self.models
            ],
            "general_settings": {"master_key": f"sk-{CLIENT_KEY}"},
            "litellm_settings": {"telemetry": False, "num_retries": 0},
        }
