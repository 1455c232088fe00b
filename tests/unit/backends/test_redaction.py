"""A key is taken out of what an upstream said, however it was written there."""

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.redaction import MASK, MIN_SECRET_CHARS, redact

ODD = 'sk/a"b\\c+é%&='


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        pytest.param("sk-1234", "sk-1234", id="plain"),
        pytest.param("sk-1234", "Incorrect API key: sk-1234.", id="in-a-sentence"),
        pytest.param("sk-1234", "sk-1234 and sk-1234", id="twice"),
        pytest.param("sk-1234", "xsk-1234x", id="inside-a-word"),
        pytest.param(ODD, ODD, id="odd-characters"),
        pytest.param(ODD, json.dumps(ODD), id="json"),
        pytest.param(ODD, json.dumps(ODD, ensure_ascii=False), id="json-in-utf-8"),
        pytest.param(ODD, json.dumps(ODD).replace("/", "\\/"), id="json-with-escaped-slashes"),
        pytest.param(ODD, f"https://x/?key={quote(ODD, safe='')}", id="url"),
        pytest.param(ODD, f"https://x/?key={quote_plus(ODD).lower()}", id="url-in-lower-case"),
        pytest.param(ODD, f"https://x/{quote(ODD)}", id="path"),
    ],
)
def test_a_key_is_masked(secret: str, said: str) -> None:
    redacted = redact(said.encode(), secret)
    assert MASK in redacted
    assert secret.encode() not in redacted
    assert "sk" not in redacted.decode()


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        pytest.param("sk-1234", "sk-123", id="part-of-the-key"),
        pytest.param("sk-1234", "SK-1234", id="other-case"),
        pytest.param("", "anything", id="no-key"),
        pytest.param("abc", "abc", id="too-short-a-key"),
    ],
)
def test_what_is_not_the_key_stays(secret: str, said: str) -> None:
    assert redact(said.encode(), secret) == said.encode()


def test_a_key_of_the_least_length_is_masked() -> None:
    assert redact(b"key=abcd;", "abcd"[:MIN_SECRET_CHARS]) == b"key=[redacted];"


def test_what_is_not_utf_8_is_redacted_too() -> None:
    assert redact(b"\xff sk-1234 \xfe", "sk-1234") == b"\xff [redacted] \xfe"


@given(
    secret=st.text(st.characters(codec="utf-8"), min_size=MIN_SECRET_CHARS).map(lambda s: f"sk{s}"),
    before=st.text(st.sampled_from("ab{}: ")),
)
def test_no_encoding_of_a_key_survives(secret: str, before: str) -> None:
    forms = [secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), quote(secret)]
    for form in forms:
        said = f'{before}{form.strip(chr(34))}"'.encode()
        assert b"sk" not in redact(said, secret).replace(MASK, b"")
