"""What the executor needs, as Protocols: a credential pool and backends."""

from collections.abc import Collection, Iterator
from typing import Protocol

from gateway.canonical.attempt import AttemptRecord
from gateway.canonical.call import Candidate
from gateway.canonical.errors import UpstreamError
from gateway.canonical.events import Event
from gateway.execution.execution import Execution


class Credential(Protocol):
    """A key of an instance. `secret` never leaves the process that reads it."""

    @property
    def id(self) -> str: ...
    @property
    def secret(self) -> str: ...


class Lease(Protocol):
    """A key in use by one attempt."""

    @property
    def credential(self) -> Credential: ...

    def report(self, error: UpstreamError | None) -> None:
        """Say how the attempt ended; an error may bar the key for everybody.

        None = nothing against the key: it answered, or the client left.
        """


class CredentialPool(Protocol):
    def acquire(self, candidate: Candidate, *, excluded: Collection[str]) -> Lease:
        """Lease a usable key of the candidate's instance.

        Args:
            excluded: ids that this call has already tried.
        Raises:
            CredentialsUnavailable: every key is excluded, cooling or dead.
        """


class Lineage(Protocol):
    def add(self, record: AttemptRecord) -> None:
        """Remember an attempt. Must not wait."""


class Backend(Protocol):
    """Code that calls one upstream family for one configured instance."""

    def stream(
        self, execution: Execution, candidate: Candidate, *, credential: Credential
    ) -> Iterator[Event]:
        """Call the upstream once and yield its answer, ending with `Finished`.

        The iterator is run to its end after `Finished`, so that a connection can be made fit for
        the next call; that must be quick. Closing it earlier closes the upstream connection, and
        so does the execution's cancellation.

        Raises:
            UpstreamError: the attempt failed, before or after some events.
        """
