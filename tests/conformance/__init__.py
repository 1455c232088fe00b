"""The conformance matrix: every client through every upstream's wire."""

import pytest

# So that what is checked outside of a test's own file says as much when it fails.
pytest.register_assert_rewrite("tests.conformance.stage", "tests.conformance.plays")
