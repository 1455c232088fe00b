"""Reading a web process's reply list: each event to its own call's follower, nobody held up."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
import redis

from gateway.canonical.errors import Kind
from gateway.canonical.events import (
    AnyEvent,
    Event,
    Failed,
    Finished,
    NativeBody,
    Started,
    TextDelta,
    encode_event,
    is_terminal,
)
from gateway.transport.appender import MAX_EVENT_BYTES
from gateway.transport.frame import decode_frame, encode_frame, single_event_frame
from gateway.transport.replies import MAX_STORED_BYTES, MAX_UNREAD_BYTES, Follower, Replies
from tests.contract.desk import DIED, OTHER_WORKER, WEB, Desk
from tests.support.polling import wait_for
from tests.support.redis_server import RedisServer

WAIT_S = 10.0
ALMOST_LARGE = MAX_EVENT_BYTES - 1000


@dataclass
class Reader:
    """The reader of one web process, and the calls that it cancelled."""

    redis: redis.Redis
    key: str
    cancelled: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.replies = Replies(
            self.redis, blobs=self.redis, key=self.key, cancel=self.cancelled.append
        )

    def stop(self) -> None:
        """Stop it, and give it something to wake up for."""
        self.replies.stop()
        with suppress(redis.RedisError):
            self.redis.rpush(self.key, b"")


@pytest.fixture
def start_reader() -> Iterator[Callable[[redis.Redis, str], Reader]]:
    """Starts readers, and waits at the end until they have stopped."""
    readers: list[Reader] = []

    def start(client: redis.Redis, key: str) -> Reader:
        reader = Reader(client, key)
        reader.replies.start()
        readers.append(reader)
        return reader

    before = set(threading.enumerate())
    yield start
    for reader in readers:
        reader.stop()
    for thread in set(threading.enumerate()) - before:
        thread.join(WAIT_S)
    for reader in readers:
        reader.redis.close()


@pytest.fixture
def reader(
    desk: Desk,
    redis_server: RedisServer,
    start_reader: Callable[[redis.Redis, str], Reader],
) -> Reader:
    """The reader of the desk's web process."""
    return start_reader(redis_server.client(), desk.keys.replies(WEB))


def read_all(follower: Follower) -> list[AnyEvent]:
    """Follow a call to its terminal event."""
    events: list[AnyEvent] = []
    while not events or not is_terminal(events[-1]):
        batch = follower.next_events(timeout_s=WAIT_S)
        assert batch is not None, f"silence after {events}"
        events += batch
    return events


class TestFollow:
    def test_call_is_followed_from_its_submission_to_its_end(
        self, desk: Desk, reader: Reader
    ) -> None:
        follower = reader.replies.expect("t-1")
        popped = desk.run("t-1")
        sent = [Started("acme:m"), TextDelta("a"), TextDelta("b"), Finished("stop")]
        desk.append(popped, *sent)
        assert read_all(follower) == sent

    def test_calls_are_told_apart(self, desk: Desk, reader: Reader) -> None:
        ids = [f"t-{number}" for number in range(20)]
        followers = {id: reader.replies.expect(id) for id in ids}
        sinks = [desk.sink(desk.run(id)).sink for id in ids]
        with desk.appending() as appender:
            for event in (TextDelta("a"), TextDelta("b"), Finished("stop")):
                for sink in sinks:
                    appender.append(sink, event)
        read = {id: read_all(follower) for id, follower in followers.items()}
        assert read == dict.fromkeys(ids, [TextDelta("a"), TextDelta("b"), Finished("stop")])

    def test_many_frames_at_once_keep_their_order(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        popped = desk.run("t-1")
        sent = [TextDelta(str(number)) for number in range(3000)]
        sink = desk.sink(popped).sink
        with desk.appending() as appender:
            for event in [*sent, Finished("stop")]:
                appender.append(sink, event)
        assert read_all(follower) == [*sent, Finished("stop")]

    def test_silence_is_none(self, reader: Reader) -> None:
        assert reader.replies.expect("t-1").next_events(timeout_s=0.01) is None

    def test_call_that_was_taken_over_is_followed_on(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        desk.take_over(desk.run("t-1"))
        (popped,) = desk.pop(worker=OTHER_WORKER)
        desk.start(popped, worker=OTHER_WORKER)
        desk.append(popped, TextDelta("a"), Finished("stop"))
        assert read_all(follower) == [TextDelta("a"), Finished("stop")]

    def test_call_of_a_dead_worker_ends_with_one_error(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        popped = desk.run("t-1")
        desk.append(popped, TextDelta("a"))
        desk.take_over(popped)
        assert read_all(follower) == [TextDelta("a"), Failed(DIED)]

    def test_frames_of_an_unknown_call_are_dropped(self, desk: Desk, reader: Reader) -> None:
        desk.append(desk.run("t-2"), TextDelta("nobody's"))
        follower = reader.replies.expect("t-1")
        desk.append(desk.run("t-1"), Finished("stop"))
        assert read_all(follower) == [Finished("stop")]

    def test_frame_that_cannot_be_read_is_dropped(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        desk.redis.rpush(desk.keys.replies(WEB), b"\xc1 is no msgpack")
        desk.append(desk.run("t-1"), Finished("stop"))
        assert read_all(follower) == [Finished("stop")]

    def test_follower_that_closed_is_forgotten(self, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        follower.close()
        follower.close()
        assert reader.replies.fail_all(DIED) == []

    def test_open_calls_can_all_be_ended(self, reader: Reader) -> None:
        followers = [reader.replies.expect(id) for id in ("t-1", "t-2")]
        assert reader.replies.fail_all(DIED) == ["t-1", "t-2"]
        assert [follower.next_events(timeout_s=WAIT_S) for follower in followers] == [
            [Failed(DIED)],
            [Failed(DIED)],
        ]


class TestLargeEvents:
    LARGE = NativeBody(b"x" * 3_000_000)

    def test_are_put_back_in_their_place(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        sent = [Started("m"), self.LARGE, Finished("stop")]
        desk.append(desk.run("t-1"), *sent)
        assert read_all(follower) == sent

    def test_are_removed_by_their_reader(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        desk.append(desk.run("t-1"), self.LARGE, Finished("stop"))
        read_all(follower)
        assert desk.redis.keys("*blob*") == []

    def test_that_are_lost_end_the_call(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        desk.append(desk.run("t-1"), self.LARGE)
        desk.redis.delete(*desk.redis.keys("*blob*"))
        (event,) = follower.next_events(timeout_s=WAIT_S) or []
        assert isinstance(event, Failed)


class TestBounds:
    def flood(self, desk: Desk, reader: Reader, id: str) -> list[Event]:
        """Append more to a call than may be unread, and wait until that was noticed."""
        events: list[Event] = [
            TextDelta("x" * ALMOST_LARGE) for _ in range(MAX_UNREAD_BYTES // ALMOST_LARGE + 2)
        ]
        desk.append(desk.run(id), *events)
        wait_for(lambda: reader.cancelled, what="the cancellation")
        return events

    def test_call_over_its_bound_ends_with_an_error(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        self.flood(desk, reader, "t-1")
        last = read_all(follower)[-1]
        assert isinstance(last, Failed)
        assert (last.failure.kind, last.failure.status) == (Kind.OVERLOADED, 503)

    def test_call_over_its_bound_is_not_read_on_behind_a_gap(
        self, desk: Desk, reader: Reader
    ) -> None:
        follower = reader.replies.expect("t-1")
        sent = self.flood(desk, reader, "t-1")
        read = read_all(follower)
        assert read[:-1] == sent[: len(read) - 1]

    def test_call_over_its_bound_is_cancelled(self, desk: Desk, reader: Reader) -> None:
        reader.replies.expect("t-1")
        self.flood(desk, reader, "t-1")
        assert reader.cancelled == ["t-1"]

    def test_call_over_its_bound_ends_alone(self, desk: Desk, reader: Reader) -> None:
        slow, other = (reader.replies.expect(id) for id in ("t-1", "t-2"))
        self.flood(desk, reader, "t-1")
        desk.append(desk.run("t-2"), Finished("stop"))
        assert (read_all(other), isinstance(read_all(slow)[-1], Failed)) == (
            [Finished("stop")],
            True,
        )

    def stored(self, desk: Desk, reader: Reader, *sizes: int) -> Follower:
        """Have large events of these sizes waiting beside the list."""
        follower = reader.replies.expect("t-1")
        for size in sizes:
            frame = encode_frame("t-1", [encode_event(TextDelta("a"))], stored_bytes=size)
            desk.redis.rpush(desk.keys.replies(WEB), frame)
        return follower

    def test_call_over_its_bound_of_stored_events_ends(self, desk: Desk, reader: Reader) -> None:
        follower = self.stored(desk, reader, 1, MAX_STORED_BYTES)
        wait_for(lambda: reader.cancelled, what="the cancellation")
        last = read_all(follower)[-1]
        assert isinstance(last, Failed)

    def test_single_stored_event_may_be_larger_than_the_bound(
        self, desk: Desk, reader: Reader
    ) -> None:
        follower = self.stored(desk, reader, MAX_STORED_BYTES + 1)
        assert follower.next_events(timeout_s=WAIT_S) == [TextDelta("a")]

    def test_call_that_reads_may_have_any_length(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        popped = desk.run("t-1")
        sizes = []
        for _ in range(2 * MAX_UNREAD_BYTES // ALMOST_LARGE):
            desk.append(popped, TextDelta("x" * ALMOST_LARGE))
            sizes += [type(event) for event in follower.next_events(timeout_s=WAIT_S) or []]
        assert set(sizes) == {TextDelta}

    def test_nothing_is_unread_once_all_is_read(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        desk.append(desk.run("t-1"), TextDelta("a"), Finished("stop"))
        read_all(follower)
        assert reader.replies.unread_bytes == 0

    def test_nothing_is_unread_once_the_follower_closed(self, desk: Desk, reader: Reader) -> None:
        follower = reader.replies.expect("t-1")
        desk.append(desk.run("t-1"), TextDelta("a"))
        wait_for(lambda: reader.replies.unread_bytes, what="the frame")
        follower.close()
        assert reader.replies.unread_bytes == 0

    def test_frame_that_meets_the_close_is_not_counted(self, reader: Reader) -> None:
        """The reader has looked the follower up, and then the client leaves."""
        follower = reader.replies.expect("t-1")
        follower.close()
        follower.put(decode_frame(single_event_frame("t-1", TextDelta("late"))))
        assert reader.replies.unread_bytes == 0


class TestRedisKilled:
    @pytest.fixture
    def server(self) -> Iterator[RedisServer]:
        server = RedisServer()
        server.start()
        yield server
        server.close()

    @pytest.fixture
    def desk(self, server: RedisServer) -> Desk:
        return Desk(server.client())

    @pytest.fixture
    def reader(
        self,
        desk: Desk,
        server: RedisServer,
        start_reader: Callable[[redis.Redis, str], Reader],
    ) -> Reader:
        return start_reader(server.client(), desk.keys.replies(WEB))

    def lose(self, server: RedisServer, reader: Reader, *ids: str) -> list[AnyEvent]:
        """Kill Redis under open calls and return the last event of each."""
        followers = [reader.replies.expect(id) for id in ids]
        server.kill()
        return [read_all(follower)[-1] for follower in followers]

    def test_followers_get_a_failure(self, server: RedisServer, reader: Reader) -> None:
        events = self.lose(server, reader, "t-1", "t-2")
        told = [
            (event.failure.kind, event.failure.status)
            for event in events
            if isinstance(event, Failed)
        ]
        assert told == [(Kind.UNAVAILABLE, 503)] * 2

    def test_calls_are_cancelled(self, server: RedisServer, reader: Reader) -> None:
        self.lose(server, reader, "t-1", "t-2")
        wait_for(lambda: len(reader.cancelled) == 2, what="both cancellations")
        assert sorted(reader.cancelled) == ["t-1", "t-2"]

    @pytest.mark.parametrize("data", ["kept", "lost"])
    def test_reader_goes_on_when_redis_is_back(
        self, server: RedisServer, desk: Desk, reader: Reader, data: str
    ) -> None:
        self.lose(server, reader, "t-1")
        if data == "lost":
            server.forget()
        server.start()
        events = self.events_of_new_calls(desk, reader)
        assert events == [TextDelta("a"), Finished("stop")]

    def events_of_new_calls(self, desk: Desk, reader: Reader) -> list[AnyEvent]:
        """Of the first call that is not ended by the reader's last failure to reach Redis."""
        for number in range(2, 12):
            follower = reader.replies.expect(f"t-{number}")
            desk.append(desk.run(f"t-{number}"), TextDelta("a"), Finished("stop"))
            events = read_all(follower)
            if not isinstance(events[-1], Failed):
                return events
        return events
