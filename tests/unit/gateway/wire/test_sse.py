"""A stream is cut into the same frames however it arrives, and no byte of it is lost."""

import io
import json
from collections.abc import Iterable

import pytest
import requests
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.connection import Exchange
from backends.http import Answer, HttpUpstream
from config.schema import HttpClient, Timeouts
from gateway.wire.sse import MAX_FRAME_BYTES, FrameSplitter, FrameTooLarge, comment, is_whole
from tests.conftest import RECORDED

VECTORS_FILE = RECORDED.parent / "sse-vectors.json"

DEVIATIONS: dict[str, list[str]] = {
    # A mark before every frame is dropped, not before the first alone. No upstream sends one later.
    "bom": ["1", "2", "3"],
    # What follows the last blank line is decoded too: its dialect judges whether the stream ended.
    "data-before-final-empty-line-dropped": ["test1", "test2"],
    "truncated-mid-event": ["1", '{"tru'],
}
"""Vector -> the data that we read in it where the standard says otherwise."""


def _load_vectors() -> list[object]:
    if not VECTORS_FILE.exists():
        skip = pytest.mark.skip(reason="sse-vectors.json is not beside the project")
        return [pytest.param(b"", [], id="absent", marks=skip)]
    vectors = json.loads(VECTORS_FILE.read_text(encoding="utf-8"))["vectors"]
    return [
        pytest.param(
            vector["input_utf8"].encode(),
            DEVIATIONS.get(vector["name"], [event["data"] for event in vector["events"]]),
            id=vector["name"],
        )
        for vector in vectors
    ]


VECTORS = pytest.mark.parametrize(("stream", "data"), _load_vectors())


def _split(chunks: Iterable[bytes]) -> tuple[list[bytes], bytes]:
    splitter = FrameSplitter()
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    return frames, splitter.flush()


class _Pieces(io.BytesIO):
    """A stream that arrives in pieces, which end at these places."""

    def __init__(self, stream: bytes, edges: Iterable[int]) -> None:
        super().__init__(stream)
        self._edges = sorted({*edges, len(stream)})

    def read1(self, size: int | None = -1, /) -> bytes:
        """Read what has arrived."""
        position = self.tell()
        return super().read1(next((e for e in self._edges if e > position), position) - position)


def _decode(stream: bytes, edges: Iterable[int] = ()) -> list[str]:
    """The data of a stream's events as the backends read them."""
    response = requests.Response()
    response.status_code = 200
    response.raw = urllib3.HTTPResponse(_Pieces(stream, edges), preload_content=False)
    upstream = HttpUpstream("upstream", timeouts=Timeouts(), client=HttpClient())
    events = Answer(upstream, Exchange(), response=response).events()
    return [event.data for event in events if event.data is not None]


@VECTORS
def test_the_frames_of_a_vector_are_its_bytes(stream: bytes, data: list[str]) -> None:
    frames, rest = _split([stream])
    assert b"".join(frames) + rest == stream


@VECTORS
def test_a_vector_is_cut_alike_in_every_chunking(stream: bytes, data: list[str]) -> None:
    whole = _split([stream])
    assert _split(stream[i : i + 1] for i in range(len(stream))) == whole
    cuts = (i for i in range(len(stream)) if _split([stream[:i], stream[i:]]) != whole)
    assert list(cuts) == []


@VECTORS
def test_a_vector_decodes_to_its_events(stream: bytes, data: list[str]) -> None:
    assert _decode(stream) == data


@VECTORS
def test_a_vector_decodes_alike_in_every_chunking(stream: bytes, data: list[str]) -> None:
    places = range(1, len(stream))
    assert _decode(stream, places) == data
    assert [place for place in places if _decode(stream, [place]) != data] == []


@VECTORS
@given(edges=st.sets(st.integers(1, 400), max_size=12))
@settings(max_examples=25)
def test_a_vector_decodes_alike_in_any_chunking(
    stream: bytes, data: list[str], edges: set[int]
) -> None:
    assert _decode(stream, (edge for edge in edges if edge < len(stream))) == data


@pytest.mark.parametrize(
    ("stream", "frames", "rest"),
    [
        pytest.param(b"", [], b"", id="nothing"),
        pytest.param(b"data: 1\n\n", [b"data: 1\n\n"], b"", id="lf"),
        pytest.param(b"data: 1\r\n\r\n", [b"data: 1\r\n\r\n"], b"", id="crlf"),
        pytest.param(b"data: 1\r\rd", [b"data: 1\r\r"], b"d", id="cr"),
        pytest.param(b"data: 1\r\r", [], b"data: 1\r\r", id="cr-that-may-be-half-of-crlf"),
        pytest.param(b"data: 1\n\r\n", [b"data: 1\n\r\n"], b"", id="lf-crlf"),
        pytest.param(b"data: 1\r\n\n", [b"data: 1\r\n\n"], b"", id="crlf-lf"),
        pytest.param(b"data: 1\r\r\n", [b"data: 1\r\r\n"], b"", id="cr-crlf"),
        pytest.param(b"data: 1\r\ndata: 2\r\n", [], b"data: 1\r\ndata: 2\r\n", id="no-blank-line"),
        pytest.param(b": a\n\n: b\n\n", [b": a\n\n", b": b\n\n"], b"", id="comments"),
        pytest.param(b"data: 1\n\ndata", [b"data: 1\n\n"], b"data", id="cut"),
        pytest.param(b"\n\n\ndata\n\n", [b"\n\n", b"\ndata\n\n"], b"", id="stray-blank-lines"),
        pytest.param(b"data: \\n\\n\n\n", [b"data: \\n\\n\n\n"], b"", id="escapes-are-text"),
        pytest.param("é\u2028\x85\n\n".encode(), ["é\u2028\x85\n\n".encode()], b"", id="unicode"),
    ],
)
def test_a_frame_ends_with_its_blank_line(stream: bytes, frames: list[bytes], rest: bytes) -> None:
    assert _split([stream]) == (frames, rest)


_PIECES = st.lists(
    st.sampled_from([b"data: x", b"\n", b"\r", b"\r\n", b"\n\n", b":", "é".encode(), b""])
)


@given(pieces=_PIECES, cuts=st.lists(st.integers(0, 100)))
def test_any_stream_is_cut_alike_in_any_chunking(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[a:b] for a, b in zip(edges, edges[1:], strict=False)]
    frames, rest = _split(chunks)
    assert (frames, rest) == _split([stream])
    assert b"".join(frames) + rest == stream
    assert all(is_whole(frame) and not is_whole(frame[:-2]) for frame in frames)


def test_a_splitter_that_was_flushed_begins_anew() -> None:
    splitter = FrameSplitter()
    assert splitter.feed(b"data: cut") == []
    assert splitter.flush() == b"data: cut"
    assert splitter.flush() == b""
    assert splitter.feed(b"data: 1\n\n") == [b"data: 1\n\n"]


def test_a_frame_of_the_most_bytes_is_still_one() -> None:
    splitter = FrameSplitter()
    assert splitter.feed(b"x" * MAX_FRAME_BYTES) == []
    assert [len(frame) for frame in splitter.feed(b"\n\n")] == [MAX_FRAME_BYTES + 2]


def test_a_frame_without_end_is_refused() -> None:
    splitter = FrameSplitter()
    splitter.feed(b"x" * MAX_FRAME_BYTES)
    with pytest.raises(FrameTooLarge):
        splitter.feed(b"x")


@pytest.mark.parametrize(
    ("frame", "whole"),
    [
        (b"data: 1\n\n", True),
        (b"data: 1\r\n\r\n", True),
        (b"data: 1\r\r", True),
        (b"data: 1\r\n", False),
        (b"data: 1\n", False),
        (b"data: 1", False),
        (b"", False),
    ],
)
def test_a_frame_is_whole_with_its_blank_line(frame: bytes, whole: bool) -> None:
    assert is_whole(frame) is whole


def test_a_comment_is_a_whole_frame_without_data() -> None:
    frame = comment("keepalive")
    assert is_whole(frame)
    assert _decode(frame) == []


@pytest.mark.parametrize("tail", ["é".encode()[:1], b"\xff"], ids=["cut-in-a-character", "wrong"])
def test_bytes_that_are_not_utf_8_become_the_replacement_character(tail: bytes) -> None:
    assert _decode(b'data: {"a":"' + tail) == ['{"a":"\ufffd']
