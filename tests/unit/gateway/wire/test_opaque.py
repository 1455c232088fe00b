"""Opaque values in the fields of other dialects."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.content import AnyPart, Opaque, Reasoning, Text
from gateway.wire.opaque import (
    UNSIGNED,
    Wrapped,
    is_wrapped,
    may_hold_wrapped,
    sign_last_text,
    unwrap,
    wrap,
)

VALUE = Opaque("gemini", "AbC+/w==")


@given(
    opaque=st.builds(Opaque, st.text(max_size=9), st.text(max_size=9)),
    call_id=st.none() | st.text(max_size=9),
    redacted=st.booleans(),
    id=st.none() | st.text(max_size=9),
    of_text=st.booleans(),
)
def test_a_foreign_value_comes_out_with_what_went_with_it(
    opaque: Opaque, call_id: str | None, redacted: bool, id: str | None, of_text: bool
) -> None:
    field = wrap(opaque, own="-own-", call_id=call_id, redacted=redacted, id=id, of_text=of_text)
    assert unwrap(field, own="-own-") == Wrapped(opaque, call_id, redacted, id, of_text)
    assert is_wrapped(field)
    assert may_hold_wrapped(b'{"x":"%s"}' % field.encode())


def test_a_value_of_the_dialects_own_goes_as_it_is() -> None:
    assert wrap(VALUE, own="gemini", id="i") == VALUE.data
    assert unwrap(VALUE.data, own="gemini") == Wrapped(VALUE)


@pytest.mark.parametrize("more", [{"call_id": "c"}, {"of_text": True}])
def test_an_own_value_that_belongs_to_something_is_wrapped(more: dict[str, object]) -> None:
    assert is_wrapped(wrap(VALUE, own="gemini", **more))


def test_no_signature_is_wrapped_as_none() -> None:
    assert unwrap(wrap(UNSIGNED, own="gemini"), own="gemini").signature is None


def test_a_client_may_encode_a_value_anew() -> None:
    field = wrap(VALUE, own="-")
    anew = base64.b64encode(base64.urlsafe_b64decode(field)).decode()
    assert unwrap(anew, own="-") == Wrapped(VALUE)


@pytest.mark.parametrize("end", ["", "\u00e9", "!", "AAAA", "A" * 99])
def test_what_only_begins_as_a_wrapped_value_is_the_dialects_own(end: str) -> None:
    value = wrap(VALUE, own="-")[:8] + end
    assert not is_wrapped(value)
    assert unwrap(value, own="gemini") == Wrapped(Opaque("gemini", value))


def test_the_last_text_is_signed() -> None:
    parts: list[AnyPart] = [Text("a"), Text("b"), Reasoning(text="r")]
    sign_last_text(parts, VALUE)
    assert parts == [Text("a"), Text("b", signature=VALUE), Reasoning(text="r")]


def test_without_text_a_signature_is_lost() -> None:
    parts: list[AnyPart] = [Reasoning(text="r")]
    sign_last_text(parts, VALUE)
    assert parts == [Reasoning(text="r")]
