"""The credential pool: every process of every host sees the same marks on the same keys.

Owns which key an attempt gets and what a refusal does to it. Never stores a secret: a key is known
in Redis by its digest, so reordering a list of keys moves no mark to another key.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from msgspec import Struct
from redis import Redis

from gateway.canonical.call import Candidate
from gateway.canonical.errors import MAX_REASON, CredentialsUnavailable, UpstreamError
from gateway.credentials.credential import Credential, digest, generation
from gateway.credentials.policy import Cooling, Dead, Policy
from gateway.state.pipe import Pipe
from gateway.state.reply import text
from gateway.state.script import Script

LAYOUT_TTL_MS = 24 * 3600 * 1000

_SCRIPTS = Path(__file__).parent / "scripts"
_REGISTER = Script(_SCRIPTS / "register.lua")
_ACQUIRE = Script(_SCRIPTS / "acquire.lua")
_REPORT = Script(_SCRIPTS / "report.lua")
_KEYLESS = Credential(id="none", secret="")

log = logging.getLogger(__name__)


class KeyState(Struct, frozen=True, kw_only=True):
    """What is known of one key, for people."""

    instance: str
    id: str
    state: str
    """usable, cooling or dead."""
    until: float | None = None
    """Unix seconds at which a cooling key may be used again."""
    since: float | None = None
    status: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class _Keys:
    """The Redis keys of one generation of one instance."""

    marks: str
    order: str
    free: str
    cooling: str
    generations: str

    @property
    def of_scripts(self) -> list[str]:
        """What `acquire` and `report` take."""
        return [self.marks, self.order, self.free, self.cooling]

    @classmethod
    def build(cls, prefix: str, instance: str, *, generation_id: str) -> "_Keys":
        root = f"{prefix}:keys:{instance}"
        layout = f"{root}:{generation_id}"
        return cls(
            marks=f"{root}:marks",
            order=f"{layout}:order",
            free=f"{layout}:free",
            cooling=f"{layout}:cooling",
            generations=f"{root}:generations",
        )


@dataclass(frozen=True)
class _Instance:
    """One instance's keys, by digest and in order."""

    credentials: dict[str, Credential]
    digests: dict[str, str]
    generation: str
    keys: _Keys


@dataclass(frozen=True)
class Lease:
    """A key in use by one attempt."""

    credential: Credential
    _pool: "CredentialPool | None"
    _instance: str

    def report(self, error: UpstreamError | None) -> None:
        """Say how the attempt ended; a 401 or a 429 puts the key aside at once, for everybody.

        Raises:
            redis.RedisError: Redis did not take it.
        """
        if error is not None and self._pool is not None:
            self._pool.report(self._instance, self.credential, error=error)


class CredentialPool:
    """Leases keys and puts refused ones aside.

    Redis, with `{i}` an instance id and `{g}` a generation (an ordered set of its keys):
        {prefix}:installation       string, keys the digests when no secret is configured; kept
        {prefix}:keys:{i}:marks     hash digest -> state|until ms|since ms|status|reason; kept
        {prefix}:keys:{i}:generations   set of generations that were laid out; kept
        {prefix}:keys:{i}:{g}:order     hash digest -> position, lives a day
        {prefix}:keys:{i}:{g}:free      zset digest -> position, lives a day
        {prefix}:keys:{i}:{g}:cooling   zset digest -> until ms, lives a day
    """

    def __init__(
        self,
        redis: Redis,
        *,
        prefix: str,
        credentials: Mapping[str, Sequence[Credential]],
        policy: Policy,
        secret: str | None = None,
    ) -> None:
        """
        Args:
            credentials: instance id -> its keys in order; none = the upstream needs no key.
            secret: keys the digests; None = an id made once and kept in Redis.
        """
        self._redis = redis
        self._prefix = prefix
        self._credentials = credentials
        self._policy = policy
        self._secret = secret
        self._digest_key: str | None = None
        self._named: dict[str, _Instance] = {}
        self._pipe = Pipe(redis)

    def acquire(self, candidate: Candidate, *, excluded: Collection[str]) -> Lease:
        """Lease the first usable key of the candidate's instance, in configuration order.

        Raises:
            CredentialsUnavailable: every key is excluded, cooling or dead.
            redis.RedisError: Redis did not answer.
        """
        name = candidate.instance
        if not self._credentials[name]:
            return self._keyless(name, excluded)

        def ask(known: _Instance) -> Any:
            barred = [known.digests[id] for id in excluded if id in known.digests]
            return _ACQUIRE.call(self._pipe, keys=known.keys.of_scripts, args=barred)

        instance, answer = self._laid_out(name, ask)
        if answer[0] == b"ok":
            return Lease(instance.credentials[answer[1].decode()], self, name)
        retry_at = float(answer[1]) / 1000 if answer[1] else None
        raise CredentialsUnavailable(name, retry_at=retry_at, now=float(answer[2]) / 1000)

    def report(self, instance: str, credential: Credential, *, error: UpstreamError) -> None:
        """Put a key aside when a refusal says so; never for shorter than it already is.

        Raises:
            redis.RedisError: Redis did not take it.
        """
        verdict = self._policy.judge(
            error.status, error.headers, now=time.time(), body_asks_s=error.retry_after_s
        )
        match verdict:
            case Dead():
                state, duration_ms = "dead", 0
            case Cooling(duration_s):
                state, duration_ms = "cooling", max(1, round(duration_s * 1000))
            case _:
                return
        reason = error.failure.message[:MAX_REASON]

        def mark(known: _Instance) -> Any:
            key_digest = known.digests[credential.id]
            args: list[str | int] = [key_digest, state, duration_ms, error.status or "", reason]
            return _REPORT.call(self._pipe, keys=known.keys.of_scripts, args=args)

        self._laid_out(instance, mark)
        log.warning("key %s of %s is %s: %s", credential.id, instance, state, reason)

    def snapshot(self) -> list[KeyState]:
        """Tell the state of every configured key, in configuration order.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        states = []
        seconds, microseconds = self._redis.time()
        now_ms = seconds * 1000 + microseconds // 1000
        for name, instance in self._instances.items():
            marks = {
                text(field): text(mark)
                for field, mark in self._redis.hgetall(instance.keys.marks).items()
            }
            for key_digest, credential in instance.credentials.items():
                mark = marks.get(key_digest, "")
                states.append(_key_state(name, credential.id, mark=mark, now_ms=now_ms))
        return states

    def first_usable(self, instance: str) -> Credential:
        """The key to ask a provider something with beside a call, which marks and leases nothing.

        Returns:
            The first key that is usable, else the first; one without a secret when there is none.
        Raises:
            redis.RedisError: Redis did not answer.
        """
        known = self._instances.get(instance)
        if known is None:
            return _KEYLESS
        states = {key.id: key.state for key in self.snapshot() if key.instance == instance}
        credentials = list(known.credentials.values())
        return next((one for one in credentials if states[one.id] == "usable"), credentials[0])

    def reset(self, instance: str, credential_id: str | None = None) -> int:
        """Lift the marks of an instance's keys, or of one of them, and return how many there were.

        Raises:
            KeyError: no such instance, or no such key of it.
            redis.RedisError: Redis did not answer.
        """
        known = self._instances[instance]
        digests = [known.digests[credential_id]] if credential_id else list(known.digests.values())
        lifted = self._redis.hdel(known.keys.marks, *digests)
        for laid_out in self._redis.smembers(known.keys.generations):
            keys = _Keys.build(self._prefix, instance, generation_id=text(laid_out))
            # Forgotten first: who lays it out again meanwhile notes it again.
            self._redis.srem(known.keys.generations, laid_out)
            self._redis.delete(keys.order, keys.free, keys.cooling)
        return int(lifted)

    @property
    def _instances(self) -> dict[str, _Instance]:
        """Every instance with keys. Made on first use, as the digest key may be in Redis."""
        if self._digest_key is None:
            self._name_keys()
        return self._named

    def _name_keys(self) -> None:
        """Name the keys by their digests, and again when the digest key has become another."""
        key = self._secret or self._installation_id()
        if key == self._digest_key:
            return
        self._named = {
            name: self._instance(name, credentials, key=key)
            for name, credentials in self._credentials.items()
            if credentials
        }
        self._digest_key = key

    def _instance(self, name: str, credentials: Sequence[Credential], *, key: str) -> _Instance:
        digests = {credential.id: digest(credential.secret, key=key) for credential in credentials}
        generation_id = generation(tuple(digests.values()))
        return _Instance(
            credentials={digests[credential.id]: credential for credential in credentials},
            digests=digests,
            generation=generation_id,
            keys=_Keys.build(self._prefix, name, generation_id=generation_id),
        )

    def _installation_id(self) -> str:
        """Agree with all other processes on an id; a Redis that lost it is given ours again."""
        key = f"{self._prefix}:installation"
        self._redis.set(key, self._digest_key or token_hex(16), nx=True)
        return text(self._redis.get(key))

    def _laid_out(self, name: str, ask: Callable[[_Instance], Any]) -> tuple[_Instance, Any]:
        """Ask a script about an instance, whose keys are laid out first when Redis has none.

        Redis may have lost them by their age, by a reset or with everything else.
        """
        while True:
            instance = self._instances[name]
            answer = ask(instance)
            if answer[0] != b"unregistered":
                return instance, answer
            self._name_keys()
            self._lay_out(self._instances[name])

    def _lay_out(self, instance: _Instance) -> None:
        keys = instance.keys
        _REGISTER.call(
            self._redis,
            keys=[*keys.of_scripts, keys.generations],
            args=[instance.generation, LAYOUT_TTL_MS, *instance.digests.values()],
        )

    def _keyless(self, instance: str, excluded: Collection[str]) -> Lease:
        if _KEYLESS.id in excluded:
            now = time.time()
            retry_at = now + self._policy.default_cooldown_s
            raise CredentialsUnavailable(instance, retry_at=retry_at, now=now)
        return Lease(_KEYLESS, None, instance)


def _key_state(instance: str, id: str, *, mark: str, now_ms: int) -> KeyState:
    if not mark:
        return KeyState(instance=instance, id=id, state="usable")
    state, until_ms, since_ms, status, reason = mark.split("|", 4)
    if state == "cooling" and int(until_ms) <= now_ms:
        return KeyState(instance=instance, id=id, state="usable")
    return KeyState(
        instance=instance,
        id=id,
        state=state,
        until=int(until_ms) / 1000 if state == "cooling" else None,
        since=int(since_ms) / 1000,
        status=status or None,
        reason=reason or None,
    )
