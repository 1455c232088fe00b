"""The report: figures beside the project's targets, as Markdown tables.

Owns the targets and what is shown. Must not know how figures come about.
"""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.procs import PROC
from bench.results import BASELINE, Results
from bench.scenarios import (
    CHUNKS,
    TRANSLATED,
    Calls,
    ImagesBeside,
    LargePrompt,
    OpenStreams,
    Scenario,
    Translated,
)

IDLE = "idle"
GATEWAYS = ("queueway gevent", "queueway threads")  # the targets are theirs alone


@dataclass(frozen=True)
class Target:
    """A bound for one figure of one scenario; `later` is the bound that comes after it."""

    label: str
    scenario: str
    figure: str
    bound: float
    at_least: bool = False
    later: float | None = None

    def is_met(self, value: float) -> bool:
        """Tell whether a measured value is within the bound."""
        return value >= self.bound if self.at_least else value <= self.bound

    def text(self) -> str:
        """The bound as people read it."""
        bound = f"{'>=' if self.at_least else '<='} {self.bound:g}"
        return bound if self.later is None else f"{bound}, then {self.later:g}"


TRANSLATION_TARGETS = tuple(
    Target(
        f"CPU of {what}, c=64: {dialect} / native",
        f"{kind} c64 D0 translated {dialect}",
        "cpu_ratio",
        2,
    )
    for kind, what in (("N", "calls"), ("S", "streams"))
    for dialect in TRANSLATED
)
TARGETS = (
    Target("CPU-ms per call, c=64", "N c64 D0", "cpu_total", 1.5, later=1.2),
    Target(f"CPU-ms per stream of {CHUNKS}, c=64", "S c64 D0", "cpu_total", 1.7, later=1.3),
    Target("added p50 in ms, c=1", "N c1 D0", "added_latency_p50", 2.3),
    Target("added TTFT p50 in ms, c=32, D=50", "S c32 D50", "added_ttft_p50", 5),
    Target("added TTFT p99 in ms, c=32, D=50", "S c32 D50", "added_ttft_p99", 20),
    Target("calls/s, c=64", "N c64 D0", "requests_per_s", 1200, at_least=True),
    Target("1,000 streams: open at once", "streams 1000", "reached", 1000, at_least=True),
    Target("1,000 streams: failed", "streams 1000", "failed", 0),
    Target("1,000 streams: chunk delay p99 in ms", "streams 1000", "chunk_p99", 40),
    Target("1,000 streams: added TTFT p99 in ms", "streams 1000", "added_ttft_p99", 100),
    Target("1,000 streams: RSS in MB", "streams 1000", "rss_mb", 300),
    *TRANSLATION_TARGETS,
    Target("200 kB, 100 tools: web CPU-ms", "large prompt c16", "cpu_web", 5),
    Target("idle RSS in MB, Redis included", IDLE, "rss_mb", 250),
    Target("start to first answer in s", IDLE, "first_answer_s", 2.5),
    Target("batch lines/s, D=0", "batch", "lines_per_s", 800, at_least=True),
    Target("CPU-ms per batch line", "batch", "cpu_total", 1.5),
    Target("batch of 50,000: RSS of a process in MB", "batch", "rss_mb", 300),
)

Column = tuple[str, str, int]  # head, figure, decimals
Columns = Sequence[Column]

CALL_COLUMNS: tuple[Column, ...] = (
    ("calls/s", "requests_per_s", 0),
    ("web", "cpu_web", 2),
    ("worker", "cpu_worker", 2),
    ("redis", "cpu_redis", 2),
    ("CPU-ms", "cpu_total", 2),
    ("p50", "latency_p50", 2),
    ("p99", "latency_p99", 2),
    ("+p50", "added_latency_p50", 2),
    ("+p99", "added_latency_p99", 2),
    ("+TTFT p50", "added_ttft_p50", 2),
    ("+TTFT p99", "added_ttft_p99", 2),
    ("failed", "failed", 0),
)
TRANSLATION_COLUMNS: tuple[Column, ...] = (
    ("calls/s", "requests_per_s", 0),
    ("web", "cpu_web", 2),
    ("worker", "cpu_worker", 2),
    ("redis", "cpu_redis", 2),
    ("CPU-ms", "cpu_total", 2),
    ("native", "cpu_native", 2),
    ("/ native", "cpu_ratio", 2),
    ("p50", "latency_p50", 2),
    ("p99", "latency_p99", 2),
    ("TTFT p50", "ttft_p50", 2),
    ("chunk p50", "chunk_p50", 2),
    ("failed", "failed", 0),
)
STREAM_COLUMNS: tuple[Column, ...] = (
    ("reached", "reached", 0),
    ("TTFT p50", "ttft_p50", 1),
    ("TTFT p99", "ttft_p99", 1),
    ("chunk p50", "chunk_p50", 2),
    ("chunk p99", "chunk_p99", 2),
    ("CPU-ms", "cpu_total", 2),
    ("RSS MB", "rss_mb", 0),
    ("PSS MB", "pss_mb", 0),
    ("failed", "failed", 0),
)
IMAGE_COLUMNS: tuple[Column, ...] = (
    ("chunk p99 without", "chunk_alone_p99", 2),
    ("chunk p99 with", "chunk_p99", 2),
    ("images", "images", 0),
    ("image p50", "image_p50", 1),
    ("RSS MB", "rss_mb", 0),
    ("failed", "failed", 0),
)
IDLE_COLUMNS: tuple[Column, ...] = (
    ("RSS MB", "rss_mb", 0),
    ("PSS MB", "pss_mb", 0),
    ("first answer s", "first_answer_s", 2),
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table whose columns stand under each other as plain text too."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([padded[0], rule, *padded[1:]])


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:,.{decimals}f}"


def _target_cell(results: Results, system: str, *, target: Target) -> str:
    value = results.get(system, target.scenario, figure=target.figure)
    if value is None:
        return "not measured"
    verdict = "ok" if target.is_met(value) else "missed"
    return f"{_number(value, 2)} {verdict}" if system in GATEWAYS else _number(value, 2)


def targets_table(results: Results) -> str:
    """Each target beside what each system reached."""
    systems = [name for name in results.systems() if name != BASELINE]
    rows = [
        [
            target.label,
            target.text(),
            *(_target_cell(results, name, target=target) for name in systems),
        ]
        for target in TARGETS
    ]
    return table(["figure", "target", *systems], rows)


def _figures_table(results: Results, names: Sequence[str], *, columns: Columns) -> str:
    rows = [
        [
            name,
            system,
            *(_number(results.get(system, name, figure=figure), n) for _, figure, n in columns),
        ]
        for name in names
        for system in results.systems()
        if results.get(system, name, figure=columns[0][1]) is not None
    ]
    if not rows:
        return "Not measured."
    return table(["scenario", "system", *(head for head, _, _ in columns)], rows)


def machine() -> str:
    """This machine in one line."""
    model = platform.machine()
    for line in (PROC / "cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return (
        f"{os.cpu_count()} x {model}, {memory:.0f} GB, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


LEGEND = (
    "N = not streamed, S = stream of 20 chunks, c = concurrent calls, D = delay of the upstream in "
    "ms. `direct` is the load client on the upstream itself; `+` is the difference from it in the "
    "same round. Times are ms; CPU-ms is user and system time of the system's processes per "
    "completed call. Translated calls are those of a client that speaks another dialect than the "
    "upstream; native ones take turns with them. A large prompt is 200 kB with 100 tools, native "
    "and not streamed. Upstream and load client run on the same cores. Figures are medians of the "
    "rounds; `failed` is the sum, `reached` the least. RSS counts shared pages once for each "
    "process, PSS once in all."
)


def _section(title: str, results: Results, *, names: Sequence[str], columns: Columns) -> str:
    """A table under its title; empty when the plan has none of its scenarios."""
    if not names:
        return ""
    return f"## {title}\n\n" + _figures_table(results, names, columns=columns)


def _names(plan: Sequence[Scenario], *kinds: type[Scenario]) -> list[str]:
    return [scenario.name for scenario in plan if isinstance(scenario, kinds)]


def report(results: Results, plan: Sequence[Scenario], *, command: str) -> str:
    """The whole report as Markdown."""
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    calls = _names(plan, Calls, LargePrompt)
    translated = _names(plan, Translated)
    streams = _names(plan, OpenStreams)
    images = _names(plan, ImagesBeside)
    chunks = sorted({scenario.chunks for scenario in plan if isinstance(scenario, OpenStreams)})
    parts = [
        "# Performance",
        f"Written by `{command}` on {date}, {len(results.rounds)} round(s). {machine()}.",
        "\n".join(f"- {name}: not measured: {why}" for name, why in results.not_run.items()),
        "## Targets\n\n" + targets_table(results),
        _section("Calls", results, names=calls, columns=CALL_COLUMNS),
        _section("Translated calls", results, names=translated, columns=TRANSLATION_COLUMNS),
        _section("Open streams", results, names=streams, columns=STREAM_COLUMNS),
        *(f"A stream has {count} chunks, one each 100 ms, after 500 ms." for count in chunks),
        _section(
            "10 MB images, 3 calls/s, beside open streams",
            results,
            names=images,
            columns=IMAGE_COLUMNS,
        ),
        _section("Idle and start", results, names=[IDLE], columns=IDLE_COLUMNS),
        LEGEND,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_report(text: str, root: Path) -> Path:
    """Write the report where the documentation has it."""
    path = root / "docs" / "performance.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
