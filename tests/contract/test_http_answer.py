"""Reading an upstream's answer over real sockets: at once, whole, and only when it was whole."""

import gzip
import threading
import zlib
from collections.abc import Callable

import pytest

from backends.http import MAX_ERROR_BYTES, Answer
from gateway.canonical.errors import Kind, Next, UpstreamError
from tests.contract.sockets import (
    Peer,
    RawServer,
    Serve,
    failed_post,
    make_execution,
    make_upstream,
    post,
)
from tests.support import answers, fake_upstream
from tests.support.fake_upstream import FakeUpstream

FRAMINGS = ["chunked", "close", "length"]
FIRST = b"data: 1\n\n"
SECOND = b"data: 2\n\n"

Start = Callable[[Serve], RawServer]


def frames_of(answer: Answer) -> list[bytes]:
    return [event.frame for event in answer.events()]


def scripted(
    fake: FakeUpstream, *pieces: fake_upstream.Piece, framing: str, **fields: object
) -> str:
    """Script one answer and return where it is given."""
    answer = fake_upstream.Answer(
        headers=(answers.EVENT_STREAM,), body=pieces, framing=framing, **fields
    )
    fake.script = fake_upstream.in_order(answer)
    return fake.url


class TestNothingIsHeldBack:
    """The server sends no second piece before the first was read: who waits for more hangs."""

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_event_is_there_before_the_next_is_sent(self, fake: FakeUpstream, framing: str) -> None:
        acknowledged = threading.Event()
        url = scripted(fake, FIRST, acknowledged, SECOND, framing=framing)

        def read(answer: Answer) -> list[bytes]:
            frames = []
            for event in answer.events():
                frames.append(event.frame)
                acknowledged.set()
            return frames

        assert post(make_upstream(), url, read) == [FIRST, SECOND]

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_headers_are_there_before_the_body_is_sent(
        self, fake: FakeUpstream, framing: str
    ) -> None:
        acknowledged = threading.Event()
        url = scripted(fake, acknowledged, FIRST, framing=framing)

        def read(answer: Answer) -> list[bytes]:
            acknowledged.set()
            return frames_of(answer)

        assert post(make_upstream(), url, read) == [FIRST]

    def test_event_of_a_compressed_stream_is_there_before_the_next_is_sent(
        self, fake: FakeUpstream
    ) -> None:
        acknowledged = threading.Event()
        packer = zlib.compressobj(wbits=31)
        first = packer.compress(FIRST) + packer.flush(zlib.Z_SYNC_FLUSH)
        second = packer.compress(SECOND) + packer.flush()
        fake.script = fake_upstream.in_order(
            fake_upstream.Answer(
                headers=(("Content-Encoding", "gzip"),),
                body=(first, acknowledged, second),
                framing="chunked",
            )
        )

        def read(answer: Answer) -> list[bytes]:
            frames = []
            for event in answer.events():
                frames.append(event.frame)
                acknowledged.set()
            return frames

        assert post(make_upstream(), fake.url, read) == [FIRST, SECOND]


class TestEvents:
    @pytest.mark.parametrize("framing", FRAMINGS)
    @pytest.mark.parametrize("size", [1, 3, 10_000])
    def test_frames_do_not_depend_on_how_they_are_sent(
        self, fake: FakeUpstream, framing: str, size: int
    ) -> None:
        sent = b': hello\n\nevent: x\r\ndata: {"a":"\xc3\xa9"}\r\n\r\ndata: last\n\n'
        pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
        url = scripted(fake, *pieces, framing=framing)
        assert post(make_upstream(), url, frames_of) == [
            b": hello\n\n",
            b'event: x\r\ndata: {"a":"\xc3\xa9"}\r\n\r\n',
            b"data: last\n\n",
        ]

    def test_events_of_one_packet_come_one_by_one(self, fake: FakeUpstream) -> None:
        url = scripted(fake, FIRST + SECOND, framing="chunked")
        assert post(make_upstream(), url, frames_of) == [FIRST, SECOND]

    @pytest.mark.parametrize(
        ("frame", "data"),
        [
            pytest.param(b"data: a\n\n", "a", id="one-line"),
            pytest.param(b"data:a\ndata:b\n\n", "a\nb", id="two-lines"),
            pytest.param(b": ping\n\n", None, id="comment"),
            pytest.param(b"event: x\n\n", None, id="no-data"),
            pytest.param("data: é\n\n".encode(), "é", id="unicode"),
            pytest.param(b"\xef\xbb\xbfdata: a\n\n", "a", id="byte-order-mark"),
            pytest.param(b"data: \xff\n\n", "\ufffd", id="not-utf-8"),
            pytest.param(
                b"data: \xff\ndata: a\n\n",
                "\ufffd\na",
                id="not-utf-8-in-two-lines",
            ),
        ],
    )
    def test_data_is_decoded(self, fake: FakeUpstream, frame: bytes, data: str | None) -> None:
        url = scripted(fake, frame, framing="chunked")
        read = post(make_upstream(), url, lambda answer: [e.data for e in answer.events()])
        assert read == [data]

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_last_frame_without_its_blank_line_is_there(
        self, fake: FakeUpstream, framing: str
    ) -> None:
        url = scripted(fake, FIRST, b"data: [DONE]", framing=framing)
        assert post(make_upstream(), url, frames_of) == [FIRST, b"data: [DONE]"]

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_empty_body_has_no_events(self, fake: FakeUpstream, framing: str) -> None:
        url = scripted(fake, framing=framing)
        assert post(make_upstream(), url, frames_of) == []

    def test_frame_without_an_end_is_an_error(self, raw_server: Start) -> None:
        def serve(peer: Peer) -> None:
            peer.answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            while True:
                peer.sock.sendall(b"x" * 1_000_000)

        error = failed_post(make_upstream(), raw_server(serve).url, frames_of)
        assert error.failure.message.endswith("a frame of its stream has no end")


class TestCut:
    """A connection that closes before the answer's end."""

    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param(b"9\r\ndata: 1\n\n\r\n9\r\nda", id="inside-a-chunk"),
            pytest.param(b"9\r\ndata: 1\n\n\r\n9\r", id="inside-a-size"),
            pytest.param(b"9\r\ndata: 1\n\n\r\n", id="between-chunks"),
            pytest.param(b"9\r\ndata: 1\n\n\r\nnonsense\r\n", id="a-size-that-is-none"),
        ],
    )
    def test_chunked_answer_is_an_error_after_its_events(
        self, raw_server: Start, sent: bytes
    ) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        server = raw_server(lambda peer: peer.answer(head + sent))
        frames: list[bytes] = []
        error = failed_post(
            make_upstream(), server.url, lambda a: [frames.append(e.frame) for e in a.events()]
        )
        assert (frames, error.failure.kind) == ([FIRST], Kind.UPSTREAM)

    def test_answer_that_is_shorter_than_its_length_is_an_error(self, raw_server: Start) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
        server = raw_server(lambda peer: peer.answer(head + FIRST))
        frames: list[bytes] = []
        error = failed_post(
            make_upstream(), server.url, lambda a: [frames.append(e.frame) for e in a.events()]
        )
        assert (frames, error.failure.kind) == ([FIRST], Kind.UPSTREAM)

    def test_body_that_is_shorter_than_its_length_is_an_error(self, raw_server: Start) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
        server = raw_server(lambda peer: peer.answer(head + b"{}"))
        error = failed_post(make_upstream(), server.url)
        assert error.failure.message == (
            "acme could not be reached or broke off: "
            "the connection closed in the middle of the answer"
        )

    def test_answer_that_ends_with_its_connection_just_ends(self, fake: FakeUpstream) -> None:
        """Whether it was whole is for its dialect to say."""
        url = scripted(fake, FIRST + b"data: 2", framing="close")
        assert post(make_upstream(), url, frames_of) == [FIRST, b"data: 2"]

    @pytest.mark.parametrize("header", [b"Transfer-Encoding: chunked", b"Connection: close"])
    def test_reset_connection_is_an_error(self, raw_server: Start, header: bytes) -> None:
        read_by_client = threading.Event()

        def serve(peer: Peer) -> None:
            peer.answer(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n9\r\ndata: 1\n\n\r\n")
            read_by_client.wait(10)
            peer.reset()

        def read(answer: Answer) -> None:
            for _ in answer.events():
                read_by_client.set()

        error = failed_post(make_upstream(), raw_server(serve).url, read)
        assert error.failure.message.endswith(": connection reset")

    def test_next_candidate_may_be_tried(self, raw_server: Start) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
        server = raw_server(lambda peer: peer.answer(head))
        error = failed_post(make_upstream(), server.url)
        assert (error.next, error.failure.status) == (Next.CANDIDATE, 502)


class TestBody:
    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_body_is_read_whole(self, fake: FakeUpstream, framing: str) -> None:
        body = bytes(range(256)) * 2000
        url = scripted(fake, body[:7], body[7:], framing=framing)
        assert post(make_upstream(), url, lambda answer: answer.body()) == body

    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    @pytest.mark.parametrize("size", [1, 100_000])
    def test_compressed_body_is_decoded(self, fake: FakeUpstream, encoding: str, size: int) -> None:
        body = b'{"a":"' + b"x" * 5000 + b'"}'
        packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
        fake.script = fake_upstream.in_order(
            fake_upstream.Answer(
                headers=(("Content-Encoding", encoding),),
                body=[packed[start : start + size] for start in range(0, len(packed), size)],
                framing="chunked",
            )
        )
        assert post(make_upstream(), fake.url, lambda answer: answer.body()) == body

    def test_body_that_cannot_be_unpacked_is_an_error(self, fake: FakeUpstream) -> None:
        fake.script = fake_upstream.in_order(
            fake_upstream.Answer(headers=(("Content-Encoding", "gzip"),), body=[b"not gzip"])
        )
        assert failed_post(make_upstream(), fake.url).failure.kind == Kind.UPSTREAM

    def test_body_of_the_longest_length_is_read(self, fake: FakeUpstream) -> None:
        url = scripted(fake, b"x" * 1000, framing="chunked")
        read = post(make_upstream(), url, lambda answer: answer.body(limit=1000))
        assert read == b"x" * 1000

    @pytest.mark.parametrize("framing", FRAMINGS)
    def test_longer_body_is_an_error(self, fake: FakeUpstream, framing: str) -> None:
        url = scripted(fake, b"x" * 1001, framing=framing)
        error = failed_post(make_upstream(), url, lambda answer: answer.body(limit=1000))
        assert error.failure.message.endswith(": its answer is longer than 1000 bytes")

    def test_body_that_never_ends_is_an_error(self, raw_server: Start) -> None:
        def serve(peer: Peer) -> None:
            peer.answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            while True:
                peer.sock.sendall(b"x" * 100_000)

        url = raw_server(serve).url
        error = failed_post(make_upstream(), url, lambda answer: answer.body(limit=1_000_000))
        assert error.failure.message.endswith(": its answer is longer than 1000000 bytes")

    def test_body_that_unpacks_to_more_than_the_limit_is_an_error(self, fake: FakeUpstream) -> None:
        fake.script = fake_upstream.in_order(
            fake_upstream.Answer(
                headers=(("Content-Encoding", "gzip"),), body=[gzip.compress(bytes(50_000_000))]
            )
        )
        error = failed_post(make_upstream(), fake.url, lambda answer: answer.body(limit=1_000_000))
        assert error.failure.message.endswith(": its answer is longer than 1000000 bytes")

    def test_body_of_an_error_is_cut_to_what_is_of_use(self, fake: FakeUpstream) -> None:
        url = scripted(fake, b"x" * (MAX_ERROR_BYTES + 1), framing="chunked")
        read = post(make_upstream(), url, lambda answer: answer.error_body())
        assert read == b"x" * MAX_ERROR_BYTES


class TestHead:
    def test_status_is_the_upstreams(self, fake: FakeUpstream) -> None:
        fake.script = fake_upstream.in_order(fake_upstream.Answer(status=418))
        assert post(make_upstream(), fake.url, lambda answer: answer.status) == 418

    def test_names_of_headers_are_in_lower_case(self, fake: FakeUpstream) -> None:
        answer = fake_upstream.Answer(headers=(("Retry-AFTER", "7"),))
        fake.script = fake_upstream.in_order(answer)
        read = post(make_upstream(), fake.url, lambda answer: answer.headers["retry-after"])
        assert read == "7"

    @pytest.mark.parametrize(
        ("content_type", "expected"),
        [
            ("application/json", True),
            ("application/json; charset=utf-8", True),
            ("Application/JSON", True),
            ("text/event-stream", False),
            ("", False),
        ],
    )
    def test_one_document_is_told_from_other_answers(
        self, fake: FakeUpstream, content_type: str, expected: bool
    ) -> None:
        answer = fake_upstream.Answer(headers=(("Content-Type", content_type),))
        fake.script = fake_upstream.in_order(answer)
        read = post(make_upstream(), fake.url, lambda answer: answer.is_json)
        assert read is expected

    def test_answer_that_comes_before_the_request_was_read_is_handed_out(
        self, raw_server: Start
    ) -> None:
        def serve(peer: Peer) -> None:
            peer.read_head()
            peer.sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            peer.read_until_closed()

        read = post(
            make_upstream(),
            raw_server(serve).url,
            lambda answer: answer.status,
            body=b"x" * 5_000_000,
        )
        assert read == 413

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_is_not_followed(self, fake: FakeUpstream, status: int) -> None:
        answer = fake_upstream.Answer(status, headers=(("Location", f"{fake.url}/elsewhere"),))
        fake.script = fake_upstream.in_order(answer)
        assert post(make_upstream(), fake.url, lambda answer: answer.status) == status
        assert len(fake.requests) == 1


def test_request_is_sent_as_given(fake: FakeUpstream) -> None:
    fake.script = fake_upstream.in_order(fake_upstream.Answer())
    body = '{"a": "é"}'.encode()
    with make_upstream().post(
        f"{fake.url}/v1/chat?x=1", headers={"X-Y": "z"}, body=body, execution=make_execution()
    ):
        pass
    (request,) = fake.requests
    sent = (request.method, request.path, request.header("x-y"), request.body)
    assert sent == ("POST", "/v1/chat?x=1", "z", body)


def test_error_raised_while_the_answer_is_read_passes_as_it_is(fake: FakeUpstream) -> None:
    fake.script = fake_upstream.in_order(answers.stream("a"))
    mine = UpstreamError(
        failed_post(make_upstream(), "http://127.0.0.1:1/").failure, next=Next.SURFACE
    )

    def read(_answer: Answer) -> None:
        raise mine

    assert failed_post(make_upstream(), fake.url, read) is mine
