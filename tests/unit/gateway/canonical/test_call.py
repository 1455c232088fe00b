"""A call survives its record."""

import msgspec
import pytest

from gateway.canonical.call import Call, Candidate, decode_call, encode_call
from gateway.canonical.request import Dialect

CALL = Call(
    id="qw.1",
    owner="local",
    dialect=Dialect.OPENAI_CHAT,
    model="a:m|b:m",
    stream=True,
    candidates=(Candidate("a", "m"), Candidate("b", "x:y/z")),
    deadline_at=1_700_000_000.25,
    headers={"x-title": "é"},
)


def test_a_call_survives_its_record() -> None:
    assert decode_call(encode_call(CALL)) == CALL


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x80", id="no-fields"),
        pytest.param(encode_call(CALL)[:-1], id="cut"),
    ],
)
def test_what_is_no_call_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_call(data)


def test_a_candidate_reads_like_the_selector_that_names_it() -> None:
    assert str(Candidate("huggingface", "openai/gpt:fast")) == "huggingface:openai/gpt:fast"
