"""The C programs of the benchmark: built, started, and their output as values.

Owns `bench/build/`, the command lines of `upstream` and `load`, and the shape of a load's result.
Must not know which systems are measured or what is made of the figures.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.bodies import Dialect, Prompt, body_of, headers_of, path_of

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra")
MAX_UPSTREAM_S = 6 * 3600
END_S = 30  # what a program may need to end beyond its own bounds


class BenchError(Exception):
    """Something that the benchmark needs is not there; the message is for people."""


def build() -> None:
    """Compile both programs into `bench/build/` where their sources are newer.

    Raises:
        BenchError: no C compiler, or it failed.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise BenchError("no C compiler: install gcc or clang, or set CC")
    BUILD.mkdir(exist_ok=True)
    newest = max(path.stat().st_mtime for path in HERE.glob("*.[ch]"))
    for name in ("upstream", "load"):
        target = BUILD / name
        if target.exists() and target.stat().st_mtime > newest:
            continue
        # Under another name first: whoever else builds or runs it meets a whole program.
        made = BUILD / f"{name}.{os.getpid()}"
        command = [compiler, *FLAGS, "-o", str(made), str(HERE / f"{name}.c")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise BenchError(f"{' '.join(command)} failed:\n{done.stderr}")
        made.replace(target)


class Upstream:
    """The fake provider on a free port of 127.0.0.1, for the time of a `with` block."""

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [str(BUILD / "upstream"), "--port", "0", "--max-s", str(MAX_UPSTREAM_S)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline().split()
        if len(line) != 2 or not line[1].isdigit():
            self._process.kill()
            raise BenchError("the fake upstream did not start")
        self.port = int(line[1])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(END_S)


@dataclass(frozen=True)
class Endpoint:
    """Where calls go: `address` is host:port, `model_prefix` what the system has before models.

    `dialects` is what clients may speak to it.
    """

    address: str
    headers: tuple[str, ...] = ()
    model_prefix: str = ""
    dialects: tuple[Dialect, ...] = (Dialect.CHAT,)


@dataclass(frozen=True)
class LoadPlan:
    """One run of the load client. Either `requests` calls or as many as start in `duration_s`."""

    model: str
    stream: bool = False
    concurrency: int = 1
    requests: int | None = None
    duration_s: float = 60.0
    timeout_s: float = 60.0
    rate: float | None = None
    dialect: Dialect = Dialect.CHAT
    prompt: Prompt = Prompt.SHORT


@dataclass(frozen=True)
class Times:
    """Milliseconds."""

    count: int
    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True)
class LoadResult:
    """What the load client measured."""

    started: int
    completed: int
    errors: Mapping[str, int]
    requests_per_s: float
    peak_streams: int
    latency: Times | None
    ttft: Times | None
    chunk_delay: Times | None

    @property
    def failed(self) -> int:
        """Calls that did not end well, those open at the end included."""
        return self.started - self.completed


def _times(value: dict[str, Any] | None) -> Times | None:
    return None if value is None else Times(**value)


def _parse_result(text: str) -> LoadResult:
    value = json.loads(text)
    errors = {kind: count for kind, count in value["errors"].items() if count and kind != "total"}
    if errors.pop("status", 0):
        codes = value["statuses"].items()
        errors |= {f"status {code}": count for code, count in codes if not code.startswith("2")}
    return LoadResult(
        started=value["started"],
        completed=value["completed"],
        errors=errors,
        requests_per_s=value["requests_per_s"],
        peak_streams=value["peak_streams"],
        latency=_times(value["latency_ms"]),
        ttft=_times(value["ttft_ms"]),
        chunk_delay=_times(value["chunk_delay_ms"]),
    )


@dataclass(frozen=True)
class Call:
    """What is sent, again and again."""

    path: str
    headers: tuple[str, ...]
    body: bytes


def call_of(plan: LoadPlan, endpoint: Endpoint) -> Call:
    """Return the call of a plan as an endpoint takes it."""
    model = endpoint.model_prefix + plan.model
    return Call(
        path_of(plan.dialect, model, stream=plan.stream),
        (*endpoint.headers, *headers_of(plan.dialect)),
        body_of(plan.dialect, plan.prompt, model=model, stream=plan.stream),
    )


class Load:
    """A load client that runs: it ends by itself, `result` waits for it."""

    def __init__(self, endpoint: Endpoint, plan: LoadPlan, *, folder: Path) -> None:
        self._plan = plan
        call = call_of(plan, endpoint)
        body = folder / f"{plan.model}-{plan.stream}-{plan.dialect}-{plan.prompt}.json"
        body.write_bytes(call.body)
        command = [str(BUILD / "load"), "--json", "--url", endpoint.address]
        command += ["--path", call.path, "--body-file", str(body), "--dialect", plan.dialect]
        command += ["--concurrency", str(plan.concurrency), "--timeout-s", str(plan.timeout_s)]
        command += ["--duration-s", str(plan.duration_s)]
        for header in call.headers:
            command += ["--header", header]
        if plan.requests is not None:
            command += ["--requests", str(plan.requests)]
        if plan.rate is not None:
            command += ["--rate", str(plan.rate)]
        if plan.stream:
            command.append("--stream")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def stop(self) -> None:
        """End it now, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(END_S)

    def result(self) -> LoadResult:
        """Wait for the end and return what was measured.

        Raises:
            BenchError: the client failed or did not end within its bounds.
        """
        bound_s = self._plan.duration_s + self._plan.timeout_s + END_S
        try:
            output, _ = self._process.communicate(timeout=bound_s)
        except subprocess.TimeoutExpired as error:
            raise BenchError("the load client did not end") from error
        finally:
            self.stop()
        if self._process.returncode != 0:
            raise BenchError(f"the load client ended with {self._process.returncode}")
        return _parse_result(output)


def run_load(endpoint: Endpoint, plan: LoadPlan, *, folder: Path) -> LoadResult:
    """Run the load client to its end."""
    return Load(endpoint, plan, folder=folder).result()
