"""`python -m bench.run`: measure the gateway, print the report. `make bench` calls it.

Owns the command line and the order of things: rounds, in each round one system after the other.
Every system runs alone; all traffic stays on 127.0.0.1. A full run takes about 50 minutes.
"""

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.programs import HERE, BenchError, Upstream, build
from bench.report import IDLE, report, write_report
from bench.results import Results
from bench.scenarios import FAILED_BY, Figures, Scenario, Subject, idle_figures, scenarios
from bench.systems import Direct, Gateway, LiteLLM, System

ROUNDS = 5
MAX_ROUNDS = 50


@dataclass(frozen=True)
class Bench:
    """What every round needs."""

    plan: Sequence[Scenario]
    upstream_port: int
    folder: Path
    results: Results


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _shown(figures: Figures) -> str:
    names = ("requests_per_s", "cpu_total", "cpu_ratio", "latency_p50", "ttft_p50", "chunk_p99")
    shown = [f"{name} {figures[name]:.2f}" for name in (*names, "rss_mb") if name in figures]
    if figures.get("failed"):
        shown.append(f"FAILED {figures['failed']:.0f}")
        shown += [f"{name} {figures[name]:.0f}" for name in figures if name.startswith(FAILED_BY)]
    return ", ".join(shown)


def _measure(bench: Bench, system: System) -> dict[str, Figures]:
    """Start one system, run all scenarios on it, stop it."""
    measured: dict[str, Figures] = {}
    try:
        started = system.start(bench.upstream_port)
        subject = Subject(started.endpoint, system.roles, bench.folder)
        if subject.roles():
            measured[IDLE] = idle_figures(subject, started.first_answer_s)
            _say(f"  {IDLE}: {_shown(measured[IDLE])}")
        for scenario in bench.plan:
            if figures := scenario.run(subject):
                measured[scenario.name] = figures
                _say(f"  {scenario.name}: {_shown(figures)}")
    except BenchError as error:
        _say(f"  {system.name}: {error}")
        bench.results.not_run[system.name] = str(error)
    finally:
        system.stop()
    return measured


def _run_rounds(bench: Bench, systems: Sequence[System], *, rounds: int) -> None:
    """The baseline first in each round; the others take turns in being next."""
    baseline, *others = systems
    for index in range(rounds):
        turn = index % len(others) if others else 0
        measured: dict[str, dict[str, Figures]] = {}
        for system in (baseline, *others[turn:], *others[:turn]):
            if system.name in bench.results.not_run:
                continue
            _say(f"round {index + 1} of {rounds}: {system.name}")
            measured[system.name] = _measure(bench, system)
        bench.results.add(measured)


def _rounds(text: str) -> int:
    value = int(text)
    if not 1 <= value <= MAX_ROUNDS:
        raise argparse.ArgumentTypeError(f"1 to {MAX_ROUNDS}")
    return value


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description="Measure Queueway.")
    parser.add_argument("--rounds", type=_rounds, default=ROUNDS, help=f"default {ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--peers", action="store_true", help="install and measure LiteLLM too")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rounds' figures")
    parser.add_argument("--only", metavar="TEXT", help="scenarios whose name has this in it")
    parser.add_argument(
        "--system", action="append", metavar="TEXT", help="systems beside `direct`; repeatable"
    )
    return parser.parse_args(arguments)


def _systems(
    options: argparse.Namespace, plan: Sequence[Scenario], *, results: Results
) -> list[System]:
    found: list[System] = [Gateway("gevent"), Gateway("threads")]
    if options.peers:
        models = {scenario.model for scenario in plan} | {"bench-d0", "bench-d0-n20"}
        peer = LiteLLM(tuple(sorted(models)))
        try:
            _say(f"installing {peer.name}, where it is not yet")
            peer.install()
            found.append(peer)
        except BenchError as error:
            _say(f"{peer.name} is skipped: {error}")
            results.not_run[peer.name] = str(error)
    if options.system:
        found = [item for item in found if any(text in item.name for text in options.system)]
    return [Direct(), *found]


def _raise_file_limit() -> None:
    """2,000 streams need more than the usual 1,024 open files; the systems inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when every system could be measured."""
    options = _arguments(arguments)
    given = sys.argv[1:] if arguments is None else arguments
    command = " ".join(["python -m bench.run", *given])
    plan = scenarios(quick=options.quick)
    plan = [scenario for scenario in plan if (options.only or "") in scenario.name]
    results = Results()
    _raise_file_limit()
    try:
        build()
        systems = _systems(options, plan, results=results)
        with tempfile.TemporaryDirectory(prefix="qw-bench-") as folder, Upstream() as upstream:
            bench = Bench(plan, upstream.port, Path(folder), results)
            _run_rounds(bench, systems, rounds=1 if options.quick else options.rounds)
    except BenchError as error:
        _say(f"bench: {error}")
        return 2
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    text = report(results, plan, command=command)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(results.rounds, indent=1), encoding="utf-8")
    if options.write:
        _say(f"wrote {write_report(text, HERE.parent)}")
    return 1 if results.not_run else 0


if __name__ == "__main__":
    sys.exit(main())
