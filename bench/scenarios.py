"""What is measured on each system, and the figures that come out of it.

Owns the list of scenarios and the names of their figures. Must not know which systems there are,
nor how figures are printed. Figures are milliseconds, megabytes (10^6 bytes), calls and calls/s.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Protocol

from bench.bodies import Dialect, Prompt
from bench.procs import Meter, Roles, read_usage, total
from bench.programs import Endpoint, Load, LoadPlan, LoadResult, Times, run_load

CHUNKS = 20
CHUNK_INTERVAL_MS = 100
STREAM_DELAY_MS = 500
OPEN_RATE = 500.0  # streams opened in a second
TURNS = 3
"""Of native and translated calls, one after the other, whose CPU is compared."""
MIN_TURN_S = 0.5
"""/proc counts CPU in steps of 10 ms, for each process: a shorter turn would show little else."""
TRANSLATED = (Dialect.MESSAGES, Dialect.RESPONSES, Dialect.GEMINI)
TRANSLATED_CONCURRENCY = 64
LARGE_CONCURRENCY = 16
IMAGE_RATE = 3.0
IMAGE_STREAMS = 500
WARM_UP_S = 60.0
SETTLE_S = 2.0
FAILED_BY = "failed by "
"""Figures of this beginning say how many calls failed in which way."""
MB = 1e6

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Subject:
    """A running system as a scenario sees it; bodies are written into `folder`."""

    endpoint: Endpoint
    roles: Callable[[], Roles]
    folder: Path


class Scenario(Protocol):
    """One row of the report."""

    @property
    def name(self) -> str:
        """Unique; figures are kept under it."""
        ...

    @property
    def model(self) -> str:
        """The upstream model whose name says how it behaves."""
        ...

    def run(self, subject: Subject) -> Figures:
        """Measure it once; empty where the system does not serve such clients."""
        ...


def is_count(figure: str) -> bool:
    """Whether a figure's values add up, where others have a median."""
    return figure in ("failed", "completed") or figure.startswith(FAILED_BY)


def _time_figures(kind: str, times: Times | None) -> dict[str, float]:
    if times is None:
        return {}
    return {f"{kind}_p50": times.p50, f"{kind}_p99": times.p99}


def _load_figures(result: LoadResult) -> dict[str, float]:
    return {
        "requests_per_s": result.requests_per_s,
        "completed": float(result.completed),
        "failed": float(result.failed),
        **{FAILED_BY + kind: float(count) for kind, count in result.errors.items()},
        "reached": float(result.peak_streams),
        **_time_figures("latency", result.latency),
        **_time_figures("ttft", result.ttft),
        **_time_figures("chunk", result.chunk_delay),
    }


def _meter_figures(meter: Meter, calls: int) -> dict[str, float]:
    if set(meter.cpu_ms) == {"total"}:  # a system without processes of its own
        return {}
    figures = {"rss_mb": meter.peak_rss_bytes / MB, "pss_mb": meter.peak_pss_bytes / MB}
    for role, cpu_ms in meter.cpu_ms.items():
        if calls:
            figures[f"cpu_{role}"] = cpu_ms / calls
    return figures


def _warm_up(subject: Subject, plan: LoadPlan) -> None:
    """Two calls on each connection."""
    warm_up = replace(plan, requests=2 * plan.concurrency, duration_s=WARM_UP_S)
    run_load(subject.endpoint, warm_up, folder=subject.folder)


def _measure(subject: Subject, plan: LoadPlan) -> Figures:
    with Meter(subject.roles) as meter:
        result = run_load(subject.endpoint, plan, folder=subject.folder)
    return _load_figures(result) | _meter_figures(meter, result.completed)


@dataclass(frozen=True)
class Calls:
    """Short calls in a closed loop: `concurrency` clients, each with one call at a time."""

    stream: bool
    concurrency: int
    delay_ms: int
    seconds: float

    @property
    def name(self) -> str:
        """Such as `S c64 D50`."""
        return f"{'S' if self.stream else 'N'} c{self.concurrency} D{self.delay_ms}"

    @property
    def model(self) -> str:
        """All chunks at once, after the delay."""
        return f"bench-d{self.delay_ms}-n{CHUNKS}"

    def run(self, subject: Subject) -> Figures:
        """A short warm-up, then the measured run."""
        plan = LoadPlan(
            self.model, self.stream, self.concurrency, duration_s=self.seconds, timeout_s=30
        )
        _warm_up(subject, plan)
        return _measure(subject, plan)


@dataclass(frozen=True)
class Translated:
    """Short calls of a client whose dialect the upstream does not speak.

    Native calls, the chat dialect's, take turns with them: the ratio of both is what translation
    costs, whatever else the machine does meanwhile.
    """

    dialect: Dialect
    stream: bool
    concurrency: int
    seconds: float

    @property
    def name(self) -> str:
        """Such as `S c64 D0 translated messages`."""
        calls = Calls(self.stream, self.concurrency, delay_ms=0, seconds=self.seconds)
        return f"{calls.name} translated {self.dialect}"

    @property
    def model(self) -> str:
        """As `Calls` without delay."""
        return f"bench-d0-n{CHUNKS}"

    def plan(self, dialect: Dialect) -> LoadPlan:
        """One turn of one side."""
        return LoadPlan(
            self.model,
            self.stream,
            self.concurrency,
            duration_s=self.seconds / TURNS,
            timeout_s=30,
            dialect=dialect,
        )

    def run(self, subject: Subject) -> Figures:
        """Both sides warm up, then they take turns; `seconds` for each in all."""
        if self.dialect not in subject.endpoint.dialects:
            return {}
        native, translated = self.plan(Dialect.CHAT), self.plan(self.dialect)
        _warm_up(subject, native)
        _warm_up(subject, translated)
        turns = [(_measure(subject, native), _measure(subject, translated)) for _ in range(TURNS)]
        return compare(turns)


def compare(turns: Sequence[tuple[Figures, Figures]]) -> Figures:
    """Join turns of native and translated calls into the translated ones' figures.

    Returns:
        Medians of the turns, and `failed` of both sides in all. `cpu_native` is the native calls'
        `cpu_total`, `cpu_ratio` how many times that the translated calls take.
    """
    translated = [figures for _, figures in turns]
    joined = {
        name: median(figures[name] for figures in translated)
        for name in translated[0]
        if all(name in figures for figures in translated)
    }
    joined["completed"] = sum(figures["completed"] for figures in translated)
    both = [figures for turn in turns for figures in turn]
    for name in {name for figures in both for name in figures if name.startswith("failed")}:
        joined[name] = sum(figures.get(name, 0.0) for figures in both)
    pairs = [
        (before["cpu_total"], after["cpu_total"])
        for before, after in turns
        if before.get("cpu_total") and "cpu_total" in after
    ]
    if pairs:
        joined["cpu_native"] = median(before for before, _ in pairs)
        joined["cpu_ratio"] = median(after / before for before, after in pairs)
    return joined


@dataclass(frozen=True)
class LargePrompt:
    """Calls with 100 tools, 200 kB each, of the upstream's own dialect."""

    concurrency: int
    seconds: float

    @property
    def name(self) -> str:
        """Such as `large prompt c16`."""
        return f"large prompt c{self.concurrency}"

    @property
    def model(self) -> str:
        """As `Calls` without delay."""
        return f"bench-d0-n{CHUNKS}"

    def run(self, subject: Subject) -> Figures:
        """A short warm-up, then the measured run."""
        plan = LoadPlan(
            self.model,
            concurrency=self.concurrency,
            duration_s=self.seconds,
            timeout_s=30,
            prompt=Prompt.TOOLS,
        )
        _warm_up(subject, plan)
        return _measure(subject, plan)


@dataclass(frozen=True)
class OpenStreams:
    """Many streams open at once, each with a chunk every 100 ms; opened over some seconds."""

    count: int
    chunks: int

    @property
    def name(self) -> str:
        """Such as `streams 1000`."""
        return f"streams {self.count}"

    @property
    def model(self) -> str:
        """A paced stream."""
        return f"bench-d{STREAM_DELAY_MS}-n{self.chunks}-i{CHUNK_INTERVAL_MS}"

    def plan(self) -> LoadPlan:
        """Each stream on a connection of its own, one call on each."""
        return LoadPlan(
            self.model,
            stream=True,
            concurrency=self.count,
            requests=self.count,
            rate=OPEN_RATE,
            duration_s=60,
            timeout_s=60,
        )

    def run(self, subject: Subject) -> Figures:
        """All streams to their end."""
        return _measure(subject, self.plan())


@dataclass(frozen=True)
class ImagesBeside:
    """Calls with a 10 MB image beside open streams: do the streams' chunks come later by it?"""

    streams: int
    chunks: int

    @property
    def name(self) -> str:
        """Such as `images beside 500`."""
        return f"images beside {self.streams}"

    @property
    def model(self) -> str:
        """That of the streams; the image calls have the next one."""
        return OpenStreams(self.streams, self.chunks).model

    def run(self, subject: Subject) -> Figures:
        """Streams alone, then streams with image calls all the while."""
        open_streams = OpenStreams(self.streams, self.chunks)
        alone = run_load(subject.endpoint, open_streams.plan(), folder=subject.folder)
        seconds = (STREAM_DELAY_MS + self.chunks * CHUNK_INTERVAL_MS) / 1000
        images = LoadPlan(
            f"bench-d0-n{CHUNKS}",
            concurrency=16,
            duration_s=seconds + self.streams / OPEN_RATE,
            timeout_s=30,
            rate=IMAGE_RATE,
            prompt=Prompt.IMAGE,
        )
        with ExitStack() as ended, Meter(subject.roles) as meter:
            beside = Load(subject.endpoint, images, folder=subject.folder)
            ended.callback(beside.stop)
            result = run_load(subject.endpoint, open_streams.plan(), folder=subject.folder)
            image_result = beside.result()
        figures = _load_figures(result) | _meter_figures(meter, 0)
        if alone.chunk_delay is not None:
            figures["chunk_alone_p99"] = alone.chunk_delay.p99
        if image_result.latency is not None:
            figures["image_p50"] = image_result.latency.p50
        figures["images"] = float(image_result.completed)
        figures["failed"] += image_result.failed + alone.failed
        return figures


def idle_figures(subject: Subject, first_answer_s: float) -> Figures:
    """Memory of a system that has just answered its first call, and how long that took."""
    time.sleep(SETTLE_S)
    usage = total(read_usage(subject.roles(), pss=True))
    return {
        "rss_mb": usage.rss_bytes / MB,
        "pss_mb": usage.pss_bytes / MB,
        "first_answer_s": first_answer_s,
    }


def scenarios(*, quick: bool) -> list[Scenario]:
    """All scenarios in the order in which they run; the quick ones are fewer and shorter."""
    seconds = 1.0 if quick else 3.0
    levels = (1, 64) if quick else (1, 16, 64, 256)
    chunks = 30 if quick else 100
    found: list[Scenario] = []
    for delay_ms in (0, 50):
        for stream in (False, True):
            found += [Calls(stream, level, delay_ms, seconds) for level in levels]
    found.append(Calls(stream=True, concurrency=32, delay_ms=50, seconds=seconds))
    found += [
        Translated(dialect, stream, TRANSLATED_CONCURRENCY, max(seconds, TURNS * MIN_TURN_S))
        for stream in (False, True)
        for dialect in TRANSLATED
    ]
    found.append(LargePrompt(LARGE_CONCURRENCY, seconds))
    found += [OpenStreams(count, chunks) for count in ((1000,) if quick else (500, 1000, 2000))]
    found.append(ImagesBeside(IMAGE_STREAMS, chunks))
    return found
