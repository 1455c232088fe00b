"""Lua scripts: sent once, called by their digest."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, OutOfMemoryError, ResponseError

Argument = str | bytes | int | float


class Script:
    """One script, called with its keys and arguments."""

    def __init__(self, path: Path) -> None:
        self._source = path.read_text()
        self.sha = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    def call(self, redis: Redis, *, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run the script. A server that does not know it yet is sent it.

        Raises:
            redis.exceptions.OutOfMemoryError: Redis is full.
            redis.RedisError: Redis did not answer.
        """
        try:
            try:
                return redis.evalsha(self.sha, len(keys), *keys, *args)
            except NoScriptError:
                return redis.eval(self._source, len(keys), *keys, *args)
        except ResponseError as error:
            # Before 7.0 it is said within the error of the script.
            if "OOM command not allowed" in str(error):
                raise OutOfMemoryError(str(error)) from None
            raise


@dataclass(frozen=True)
class ScriptCall:
    """A script with what it is called with, to be run later."""

    script: Script
    keys: Sequence[str]
    args: Sequence[Argument]

    def run(self, redis: Redis) -> None:
        """Run it now.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        self.script.call(redis, keys=self.keys, args=self.args)
