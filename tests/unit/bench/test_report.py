"""The report shows what was measured beside its target."""

from pathlib import Path

import pytest

from bench.bodies import Dialect
from bench.report import GATEWAYS, report, write_report
from bench.results import Results
from bench.scenarios import Figures, LargePrompt, Scenario, Translated

GATEWAY = GATEWAYS[0]
TRANSLATED = Translated(Dialect.MESSAGES, stream=False, concurrency=64, seconds=3)
LARGE = LargePrompt(concurrency=16, seconds=3)
CALLS = {"requests_per_s": 1000.0, "failed": 0.0, "completed": 3000.0}


def _report(scenario: Scenario, *rounds: Figures, system: str = GATEWAY) -> str:
    results = Results()
    for figures in rounds:
        results.add({system: {scenario.name: {**CALLS, **figures}}})
    return report(results, [scenario], command="python -m bench.run")


def _row(text: str, start: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {start} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def _cell(text: str, scenario: Scenario, column: str) -> str:
    return _row(text, scenario.name)[_row(text, "scenario").index(column)]


def _section(text: str, title: str) -> str:
    return next(part for part in text.split("## ") if part.startswith(title))


@pytest.mark.parametrize(("ratio", "verdict"), [(2.0, "2.00 ok"), (2.01, "2.01 missed")])
def test_a_ratio_stands_beside_its_target(ratio: float, verdict: str) -> None:
    text = _report(TRANSLATED, {"cpu_ratio": ratio})
    assert _row(text, "CPU of calls, c=64: messages / native")[1:] == ["<= 2", verdict]


def test_the_web_process_of_a_large_prompt_stands_beside_its_target() -> None:
    text = _report(LARGE, {"cpu_web": 5.5, "cpu_total": 9.0})
    assert _row(text, "200 kB, 100 tools: web CPU-ms")[1:] == ["<= 5", "5.50 missed"]


def test_what_was_not_measured_says_so() -> None:
    text = _report(TRANSLATED, {"cpu_ratio": 1.0})
    assert _row(text, "200 kB, 100 tools: web CPU-ms")[2] == "not measured"


def test_another_gateway_has_no_verdict() -> None:
    text = _report(TRANSLATED, {"cpu_ratio": 3.0}, system="other")
    assert _row(text, "CPU of calls, c=64: messages / native")[2] == "3.00"


def test_translated_calls_have_a_table_with_what_native_ones_take() -> None:
    text = _report(TRANSLATED, {"cpu_total": 1.8, "cpu_native": 1.5, "cpu_ratio": 1.2})
    table = _section(text, "Translated calls")
    shown = [_cell(table, TRANSLATED, column) for column in ("CPU-ms", "native", "/ native")]
    assert shown == ["1.80", "1.50", "1.20"]


def test_a_large_prompt_stands_among_the_calls() -> None:
    table = _section(_report(LARGE, {"cpu_web": 1.25}), "Calls")
    assert _cell(table, LARGE, "web") == "1.25"


def test_a_figure_is_the_median_of_its_rounds() -> None:
    text = _report(TRANSLATED, {"cpu_ratio": 1.0}, {"cpu_ratio": 1.5}, {"cpu_ratio": 9.0})
    assert _cell(_section(text, "Translated calls"), TRANSLATED, "/ native") == "1.50"


def test_a_section_without_scenarios_is_left_out() -> None:
    assert "## Open streams" not in _report(TRANSLATED, {"cpu_ratio": 1.0})


def test_a_report_is_written_among_the_documents(tmp_path: Path) -> None:
    path = write_report("text\n", tmp_path)
    assert (path, path.read_text()) == (tmp_path / "docs" / "performance.md", "text\n")
