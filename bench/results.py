"""The figures of all rounds, and one figure out of them.

Owns medians and the comparison with `direct` inside a round. Must not know how figures are measured
or printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from bench.scenarios import Figures, is_count

BASELINE = "direct"
ADDED = ("latency_p50", "latency_p99", "ttft_p50", "ttft_p99")

Round = Mapping[str, Mapping[str, Figures]]  # system -> scenario -> figures


def with_added(measured: Round) -> dict[str, dict[str, dict[str, float]]]:
    """Add `added_<figure>`: what a system has more than the baseline of the same round."""
    baseline = measured.get(BASELINE, {})
    compared: dict[str, dict[str, dict[str, float]]] = {}
    for system, scenarios in measured.items():
        compared[system] = {}
        for scenario, figures in scenarios.items():
            floor = baseline.get(scenario, {})
            added = {
                f"added_{name}": figures[name] - floor[name]
                for name in ADDED
                if system != BASELINE and name in figures and name in floor
            }
            compared[system][scenario] = {**figures, **added}
    return compared


def _combine(figure: str, values: list[float]) -> float:
    if is_count(figure):
        return sum(values)
    return min(values) if figure == "reached" else median(values)


@dataclass
class Results:
    """All rounds, and why a system has no figures."""

    rounds: list[Round] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)

    def add(self, measured: Round) -> None:
        """Take one round."""
        self.rounds.append(with_added(measured))

    def systems(self) -> list[str]:
        """Names in the order in which they were first measured; the baseline first."""
        names = {name: None for measured in self.rounds for name in sorted(measured)}
        return sorted(names, key=lambda name: name != BASELINE)

    def get(self, system: str, scenario: str, *, figure: str) -> float | None:
        """Median over the rounds; of failed and completed calls the sum, of `reached` the least."""
        values = [
            measured[system][scenario][figure]
            for measured in self.rounds
            if figure in measured.get(system, {}).get(scenario, {})
        ]
        return _combine(figure, values) if values else None
