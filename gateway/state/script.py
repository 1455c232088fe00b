"""Lua scripts: sent once, called by their digest."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from redis.exceptions import NoScriptError, OutOfMemoryError, ResponseError

Argument = str | bytes | int | float
Command = Sequence[Argument]


class Caller(Protocol):
    """Who calls scripts: a Redis client, or a `Pipe`."""

    def evalsha(self, sha: str, numkeys: int, /, *args: Argument) -> Any: ...
    def eval(self, script: str, numkeys: int, /, *args: Argument) -> Any: ...


class Script:
    """One script, called with its keys and arguments."""

    def __init__(self, path: Path) -> None:
        self._source = path.read_text()
        self.sha = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    def call(self, redis: Caller, *, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run the script. A server that does not know it yet is sent it.

        Raises:
            redis.exceptions.OutOfMemoryError: Redis is full.
            redis.RedisError: Redis did not answer.
        """
        try:
            try:
                return redis.evalsha(self.sha, len(keys), *keys, *args)
            except NoScriptError:
                return self.send(redis, keys=keys, args=args)
        except ResponseError as error:
            # Before 7.0 it is said within the error of the script.
            if "OOM command not allowed" in str(error):
                raise OutOfMemoryError(str(error)) from None
            raise

    def send(self, redis: Caller, *, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Send the script to a server that does not know it, and run it.

        Raises:
            redis.RedisError: Redis refused it or did not answer.
        """
        return redis.eval(self._source, len(keys), *keys, *args)


@dataclass(frozen=True)
class ScriptCall:
    """A script with what it is called with, to be run later."""

    script: Script
    keys: Sequence[str]
    args: Sequence[Argument]

    @property
    def command(self) -> Command:
        """What is sent to a Redis that knows the script."""
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)

    def send(self, redis: Caller) -> Any:
        """Send it with its source; see `Script.send`."""
        return self.script.send(redis, keys=self.keys, args=self.args)
