"""Both ways of running many calls, for tests that break parts of a real deployment."""

from collections.abc import Generator

import pytest

from tests.faults.deployment import running


@pytest.fixture(scope="module", params=["gevent", "threads"])
def concurrency(request: pytest.FixtureRequest) -> str:
    """How web and worker run many calls."""
    return str(request.param)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of every deployment that runs now to the report of a failed test."""
    report = yield
    if report.failed:
        for made in running():
            report.sections.append(("logs", made.gateway.logs()))
    return report
