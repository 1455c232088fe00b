"""Chunked bodies come apart into their payload, however they are cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.chunked import MAX_LINE_BYTES, ChunkParser

WHOLE = b"4\r\nWiki\r\n6;ext=1\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n"
PAYLOAD = b"Wikipedia in \r\n\r\nchunks."


def _feed(*pieces: bytes) -> tuple[ChunkParser, bytes]:
    parser = ChunkParser()
    return parser, b"".join(parser.feed(piece) for piece in pieces)


def test_whole_body_gives_its_payload() -> None:
    parser, payload = _feed(WHOLE)
    assert (payload, parser.done, parser.fault) == (PAYLOAD, True, None)


@settings(max_examples=100)
@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(WHOLE)]
    parser, payload = _feed(*(WHOLE[a:b] for a, b in zip(places, places[1:], strict=False)))
    assert (payload, parser.done, parser.fault) == (PAYLOAD, True, None)


def test_payload_is_given_before_its_chunk_is_whole() -> None:
    assert _feed(b"a\r\nhello")[1] == b"hello"


def test_body_without_its_last_chunk_is_not_done() -> None:
    assert not _feed(WHOLE.removesuffix(b"0\r\nTrailer: x\r\n\r\n"))[0].done


def test_body_without_the_end_of_its_trailer_is_not_done() -> None:
    assert not _feed(WHOLE.removesuffix(b"\r\n"))[0].done


def test_what_follows_the_body_is_noticed() -> None:
    assert _feed(WHOLE + b"HTTP/1.1")[0].has_excess


def test_body_alone_has_no_excess() -> None:
    assert not _feed(WHOLE)[0].has_excess


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"x\r\n", id="no-number"),
        pytest.param(b"\r\n", id="empty"),
        pytest.param(b"-1\r\n", id="negative"),
        pytest.param(b"+1\r\n", id="signed"),
        pytest.param(b"1_0\r\n", id="with-an-underscore"),
        pytest.param(b"0x1\r\n", id="with-a-prefix"),
    ],
)
def test_size_that_is_none_is_a_fault(body: bytes) -> None:
    assert _feed(body)[0].fault == "the size of a chunk is not a number"


def test_chunk_without_its_end_is_a_fault() -> None:
    assert _feed(b"1\r\nabc")[0].fault == "a chunk is longer than it says"


def test_line_without_end_is_a_fault() -> None:
    assert _feed(b"1" * (MAX_LINE_BYTES + 1))[0].fault == "a line of its framing has no end"


def test_payload_before_a_fault_is_given() -> None:
    assert _feed(b"1\r\na\r\nx\r\n")[1] == b"a"


def test_size_in_capitals_is_read() -> None:
    assert _feed(b"A\r\n0123456789\r\n")[1] == b"0123456789"
