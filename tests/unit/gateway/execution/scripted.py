"""A world for the executor: keys and upstreams that play scripts, and a record of what it did."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.canonical.attempt import AttemptRecord
from gateway.canonical.call import Call, Candidate
from gateway.canonical.errors import (
    CredentialsUnavailable,
    Failure,
    Kind,
    Next,
    UpstreamError,
    next_after,
)
from gateway.canonical.events import (
    Answering,
    Event,
    Finished,
    NativeFrame,
    Started,
    TextDelta,
)
from gateway.canonical.request import Dialect
from gateway.execution.execution import Execution
from gateway.execution.executor import MAX_HELD_EVENTS, Executor
from gateway.execution.progress import Progress, encode_progress

NOW = 1_000_000.0
KEYS = ("k0", "k1")


@dataclass(frozen=True)
class ScriptedKey:
    id: str
    secret: str = "secret"


@dataclass
class ScriptedLease:
    """A key in use; its report is kept."""

    world: "World"
    candidate: Candidate
    credential: ScriptedKey

    def report(self, error: UpstreamError | None) -> None:
        self.world.reports.append((self.candidate.instance, self.credential.id, error))


@dataclass
class Script:
    """What an instance does: one step list a key, or no key at all.

    A step is an event, or an exception to raise. Keys without steps of their own play the last.
    """

    steps: Sequence[Sequence[Event | Exception]] = ()
    keys: Sequence[str] = KEYS
    retry_at: float | None = NOW + 20
    """When the soonest key is usable once none is left; None = all are dead."""


@dataclass
class World:
    """Pool and backends of one executor, and what it did with them."""

    scripts: dict[str, Script]
    now: float = NOW
    progress: Progress | None = None
    acquired: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    snapshots: list[bytes] = field(default_factory=list)
    """The progress at each acquire, and how many upstream calls had been made then."""
    called: list[tuple[str, str]] = field(default_factory=list)
    closed: list[tuple[str, str]] = field(default_factory=list)
    answering: list[str] = field(default_factory=list)
    lineage: list[AttemptRecord] = field(default_factory=list)
    reports: list[tuple[str, str, UpstreamError | None]] = field(default_factory=list)

    def acquire(self, candidate: Candidate, *, excluded: Collection[str]) -> ScriptedLease:
        """Lease the first key that is not excluded."""
        script = self.scripts[candidate.instance]
        self.acquired.append((candidate.instance, tuple(excluded)))
        if self.progress:
            self.snapshots.append(encode_progress(self.progress))
        free = [key for key in script.keys if key not in excluded]
        if not free:
            raise CredentialsUnavailable(candidate.instance, retry_at=script.retry_at, now=self.now)
        return ScriptedLease(self, candidate, ScriptedKey(free[0]))

    def stream(
        self, execution: Execution, candidate: Candidate, *, credential: ScriptedKey
    ) -> Iterator[Event]:
        """Play the script of the candidate's instance for this key."""
        call = (candidate.instance, credential.id)
        self.called.append(call)
        script = self.scripts[candidate.instance]
        steps = script.steps[min(script.keys.index(credential.id), len(script.steps) - 1)]
        try:
            for step in steps:
                if isinstance(step, Exception):
                    raise step
                yield step
        finally:
            self.closed.append(call)

    def executor(self) -> Executor:
        """Make an executor that lives in this world."""
        backends = dict.fromkeys(self.scripts, self)
        return Executor(pool=self, backends=backends, now=lambda: self.now, lineage=self)

    def add(self, record: AttemptRecord) -> None:
        """Remember an attempt."""
        self.lineage.append(record)

    def run(self, execution: Execution, progress: Progress) -> list[Event]:
        """Execute a call to its end; who answered is in `answering` only."""
        self.progress = progress
        events = list(self.executor().execute(execution, progress))
        self.answering += [event.candidate for event in events if isinstance(event, Answering)]
        return [event for event in events if not isinstance(event, Answering)]


def execution_of(*instances: str, deadline_at: float = NOW + 3600) -> Execution:
    """A call whose candidates are `{instance}:m`."""
    call = Call(
        id="qw.1",
        owner="local",
        dialect=Dialect.OPENAI_CHAT,
        model="m",
        stream=True,
        candidates=tuple(Candidate(instance, "m") for instance in instances),
        deadline_at=deadline_at,
    )
    return Execution(call, b"{}")


def progress_of(execution: Execution, max_attempts: int = 10) -> Progress:
    """The progress of a call that has not begun."""
    return Progress(candidates=execution.call.candidates, max_attempts=max_attempts)


def refused(status: int, instance: str = "up") -> UpstreamError:
    """An upstream's answer with an error status."""
    failure = Failure(
        kind=Kind.UPSTREAM,
        message=f"{instance} said {status}",
        status=502 if status >= 500 else status,
    )
    return UpstreamError(
        failure, next=next_after(status), status=status, headers={"retry-after": "20"}
    )


def truncated(instance: str) -> UpstreamError:
    """A connection that broke off."""
    failure = Failure(kind=Kind.TRUNCATED, message=f"{instance} broke off", status=502)
    return UpstreamError(failure, next=Next.CANDIDATE)


def answer(instance: str, *, text: str = "hello") -> list[Event]:
    """A whole answer of an instance, which can be told from that of another."""
    return [*preamble(instance), TextDelta(f"{instance}: {text}"), Finished("stop")]


def preamble(instance: str) -> list[Event]:
    """What comes before output."""
    return [Started(instance), NativeFrame(f": {instance}\n\n".encode(), False)]


def flood(instance: str) -> list[Event]:
    """More preamble than is held."""
    return [NativeFrame(f": {instance}\n\n".encode(), False)] * (MAX_HELD_EVENTS + 1)
