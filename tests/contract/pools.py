"""Credential pools as several processes have them, and refusals to report to them."""

from collections.abc import Collection, Sequence

import pytest
import redis

from gateway.canonical.call import Candidate
from gateway.canonical.errors import CredentialsUnavailable, Failure, Kind, Next, UpstreamError
from gateway.credentials.credential import Credential
from gateway.credentials.policy import Policy
from gateway.credentials.pool import CredentialPool, KeyState

PREFIX = "t"
INSTANCE = "acme"
CANDIDATE = Candidate(INSTANCE, "some-model")


def secret_of(id: str) -> str:
    """The secret of a key, which follows from its id."""
    return f"sk-secret-of-{id}"


def make_pool(
    client: redis.Redis,
    ids: Sequence[str],
    *,
    secret: str | None = "key-of-the-digests",
    instance: str = INSTANCE,
) -> CredentialPool:
    """A pool as one process has it, with an instance that has these keys in this order."""
    credentials = {instance: [Credential(id, secret_of(id)) for id in ids]}
    return CredentialPool(
        client, prefix=PREFIX, credentials=credentials, policy=Policy(), secret=secret
    )


def refusal(
    status: int | None, *, retry_after_s: float | None = None, message: str = "no"
) -> UpstreamError:
    """What a backend raises when an upstream refuses."""
    headers = {} if retry_after_s is None else {"retry-after-ms": str(retry_after_s * 1000)}
    failure = Failure(kind=Kind.UPSTREAM, message=message, status=502)
    return UpstreamError(failure, next=Next.CREDENTIAL, status=status, headers=headers)


def refuse(
    pool: CredentialPool, id: str, status: int | None, *, retry_after_s: float | None = None
) -> None:
    """Report that an upstream refused a key."""
    error = refusal(status, retry_after_s=retry_after_s)
    pool.report(INSTANCE, Credential(id, secret_of(id)), error=error)


def pick(pool: CredentialPool, *, excluded: Collection[str] = ()) -> str:
    """The id of the key that a call gets."""
    return pool.acquire(CANDIDATE, excluded=excluded).credential.id


def unavailable(pool: CredentialPool, *, excluded: Collection[str] = ()) -> CredentialsUnavailable:
    """What a call is told when there is no key for it."""
    with pytest.raises(CredentialsUnavailable) as raised:
        pool.acquire(CANDIDATE, excluded=excluded)
    return raised.value


def state_of(pool: CredentialPool, id: str) -> KeyState:
    """One key's row of the snapshot."""
    return next(state for state in pool.snapshot() if state.id == id)


def now_ms(client: redis.Redis) -> int:
    """The clock of Redis, as the scripts read it."""
    seconds, microseconds = client.time()
    return seconds * 1000 + microseconds // 1000


def everything(client: redis.Redis) -> str:
    """Every key and value of a Redis, as text to search in."""
    found: list[object] = []
    for key in client.scan_iter():
        readers = {
            b"string": lambda key: client.get(key),
            b"hash": lambda key: client.hgetall(key),
            b"set": lambda key: client.smembers(key),
            b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
            b"list": lambda key: client.lrange(key, 0, -1),
        }
        found.append((key, readers[client.type(key)](key)))
    return repr(found)
