"""One connection to Redis that many threads share: what they send at the same time goes together.

Whoever finds nobody sending sends for all who wait by then, reads all answers and hands on. A
command alone goes out at once; under load a round trip carries dozens, at a fraction of the cost
that each would have with a connection of its own.
"""

import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import hiredis
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from gateway.state.script import Argument, Command

MAX_TOGETHER_BYTES = 1024 * 1024
"""Of commands that are sent together, up to the last one."""
_ONE_WRITE_BYTES = 16 * 1024
"""So much goes into a socket's buffer whole or not at all."""
_FOREVER = -1.0
_IDLE_S = 0.1
"""A connection that was not used for so long may have been closed meanwhile."""


class _Request:
    """Commands of one thread, and what became of them."""

    __slots__ = ("answers", "count", "data", "error", "leads", "wake")

    def __init__(self, commands: Sequence[Command]) -> None:
        self.data = b"".join(_pack(command) for command in commands)
        self.count = len(commands)
        self.answers: list[Any] = []
        self.error: BaseException | None = None
        self.leads = False
        """Whether its thread is to send next, instead of having been answered."""
        self.wake: threading.Lock | None = None


class Pipe:
    """Sends commands over a connection of its own, which it makes when it first needs it."""

    def __init__(self, redis: Redis) -> None:
        """
        Args:
            redis: its pool says how to connect, and how long an answer may take; none of its
                connections is used.
        """
        self._pool = redis.connection_pool
        self._wait_s: float = self._pool.connection_kwargs.get("socket_timeout") or _FOREVER
        self._connection: Any = None
        self._process = 0
        self._used_at = 0.0
        self._lock = threading.Lock()
        self._waiting: list[_Request] = []
        self._busy = False

    def evalsha(self, sha: str, numkeys: int, *args: Argument) -> Any:
        """Call a script, as `Redis.evalsha` does.

        Raises:
            redis.exceptions.ResponseError: Redis refused it, or does not know the script.
            redis.RedisError: Redis did not answer.
        """
        return self._one(("EVALSHA", sha, numkeys, *args))

    def eval(self, script: str, numkeys: int, *args: Argument) -> Any:
        """Send a script and call it; see `evalsha`."""
        return self._one(("EVAL", script, numkeys, *args))

    def execute(self, commands: Sequence[Command]) -> list[Any]:
        """Send some commands in order; a refused one gives its `ResponseError` as its answer.

        Raises:
            redis.RedisError: Redis did not answer, and may have done any of them.
        """
        request = _Request(commands)
        if self._leads_at_once(request) or self._leads_after_waiting(request):
            self._lead(request)
        if request.error is not None:
            raise request.error
        return request.answers

    def close(self) -> None:
        """Close the connection; the next command makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _one(self, command: Command) -> Any:
        answer = self.execute((command,))[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _leads_at_once(self, request: _Request) -> bool:
        with self._lock:
            if not self._busy:
                self._busy = True
                return True
            request.wake = threading.Lock()
            request.wake.acquire()
            self._waiting.append(request)
            return False

    def _leads_after_waiting(self, request: _Request) -> bool:
        """Wait for the answers, and tell whether to send instead, as nobody else does."""
        assert request.wake is not None
        if not request.wake.acquire(timeout=self._wait_s):
            with self._lock:
                if request in self._waiting:
                    self._waiting.remove(request)
            if not request.leads:
                raise RedisTimeout("Redis did not answer in time")
        return request.leads

    def _lead(self, request: _Request) -> None:
        group = [request]
        size_bytes = len(request.data)
        with self._lock:
            while self._waiting and size_bytes < MAX_TOGETHER_BYTES:
                group.append(self._waiting.pop(0))
                size_bytes += len(group[-1].data)
        try:
            self._exchange(group)
        except BaseException as error:  # noqa: BLE001 - whatever ends this thread, others wait
            self.close()
            with self._lock:
                # They wait for the same Redis, and would one after the other wait as long again.
                group += self._waiting
                self._waiting = []
            for unanswered in group:
                unanswered.error = error if isinstance(error, RedisError) else _broken(error)
            if not isinstance(error, RedisError | OSError):
                raise
        finally:
            for other in group[1:]:
                assert other.wake is not None
                other.wake.release()
            self._hand_on()

    def _hand_on(self) -> None:
        with self._lock:
            if not self._waiting:
                self._busy = False
                return
            following = self._waiting.pop(0)
            following.leads = True
        assert following.wake is not None
        following.wake.release()

    def _exchange(self, group: list[_Request]) -> None:
        connection = self._send(b"".join(one.data for one in group))
        for one in group:
            one.answers = [_answer(connection) for _ in range(one.count)]
        self._used_at = time.monotonic()

    def _send(self, data: bytes) -> Any:
        """Send and return the connection that was sent over.

        A connection that was closed before takes nothing of a single write, so that is sent again
        over another.
        """
        used, connection = self._connection, self._connected()
        try:
            connection.send_packed_command([data], check_health=False)
        except RedisConnectionError:
            if connection is not used or len(data) > _ONE_WRITE_BYTES:
                raise
            self.close()
            connection = self._connected()
            connection.send_packed_command([data], check_health=False)
        return connection

    def _connected(self) -> Any:
        if self._connection is None or self._is_stale():
            self.close()
            self._connection = self._pool.connection_class(**self._pool.connection_kwargs)
            self._process = os.getpid()
            self._connection.connect()
        return self._connection

    def _is_stale(self) -> bool:
        """Whether the connection was closed while nobody used it, or is another process's."""
        if self._process != os.getpid():
            self._connection = None
            return True
        if time.monotonic() - self._used_at < _IDLE_S:
            return False
        try:
            return bool(self._connection.can_read(timeout=0))
        except (RedisError, OSError):
            return True


def _pack(command: Command) -> bytes:
    # Its annotation forgets that it packs bytes, str, int and float.
    packed: bytes = hiredis.pack_command(tuple(command))  # type: ignore[arg-type]
    return packed


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error


def _broken(error: BaseException) -> RedisError:
    return RedisConnectionError(f"the connection broke: {error!r}")
