"""Members of a JSON text are replaced, and every other byte stays."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.splice import splice
from tests.unit.gateway.wire.json_texts import SPACE, members

NEW = '{"new" :1.0}'


def _object(pairs: list[tuple[str, str]], space: str) -> bytes:
    return ("{" + ",".join(head + value for head, value in pairs) + space + "}").encode()


@settings(max_examples=50)
@given(written=st.lists(members(), max_size=5), space=SPACE, before=SPACE, after=SPACE)
def test_a_member_is_replaced_or_added_and_every_other_byte_stays(
    written: list[tuple[str, str, str]], space: str, before: str, after: str
) -> None:
    pairs = [(head, value) for _, head, value in written]
    body = before.encode() + _object(pairs, space) + after.encode()
    expected = [
        (head, NEW + value[len(value.rstrip(" \t\n\r")) :] if key == "model" else value)
        for key, head, value in written
    ]
    if any(key == "model" for key, _, _ in written):
        result = _object(expected, space)
    else:
        added = ("," if written else "") + f'"model":{NEW}'
        result = _object(expected, space + added)
    spliced = splice(body, {"model": NEW.encode()})
    assert spliced == before.encode() + result + after.encode()
    assert json.loads(spliced)["model"] == json.loads(NEW)


@pytest.mark.parametrize(
    ("body", "members", "result"),
    [
        pytest.param('{"a":1,"b":2}', {"b": "3"}, '{"a":1,"b":3}', id="last"),
        pytest.param('{"a":1,"b":2}', {"a": "3", "b": "4"}, '{"a":3,"b":4}', id="two"),
        pytest.param('{"a":1,"a":2}', {"a": "3"}, '{"a":3,"a":3}', id="duplicates"),
        pytest.param('{"a":12,"a":1}', {"a": "3"}, '{"a":3,"a":3}', id="duplicate-begins-alike"),
        pytest.param(
            '{"b":"é","a":1}', {"a": "2"}, '{"b":"é","a":2}', id="behind-what-is-not-ascii"
        ),
        pytest.param(
            '{"b":"é","b":2,"a":1}', {"a": "2"}, '{"b":"é","b":2,"a":2}', id="and-scanned"
        ),
        pytest.param('{"a":1}', {"b": "2", "c": "3"}, '{"a":1,"b":2,"c":3}', id="two-added"),
        pytest.param("{}", {"a": "1", "b": "2"}, '{"a":1,"b":2}', id="added-to-nothing"),
        pytest.param("{ }", {"a": "1"}, '{ "a":1}', id="added-to-white-space"),
        pytest.param('{"a":1}', {}, '{"a":1}', id="nothing-to-set"),
        pytest.param('{"x":{"a":1}}', {"a": "2"}, '{"x":{"a":1},"a":2}', id="nested-is-another"),
        pytest.param('{"\\u0061":1}', {"a": "2"}, '{"\\u0061":2}', id="escaped-key"),
        pytest.param('{"a":"}"}', {"b": "1"}, '{"a":"}","b":1}', id="brace-in-a-string"),
        pytest.param('{"x":1e999}', {"a": "1"}, '{"x":1e999,"a":1}', id="number-beyond-a-float"),
        pytest.param(
            f'{{"x":{"9" * 5000}}}', {"a": "1"}, f'{{"x":{"9" * 5000},"a":1}}', id="5000-digits"
        ),
        pytest.param('{"a":1}', {"é": '"ü"'}, '{"a":1,"\\u00e9":"ü"}', id="not-ascii"),
    ],
)
def test_members_are_spliced_in(body: str, members: dict[str, str], result: str) -> None:
    texts = {key: value.encode() for key, value in members.items()}
    assert splice(body.encode(), texts).decode() == result


@pytest.mark.parametrize(
    "body",
    [
        *(b"[] 1 null true".split()),
        b"",
        b" ",
        b'"{}"',
        b"{",
        b"{,}",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1,}',
        b'{"a":1',
        b'{"a":1 "b":2}',
        b'{"a":1;}',
        b"{1:2}",
        b"{[]:2}",
        b"{a:2}",
        b'{"a":tru}',
        b'{"a":"b}',
        b'{"a":1} x',
        b"{}{}",
        b'{"a":"\xff"}',
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are not for users
        splice(body, {"model": b'"m"'})
