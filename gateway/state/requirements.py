"""What a Redis must be for calls and marks to be safe in it."""

import logging

from redis import Redis
from redis.exceptions import ResponseError

MINIMUM_VERSION = (6, 2)

log = logging.getLogger(__name__)


def unmet_requirements(redis: Redis) -> list[str]:
    """List what is wrong with a Redis, each with its remedy; empty = nothing.

    A server that does not tell (some hosted ones refuse INFO) is given the benefit of the doubt,
    with a warning in the log.

    Raises:
        redis.RedisError: Redis did not answer.
    """
    try:
        info = redis.info()
    except ResponseError as error:
        log.warning("Redis does not say what it is (%s); it must be 6.2 with noeviction", error)
        return []
    return [
        problem
        for problem in (
            _version_problem(str(info.get("redis_version", ""))),
            _eviction_problem(info.get("maxmemory_policy")),
        )
        if problem
    ]


def _version_problem(version: str) -> str | None:
    numbers = version.split(".")[:2]
    if not all(number.isdigit() for number in numbers) or len(numbers) < 2:
        log.warning("Redis does not tell its version; it must be 6.2 or newer")
        return None
    if (int(numbers[0]), int(numbers[1])) >= MINIMUM_VERSION:
        return None
    return f"Redis is version {version}; use 6.2 or newer"


def _eviction_problem(policy: object) -> str | None:
    if policy is None:
        log.warning("Redis does not tell its maxmemory-policy; it must be noeviction")
        return None
    if policy == "noeviction":
        return None
    return (
        f"Redis has maxmemory-policy {policy}, so it may drop calls and key marks; set noeviction"
    )
