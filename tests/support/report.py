"""Shows what the processes of a test printed, beside the failure of the test."""

from collections.abc import Generator

import pytest

from tests.support.gateway import Gateway


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of every gateway that a failed test used to its report."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Gateway) and value.folder.exists():
                report.sections.append((f"logs of {name}", value.logs()))
    return report
