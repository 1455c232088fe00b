"""A real gateway: gunicorn and workers as processes, on a Redis that the test names."""

import http.client
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import yaml

from backends.providers import KINDS
from backends.registry import describe
from config.loader import load_config
from gateway.runtime import Runtime
from tests.support.client import Body, Client, Reply, chat_body
from tests.support.polling import wait_for
from tests.support.process import ROOT, Process, clean_environment, free_port

START_S = 30.0
_STARTS = 3
"""Another process may take the port between its choice and its use."""

CHAT = "/v1/chat/completions"
QUEUEWAY = str(Path(sys.executable).parent / "queueway")
"""The command, as an installation has it."""


class Gateway:
    """One deployment with a prefix, a port and a folder of its own."""

    def __init__(
        self,
        *,
        redis_url: str,
        backends: Sequence[Mapping[str, Any]],
        settings: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        concurrency: str = "gevent",
        workers: int = 1,
    ) -> None:
        """
        Args:
            backends: rows of the configuration file.
            settings: its other sections.
            environment: what the processes get beyond PATH and the like.
            workers: how many worker processes.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="qw-gateway-")
        self.folder = Path(self._folder.name)
        self.prefix = f"t{token_hex(4)}"
        self.redis_url = redis_url
        self.port = free_port()
        self.web: Process | None = None
        self.workers: list[Process] = []
        self._worker_count = workers
        self._settings = {**(settings or {}), "backends": list(backends)}
        self._concurrency = concurrency
        self._environment = dict(environment or {})
        self.client = Client(self.port)

    @property
    def url(self) -> str:
        """The base URL of the OpenAI dialect."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def config_file(self) -> Path:
        """The configuration that the processes read."""
        return self.folder / "config.yaml"

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the processes get."""
        return clean_environment(QUEUEWAY_CONFIG=str(self.config_file), **self._environment)

    @property
    def processes(self) -> list[Process]:
        """All processes that were started and not yet forgotten."""
        return [*([self.web] if self.web else []), *self.workers]

    def start(self) -> None:
        """Start all processes and wait until calls are served."""
        for _ in range(_STARTS):
            self._write_config()
            self.workers = [self.start_worker() for _ in range(self._worker_count)]
            self.start_web()
            wait_for(self._settled, what="a ready gateway", limit_s=START_S)
            if all(process.running for process in self.processes):
                return
            if "in use" not in self.logs().lower():
                break
            self.kill()
            self.port = free_port()
            self.client = Client(self.port)
        raise AssertionError(f"the gateway did not start\n{self.logs()}")

    def start_web(self) -> None:
        """Start gunicorn."""
        conf = str(ROOT / "gunicorn.conf.py")
        self.web = self._start("web", ["gunicorn", "-c", conf, "wsgi:app"])

    def start_worker(self) -> Process:
        """Start one more worker; who starts it keeps it."""
        return self._start(f"worker-{token_hex(2)}", ["workers"])

    def kill(self) -> None:
        """Kill every process."""
        for process in self.processes:
            process.kill()
        self.web, self.workers = None, []

    def close(self) -> None:
        """Kill every process and remove the folder."""
        self.kill()
        self._folder.cleanup()

    def is_ready(self) -> bool:
        """Whether `/readyz` says so now."""
        try:
            return self.client.send("GET", "/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def chat(self, model: str, *, headers: Mapping[str, str] | None = None, **fields: Any) -> Reply:
        """Send a small chat completion request and read its whole answer."""
        return self.post(chat_body(model, **fields), headers=headers)

    def post(self, body: Body, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a chat completion request of these bytes and read its whole answer."""
        return self.client.send("POST", CHAT, body, headers=headers)

    @contextmanager
    def open_chat(self, model: str, **fields: Any) -> Iterator[http.client.HTTPResponse]:
        """Send a chat completion request and hand out its answer while it comes."""
        with self.client.open("POST", CHAT, chat_body(model, **fields)) as response:
            yield response

    @contextmanager
    def runtime(self) -> Iterator[Runtime]:
        """The parts that the processes share, on the same configuration, in this process."""
        config = load_config(self.config_file, self.environment, kinds=KINDS)
        runtime = Runtime(config, describe(config))
        try:
            yield runtime
        finally:
            runtime.redis.close()

    def reset_keys(self) -> None:
        """Lift every mark from every key."""
        with self.runtime() as runtime:
            for instance in runtime.instances:
                if instance.keys:
                    runtime.pool.reset(instance.id)

    def command(self, *arguments: str) -> list[str]:
        """The command line of `queueway` for this deployment."""
        return [QUEUEWAY, *arguments]

    def logs(self) -> str:
        """The end of what each process has printed, also of those that are gone."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(
            f"--- {log.stem}\n{log.read_text(errors='replace')[-4096:]}" for log in logs
        )

    def _start(self, name: str, module: list[str]) -> Process:
        return Process(
            [sys.executable, "-m", *module],
            environment=self.environment,
            folder=self.folder,
            log=self.folder / f"{name}.log",
        )

    def _settled(self) -> bool:
        """Ready with every worker, or dead."""
        if not all(process.running for process in self.processes):
            return True
        if not self.is_ready():
            return False
        with self.runtime() as runtime:
            return len(runtime.living_workers()) >= len(self.workers)

    def _write_config(self) -> None:
        own = {
            "concurrency": self._concurrency,
            "server": {"address": f"127.0.0.1:{self.port}", "web_processes": 1},
            "redis": {"url": self.redis_url, "prefix": self.prefix},
            # A scripted upstream is asked what the test asks, and nothing of the gateway's own.
            "model_inventory": {"refresh_enabled": False},
        }
        # Through JSON, so that YAML writes no anchors for values that are used twice.
        tree = json.loads(json.dumps(_merged(own, self._settings)))
        self.config_file.write_text(yaml.safe_dump(tree))


def _merged(tree: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(tree)
    for name, value in over.items():
        known = merged.get(name)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(known, value) if both else value
    return merged
