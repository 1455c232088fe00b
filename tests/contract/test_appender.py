"""Writing frames: in groups, in order, and only those of the execution that counts."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.exceptions import OutOfMemoryError

from gateway.canonical.errors import Failure, Kind
from gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    NativeBody,
    NativeFrame,
    ReasoningDelta,
    Started,
    Stored,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from gateway.state.script import Script, ScriptCall
from gateway.transport.appender import (
    MAX_EVENT_BYTES,
    MAX_GROUP,
    MAX_GROUP_BYTES,
    MAX_LIST_FRAMES,
    Appender,
)
from gateway.transport.calls import Popped
from tests.contract.desk import OTHER_WORKER, WEB, WORKER, Desk
from tests.contract.pools import everything
from tests.support.polling import wait_for
from tests.support.redis_server import RedisServer

LARGE = NativeBody(b"x" * (MAX_EVENT_BYTES + 1))


def noted_output(desk: Desk, id: str) -> bool:
    return desk.redis.hget(desk.keys.record(id), "output") == b"1"


class TestOrder:
    def test_events_come_in_the_order_in_which_they_were_appended(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        sink = desk.sink(popped).sink
        sent = [TextDelta(str(number)) for number in range(1000)]
        with desk.appending() as appender:
            for event in sent:
                appender.append(sink, event)
        assert desk.events("t-1") == sent

    def test_events_of_many_calls_keep_the_order_of_each(self, desk: Desk) -> None:
        """More at once than one write takes, in turns."""
        sinks = [desk.sink(desk.run(f"t-{number}")).sink for number in range(40)]
        appender = Appender(desk.redis, desk.keys)
        for turn in range(20):
            for sink in sinks:
                appender.append(sink, TextDelta(f"{sink.call_id} {turn}"))
        appender.start()
        appender.stop()
        sent = {s.call_id: [TextDelta(f"{s.call_id} {t}") for t in range(20)] for s in sinks}
        assert {id: desk.events(id) for id in sent} == sent

    def test_threads_that_append_at_once_lose_nothing(self, desk: Desk) -> None:
        sinks = [desk.sink(desk.run(f"t-{number}")).sink for number in range(8)]
        with desk.appending() as appender:
            threads = [
                threading.Thread(
                    target=lambda sink=sink: [
                        appender.append(sink, TextDelta(str(number))) for number in range(200)
                    ]
                )
                for sink in sinks
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        sent = [TextDelta(str(number)) for number in range(200)]
        assert [desk.events(sink.call_id) for sink in sinks] == [sent] * 8

    def test_script_calls_come_after_what_was_appended_before(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        popped = desk.run("t-1")
        replies = desk.keys.replies(WEB)
        with desk.appending() as appender:
            appender.append(desk.sink(popped).sink, TextDelta("a"))
            appender.call(_call(tmp_path, "RPUSH", replies, "after"))
        assert desk.redis.lindex(replies, -1) == b"after"

    def test_script_call_that_fails_does_not_stop_those_behind_it(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        desk.redis.set("a-string", "1")
        with desk.appending() as appender:
            appender.call(_call(tmp_path, "LPUSH", "a-string", "a"))
            appender.call(_call(tmp_path, "SET", "behind", "1"))
        assert desk.redis.get("behind") == b"1"

    def test_script_that_redis_has_forgotten_is_sent_again(
        self, desk: Desk, tmp_path: Path
    ) -> None:
        call = _call(tmp_path, "INCRBY", "counted", "1")
        call.send(desk.redis)
        desk.redis.script_flush()
        with desk.appending() as appender:
            appender.call(call)
        assert desk.redis.get("counted") == b"2"


def _call(folder: Path, command: str, key: str, value: str) -> ScriptCall:
    """A script that sends one command."""
    script = folder / f"{command}.lua"
    script.write_text(f"return redis.call('{command}', KEYS[1], ARGV[1])")
    return ScriptCall(Script(script), keys=(key,), args=(value,))


class TestGroups:
    def test_events_that_wait_together_are_one_write(self, desk: Desk) -> None:
        sinks = [desk.sink(desk.run(f"t-{number}")).sink for number in range(MAX_GROUP)]
        appender = Appender(desk.redis, desk.keys)
        for sink in sinks:
            appender.append(sink, TextDelta("a"))
        desk.redis.config_resetstat()
        appender.start()
        appender.stop()
        assert desk.redis.info("commandstats")["cmdstat_evalsha"]["calls"] == 1

    def test_events_of_a_call_that_wait_together_are_one_frame(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        appender = Appender(desk.redis, desk.keys)
        for text in "abc":
            appender.append(desk.sink(popped).sink, TextDelta(text))
        appender.start()
        appender.stop()
        assert desk.frames() == [("t-1", [TextDelta("a"), TextDelta("b"), TextDelta("c")])]

    def test_no_write_is_larger_than_its_bound(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        appender = Appender(desk.redis, desk.keys)
        for _ in range(MAX_GROUP + 1):
            appender.append(desk.sink(popped).sink, TextDelta("a"))
        appender.start()
        appender.stop()
        assert [len(events) for _, events in desk.frames()] == [MAX_GROUP, 1]

    def test_no_write_is_larger_in_bytes_than_its_bound_and_one_event(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        event = TextDelta("x" * 100_000)
        appender = Appender(desk.redis, desk.keys)
        for _ in range(30):
            appender.append(desk.sink(popped).sink, event)
        appender.start()
        appender.stop()
        most = MAX_GROUP_BYTES // 100_000 + 1
        assert [len(events) for _, events in desk.frames()] == [most, most, 30 - 2 * most]

    def test_frames_of_one_write_go_to_the_process_of_each_call(self, desk: Desk) -> None:
        desk.submit("t-1", web="web-1")
        desk.submit("t-2", web="web-2")
        first, second = desk.pop()
        desk.start(first)
        desk.start(second)
        appender = Appender(desk.redis, desk.keys)
        appender.append(desk.sink(first, web="web-1").sink, TextDelta("a"))
        appender.append(desk.sink(second, web="web-2").sink, TextDelta("b"))
        appender.start()
        appender.stop()
        assert (desk.events("t-1", web="web-1"), desk.events("t-2", web="web-2")) == (
            [TextDelta("a")],
            [TextDelta("b")],
        )

    def test_call_whose_frames_are_not_taken_does_not_harm_others(self, desk: Desk) -> None:
        good, cancelled = desk.run("t-1"), desk.run("t-2")
        desk.cancel("t-2")
        appender = Appender(desk.redis, desk.keys)
        appender.append(desk.sink(cancelled).sink, TextDelta("a"))
        appender.append(desk.sink(good).sink, TextDelta("a"))
        appender.start()
        appender.stop()
        assert desk.frames() == [("t-1", [TextDelta("a")])]


class TestEpoch:
    def test_frames_of_a_stale_one_are_dropped(self, desk: Desk) -> None:
        stale = desk.run("t-1")
        desk.take_over(stale)
        (fresh,) = desk.pop(worker=OTHER_WORKER)
        desk.start(fresh, worker=OTHER_WORKER)
        desk.append(stale, TextDelta("stale"))
        desk.append(fresh, TextDelta("fresh"))
        assert desk.events("t-1") == [TextDelta("fresh")]

    def test_stale_execution_is_told(self, desk: Desk) -> None:
        stale = desk.run("t-1")
        desk.take_over(stale)
        assert desk.append(stale, TextDelta("stale")).times == 1

    def test_frames_before_the_start_are_dropped(self, desk: Desk) -> None:
        desk.submit("t-1")
        (popped,) = desk.pop()
        desk.append(popped, TextDelta("early"))
        assert desk.events("t-1") == []

    def test_stale_and_fresh_frames_of_one_write_are_told_apart(self, desk: Desk) -> None:
        """A worker that stood still has its own call again while its old execution still talks."""
        stale = desk.run("t-1")
        desk.take_over(stale)
        (fresh,) = desk.pop()
        desk.start(fresh)
        appender = Appender(desk.redis, desk.keys)
        appender.append(desk.sink(stale).sink, TextDelta("stale"))
        appender.append(desk.sink(fresh).sink, TextDelta("fresh"))
        appender.start()
        appender.stop()
        assert desk.events("t-1") == [TextDelta("fresh")]


class TestEnd:
    def test_terminal_event_takes_the_claim_away(self, desk: Desk) -> None:
        desk.append(desk.run("t-1"), Finished("stop"))
        assert desk.store.claims(WORKER) == {}

    def test_other_events_leave_the_claim(self, desk: Desk) -> None:
        desk.append(desk.run("t-1"), TextDelta("a"))
        assert list(desk.store.claims(WORKER)) == ["t-1"]

    def test_dropped_terminal_event_takes_the_claim_away_too(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.cancel("t-1")
        desk.append(popped, Finished("stop"))
        assert desk.store.claims(WORKER) == {}

    @pytest.mark.parametrize(
        "terminal",
        [Finished("stop"), Failed(Failure(kind=Kind.UPSTREAM, message="no", status=502))],
        ids=["finished", "failed"],
    )
    def test_terminal_event_removes_the_call(self, desk: Desk, terminal: Event) -> None:
        desk.append(desk.run("t-1"), terminal)
        assert desk.store.find("t-1") is None

    def test_frames_after_the_terminal_one_are_dropped(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        lost = desk.append(popped, Finished("stop"), TextDelta("late"))
        assert (desk.events("t-1"), lost.times) == ([Finished("stop")], 1)

    def test_second_terminal_event_is_dropped(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.append(popped, Finished("stop"), Finished("length"))
        assert desk.events("t-1") == [Finished("stop")]

    def test_events_after_the_terminal_one_of_the_same_write_are_dropped(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        sink = desk.sink(popped).sink
        appender = Appender(desk.redis, desk.keys)
        for event in (TextDelta("a"), Finished("stop"), TextDelta("late"), Finished("length")):
            appender.append(sink, event)
        appender.start()
        appender.stop()
        assert desk.events("t-1") == [TextDelta("a"), Finished("stop")]


class TestOutput:
    @pytest.mark.parametrize(
        ("event", "output"),
        [
            pytest.param(Started("m"), False, id="started"),
            pytest.param(TextDelta(""), False, id="empty-text"),
            pytest.param(Usage(1, 1), False, id="usage"),
            pytest.param(NativeFrame(b": ping\n\n", False), False, id="native-preamble"),
            pytest.param(TextDelta("a"), True, id="text"),
            pytest.param(ReasoningDelta("a"), True, id="reasoning"),
            pytest.param(ToolCallStarted(0, "a", "b"), True, id="tool-call"),
            pytest.param(NativeFrame(b"data: a\n\n", True), True, id="native-output"),
            pytest.param(NativeBody(b"{}"), True, id="native-body"),
            pytest.param(LARGE, True, id="large"),
        ],
    )
    def test_is_noted_with_its_first_event(self, desk: Desk, event: Event, output: bool) -> None:
        desk.append(desk.run("t-1"), event)
        assert noted_output(desk, "t-1") is output

    def test_stays_noted(self, desk: Desk) -> None:
        desk.append(desk.run("t-1"), TextDelta("a"), ToolCallDelta(0, ""))
        assert noted_output(desk, "t-1")

    def test_of_a_stale_execution_is_not_noted(self, desk: Desk) -> None:
        stale = desk.run("t-1")
        desk.take_over(stale)
        desk.append(stale, TextDelta("a"))
        assert not noted_output(desk, "t-1")


class TestNobodyReads:
    def test_execution_is_told(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.redis.delete(desk.keys.alive(WEB))
        assert desk.append(popped, TextDelta("a")).times == 1

    def test_call_is_removed(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.redis.delete(desk.keys.alive(WEB))
        desk.append(popped, TextDelta("a"))
        assert [key for key in desk.all_keys() if "t-1" in key] == []

    def test_nothing_is_put_into_the_list(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.redis.delete(desk.keys.alive(WEB))
        desk.append(popped, TextDelta("a"))
        assert desk.frames() == []

    def test_list_expires(self, desk: Desk) -> None:
        desk.append(desk.run("t-1"), TextDelta("a"))
        assert 0 < desk.redis.pttl(desk.keys.replies(WEB)) <= 60_000

    def test_list_has_a_longest_length(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.redis.rpush(desk.keys.replies(WEB), *[b"x"] * MAX_LIST_FRAMES)
        lost = desk.append(popped, TextDelta("a"))
        assert (lost.times, desk.redis.llen(desk.keys.replies(WEB))) == (1, MAX_LIST_FRAMES)


class TestLargeEvents:
    def stored(self, desk: Desk) -> bytes | None:
        (event,) = desk.events("t-1")
        assert isinstance(event, Stored)
        return desk.redis.get(event.key)

    def test_go_beside_the_list(self, desk: Desk) -> None:
        desk.append(desk.run("t-1"), LARGE)
        assert b"x" * (MAX_EVENT_BYTES + 1) in (self.stored(desk) or b"")

    def test_expire(self, desk: Desk) -> None:
        desk.append(desk.run("t-1"), LARGE)
        (blob,) = desk.redis.keys("*blob*")
        assert 0 < desk.redis.pttl(blob) <= 120_000

    def test_have_a_key_each(self, desk: Desk) -> None:
        desk.append(desk.run("t-1"), LARGE, LARGE)
        popped = desk.run("t-2")
        sink = desk.sink(popped).sink
        with desk.appending() as appender:
            appender.append(sink, LARGE)
            appender.append(sink, LARGE)
        keys = [event.key for event in desk.events("t-2") if isinstance(event, Stored)]
        assert len(set(keys)) == 2

    def test_that_are_not_taken_are_removed(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.cancel("t-1")
        desk.append(popped, LARGE)
        assert desk.redis.keys("*blob*") == []

    def test_of_a_smaller_size_go_through_the_list(self, desk: Desk) -> None:
        small = NativeBody(b"x" * (MAX_EVENT_BYTES - 100))
        desk.append(desk.run("t-1"), small)
        assert desk.events("t-1") == [small]


class TestRedisGone:
    def test_execution_is_told(self) -> None:
        server = RedisServer()
        server.start()
        try:
            desk = Desk(server.client())
            lost = desk.sink(desk.run("t-1"))
            server.kill()
            with desk.appending() as appender:
                appender.append(lost.sink, TextDelta("a"))
            assert lost.times == 1
        finally:
            server.close()

    def test_appender_goes_on_when_redis_is_back(self) -> None:
        server = RedisServer()
        server.start()
        try:
            desk = Desk(server.client())
            lost = desk.sink(desk.run("t-1"))
            with desk.appending() as appender:
                server.kill()
                appender.append(lost.sink, TextDelta("a"))
                wait_for(lambda: lost.times, what="the loss")
                server.start()
                server.client().flushall()
                appender.append(desk.sink(desk.run("t-2")).sink, TextDelta("b"))
            assert desk.events("t-2") == [TextDelta("b")]
        finally:
            server.close()

    def test_redis_that_forgot_its_scripts_is_sent_them(self, desk: Desk) -> None:
        popped = desk.run("t-1")
        desk.redis.script_flush()
        desk.append(popped, TextDelta("a"))
        assert desk.events("t-1") == [TextDelta("a")]

    def test_execution_that_met_it_tells_nothing_more_of_the_answer(self) -> None:
        """There may be a gap; what ends the call is an error, whatever the execution says."""
        server = RedisServer()
        server.start()
        try:
            desk = Desk(server.client())
            popped = desk.run("t-1")
            lost = desk.sink(popped)
            server.client().shutdown(nosave=False)
            server.kill()
            with desk.appending() as appender:
                appender.append(lost.sink, TextDelta("lost"))
                wait_for(lambda: lost.times, what="the loss")
                server.start()
                desk.redis.set(desk.keys.alive(WEB), "1", px=6000)
                appender.append(lost.sink, TextDelta("behind the gap"))
                appender.append(lost.sink, Finished("stop"))
            (event,) = desk.events("t-1")
            assert isinstance(event, Failed)
        finally:
            server.close()


class TestRedisFull:
    @pytest.fixture
    def running(self, desk: Desk) -> Iterator[Popped]:
        """A call that was begun while there was memory."""
        popped = desk.run("t-1")
        desk.redis.config_set("maxmemory", "1")
        yield popped
        desk.redis.config_set("maxmemory", "0")

    def test_execution_is_told(self, desk: Desk, running: Popped) -> None:
        assert desk.append(running, TextDelta("a")).times == 1

    def test_reader_is_told_the_end(self, desk: Desk, running: Popped) -> None:
        desk.append(running, Finished("stop"))
        assert desk.events("t-1") == [Finished("stop")]

    def test_ended_call_is_removed(self, desk: Desk, running: Popped) -> None:
        desk.append(running, Finished("stop"))
        assert [key for key in desk.all_keys() if "t-1" in key] == []

    def test_refused_submission_leaves_nothing(self, desk: Desk, running: Popped) -> None:
        before = desk.all_keys()
        with pytest.raises(redis.RedisError):
            desk.submit("t-2")
        assert desk.all_keys() == before

    def test_refused_submission_says_why(self, desk: Desk, running: Popped) -> None:
        with pytest.raises(OutOfMemoryError):
            desk.submit("t-2")


def test_text_of_an_answer_is_in_redis_only_while_it_is_not_read(desk: Desk) -> None:
    desk.append(desk.run("t-1"), TextDelta("of the answer"), Finished("stop"))
    desk.redis.delete(desk.keys.replies(WEB))
    assert "of the answer" not in everything(desk.redis)
