"""A pipe carries many threads' commands over one connection, and gives each its own answers."""

import threading
import time
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from gateway.state.connection import connect
from gateway.state.pipe import MAX_TOGETHER_BYTES, Pipe
from tests.contract.desk import Desk
from tests.support.redis_server import RedisServer


@pytest.fixture
def own() -> Iterator[RedisServer]:
    """A Redis that the test may kill."""
    server = RedisServer()
    server.start()
    yield server
    server.close()


def _pipe(redis: Redis) -> Pipe:
    return Pipe(redis)


def test_answers_come_in_the_order_of_the_commands(desk: Desk) -> None:
    answers = _pipe(desk.redis).execute([("SET", "a", "1"), ("GET", "a"), ("INCR", "a")])
    assert answers == [b"OK", b"1", 2]


def test_no_commands_give_no_answers(desk: Desk) -> None:
    assert _pipe(desk.redis).execute([]) == []


def test_refused_command_is_an_answer_like_others(desk: Desk) -> None:
    first, second = _pipe(desk.redis).execute([("LPUSH", "a"), ("SET", "b", "1")])
    assert (type(first), second) == (ResponseError, b"OK")


def test_unknown_script_is_raised(desk: Desk) -> None:
    with pytest.raises(NoScriptError):
        _pipe(desk.redis).evalsha("0" * 40, 0)


def test_script_gets_its_keys_and_arguments(desk: Desk) -> None:
    source = "return {KEYS[1], ARGV[1], ARGV[2]}"
    assert _pipe(desk.redis).eval(source, 1, "key", 7, b"\x00") == [b"key", b"7", b"\x00"]


def test_each_of_many_threads_gets_its_own_answers(desk: Desk) -> None:
    pipe = _pipe(desk.redis)
    wrong: list[str] = []

    def echo(name: str) -> None:
        for number in range(100):
            said = f"{name}-{number}"
            if pipe.execute([("ECHO", said), ("ECHO", said + "!")]) != [
                said.encode(),
                f"{said}!".encode(),
            ]:
                wrong.append(said)

    threads = [threading.Thread(target=echo, args=(f"t{n}",)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_one_connection_serves_them_all(desk: Desk) -> None:
    pipe = _pipe(desk.redis)
    before = desk.redis.info("clients")["connected_clients"]
    threads = [
        threading.Thread(target=pipe.execute, args=([("ECHO", "x")] * 50,)) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.redis.info("clients")["connected_clients"] == before + 1


def test_command_larger_than_a_group_goes_through(desk: Desk) -> None:
    large = b"x" * (2 * MAX_TOGETHER_BYTES)
    assert _pipe(desk.redis).execute([("ECHO", large)]) == [large]


def test_dead_redis_is_raised(own: RedisServer) -> None:
    pipe = _pipe(own.client())
    pipe.execute([("PING",)])
    own.kill()
    with pytest.raises(RedisConnectionError):
        pipe.execute([("PING",)])


def test_pipe_goes_on_when_redis_is_back(own: RedisServer) -> None:
    pipe = _pipe(own.client())
    pipe.execute([("PING",)])
    own.kill()
    with pytest.raises(RedisError):
        pipe.execute([("PING",)])
    own.start()
    assert pipe.execute([("PING",)]) == [b"PONG"]


def test_connection_that_was_closed_meanwhile_is_replaced(desk: Desk) -> None:
    pipe = _pipe(desk.redis)
    id = pipe.execute([("CLIENT", "ID")])[0]
    desk.redis.client_kill_filter(_id=id)
    assert pipe.execute([("PING",)]) == [b"PONG"]


def test_whoever_waits_for_a_stalled_redis_is_told_within_one_time_limit(own: RedisServer) -> None:
    pipe = Pipe(connect(own.url, answer_timeout_s=0.5))
    pipe.execute([("PING",)])
    took: list[float] = []

    def ask() -> None:
        began = time.monotonic()
        with pytest.raises(RedisTimeout):
            pipe.execute([("PING",)])
        took.append(time.monotonic() - began)

    own.stall()
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own.resume()
    assert len(took) == 8
    assert max(took) < 1.2
