"""Bodies that cannot be used are the client's 400, in words that say what is wrong."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.wire.json_body import field_path, read_body
from tests.unit.gateway.wire.json_texts import values

MAX_DEPTH = 8


class Inner(msgspec.Struct):
    role: str


class Outer(msgspec.Struct):
    name: str
    items: list[Inner] = []
    by_key: dict[str, int] = {}
    count: int | None = None


OUTER = msgspec.json.Decoder(Outer)
ANYTHING = msgspec.json.Decoder()


def _refusal(body: bytes, decoder: msgspec.json.Decoder[object] = ANYTHING) -> Failure:
    with pytest.raises(GatewayError) as caught:
        read_body(body, decoder, max_depth=MAX_DEPTH)
    return caught.value.failure


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "the request body is empty", id="empty"),
        pytest.param(b" \r\n\t", "the request body is empty", id="blank"),
        pytest.param(b'{"a":"\xff"}', "is not UTF-8: byte 6 is wrong", id="not-utf-8"),
        pytest.param('{"a":1}'.encode("utf-16"), "is not UTF-8: byte 0", id="utf-16"),
        pytest.param(b"\xef\xbb\xbf{}", "is not valid JSON", id="byte-order-mark"),
        pytest.param(b"{", "is not valid JSON", id="cut"),
        pytest.param(b"{} x", "is not valid JSON", id="trailing-garbage"),
        pytest.param(b"{}{}", "is not valid JSON", id="two-values"),
        pytest.param(b"{'a':1}", "is not valid JSON", id="single-quotes"),
        pytest.param(b'{"a":1,}', "is not valid JSON", id="trailing-comma"),
        pytest.param(b'{"a":NaN}', "is not valid JSON", id="nan"),
        pytest.param(b'{"a":01}', "is not valid JSON", id="leading-zero"),
        pytest.param(b'{"a":"\n"}', "is not valid JSON", id="control-character"),
        pytest.param(b"a=1&b=2", "is not valid JSON", id="a-form"),
        pytest.param(rb'{"a":"\ud83d"}', "half of a surrogate pair", id="surrogate-in-a-value"),
        pytest.param(rb'{"\uDC00":1}', "half of a surrogate pair", id="surrogate-in-a-key"),
        pytest.param(rb'{"a":"\ud83dx"}', "half of a surrogate pair", id="surrogate-before-text"),
        pytest.param(b'{"a":1e999}', "out of range", id="number-beyond-a-float"),
    ],
)
def test_an_unusable_body_is_refused(body: bytes, words: str) -> None:
    failure = _refusal(body)
    assert (failure.status, failure.kind) == (400, Kind.INVALID_REQUEST)
    assert words in failure.message


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        pytest.param(b"[]", "Expected `object`, got `array`", None, id="not-an-object"),
        pytest.param(b"{}", "Object missing required field `name`", "name", id="missing"),
        pytest.param(b'{"name":1}', "Expected `str`, got `int`", "name", id="wrong-type"),
        pytest.param(b'{"name":null}', "Expected `str`, got `null`", "name", id="null"),
        pytest.param(
            b'{"name":"n","items":[{"role":"a"},{"role":2}]}',
            "Expected `str`, got `int`",
            "items[1].role",
            id="in-a-list",
        ),
        pytest.param(
            b'{"name":"n","items":[{}]}',
            "Object missing required field `role`",
            "items[0].role",
            id="missing-in-a-list",
        ),
        pytest.param(
            b'{"name":"n","by_key":{"k":"v"}}',
            "Expected `int`, got `str`",
            "by_key[...]",
            id="in-a-mapping",
        ),
    ],
)
def test_a_wrong_type_names_its_field(body: bytes, message: str, param: str | None) -> None:
    failure = _refusal(body, OUTER)
    assert failure.message.startswith(message)
    assert failure.param == param


def test_a_message_without_a_path_names_no_field() -> None:
    assert field_path("something else is wrong") is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 8 + b"]" * 8, id="arrays-at-the-bound"),
        pytest.param(b'{"a":' * 8 + b"1" + b"}" * 8, id="objects-at-the-bound"),
        pytest.param(b"[[]," + b"[" * 7 + b"]" * 8, id="at-the-bound-beside-others"),
        pytest.param(b"[" + b"[],{}," * 50 + b"1]", id="many-side-by-side"),
        pytest.param(b'["' + b"[{" * 50 + b'"]', id="brackets-in-a-string"),
        pytest.param(rb'["\"' + b"[" * 50 + b'"]', id="brackets-after-an-escaped-quote"),
        pytest.param(rb'["\\","' + b"[" * 50 + b'"]', id="brackets-after-an-escaped-backslash"),
        pytest.param(b'{"' + b"{" * 50 + b'":1}', id="brackets-in-a-key"),
    ],
)
def test_nesting_up_to_the_bound_is_read(body: bytes) -> None:
    assert read_body(body, ANYTHING, max_depth=MAX_DEPTH) == msgspec.json.decode(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 9 + b"]" * 9, id="arrays"),
        pytest.param(b'{"a":' * 9 + b"1" + b"}" * 9, id="objects"),
        pytest.param(b'[{"a":' * 5 + b"1" + b"}]" * 5, id="both"),
        pytest.param(b'["",' * 9 + b"1" + b"]" * 9, id="with-strings-between"),
        pytest.param(rb'["\\",' + b"[" * 9 + b"]" * 10, id="after-an-escaped-backslash"),
        pytest.param(b"[" * 100_000, id="unclosed"),
    ],
)
def test_deeper_nesting_is_refused(body: bytes) -> None:
    assert _refusal(body).message == "the request JSON is nested deeper than 8 levels"


def test_nesting_that_no_decoder_can_follow_is_refused() -> None:
    body = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(GatewayError, match="nested too deep"):
        read_body(body, ANYTHING, max_depth=1_000_000)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("end", [b"", b"\\"], ids=["unclosed", "cut-in-an-escape"])
def test_a_body_made_of_escaped_quotes_is_refused_in_linear_time(end: bytes) -> None:
    body = b"[" * 9 + b'"' + rb"\"" * 500_000 + end
    assert _refusal(body).status == 400


@given(body=st.binary() | values().map(str.encode) | st.text().map(str.encode))
def test_any_body_is_read_or_is_a_400(body: bytes) -> None:
    statuses = set()
    for decoder in (ANYTHING, OUTER):
        try:
            read_body(body, decoder, max_depth=MAX_DEPTH)
        except GatewayError as error:
            statuses.add(error.failure.status)
    assert statuses <= {400}
