"""What may follow an upstream's refusal."""

import pytest

from gateway.canonical.errors import Failure, GatewayError, Kind, Next, UpstreamError, next_after


@pytest.mark.parametrize(
    ("status", "follows"),
    [
        *((status, Next.CREDENTIAL) for status in (401, 429)),
        *((status, Next.CANDIDATE) for status in (408, 500, 502, 503, 504, 529, 599)),
        *((status, Next.SURFACE) for status in (400, 402, 403, 404, 405, 409, 413, 415, 422, 451)),
    ],
)
def test_a_status_speaks_of_the_key_the_upstream_or_the_request(status: int, follows: Next) -> None:
    assert next_after(status) is follows


def test_an_exception_says_what_its_failure_says() -> None:
    failure = Failure(kind=Kind.UPSTREAM, message="no luck", status=502)
    assert str(GatewayError(failure)) == "no luck"
    assert str(UpstreamError(failure, next=Next.CANDIDATE)) == "no luck"
