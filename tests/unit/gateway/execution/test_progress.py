"""What is known of a call while it is tried: a value that can be stored."""

import msgspec
import pytest

from gateway.canonical.call import Candidate
from gateway.canonical.errors import MAX_REASON, Failure, Kind
from gateway.execution.progress import Attempt, Progress, decode_progress, encode_progress

CANDIDATES = tuple(Candidate(instance, "m") for instance in "abc")


def _progress(*, max_attempts: int = 9, failed: int = 0, message: str = "no") -> Progress:
    progress = Progress(candidates=CANDIDATES, max_attempts=max_attempts)
    failure = Failure(kind=Kind.UPSTREAM, message=message, status=502)
    for candidate in CANDIDATES[:failed]:
        progress.record(Attempt(candidate=candidate, failure=failure))
    return progress


@pytest.mark.parametrize(
    ("max_attempts", "failed", "following"),
    [
        pytest.param(3, 0, "a", id="first"),
        pytest.param(3, 1, "b", id="second"),
        pytest.param(3, 2, "c", id="third"),
        pytest.param(3, 3, None, id="none-left"),
        pytest.param(9, 3, None, id="fewer-than-allowed"),
        pytest.param(2, 2, None, id="attempts-used-up"),
    ],
)
def test_the_next_candidate_is_the_first_that_was_not_tried(
    max_attempts: int, failed: int, following: str | None
) -> None:
    candidate = _progress(max_attempts=max_attempts, failed=failed).next_candidate()
    assert (candidate and candidate.instance) == following


def test_refused_keys_are_kept_by_instance() -> None:
    progress = _progress()
    progress.refused(Candidate("a", "m"), "k0", words="slow down")
    progress.refused(Candidate("a", "other"), "k1", words="not you")
    progress.refused(Candidate("b", "m"), "k0", words="no")
    assert progress.tried_credentials == {"a": ["k0", "k1"], "b": ["k0"]}
    assert progress.refusals == {"a": "not you", "b": "no"}


def test_calls_share_no_progress() -> None:
    _progress(failed=1).refused(Candidate("a", "m"), "k0", words="no")
    assert _progress() == Progress(candidates=CANDIDATES, max_attempts=9)


def test_the_summary_names_each_candidate_and_cuts_each_reason() -> None:
    reason = "x" * (MAX_REASON + 1)
    cut = "x" * MAX_REASON
    assert _progress(failed=2, message=reason).summary() == f"a:m: {cut}; b:m: {cut}"


def test_progress_survives_its_record() -> None:
    progress = _progress(failed=2)
    progress.refused(Candidate("c", "m"), "k0", words="no")
    assert decode_progress(encode_progress(progress)) == progress


@pytest.mark.parametrize("data", [b"", b"\x80", encode_progress(_progress())[:-1]])
def test_what_is_no_progress_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_progress(data)
