"""A call: one client request on its way from a web process to a worker.

Owns the value that is stored while the call waits and runs, without the client's body, which is
kept apart from it.
"""

from msgspec import Struct, field, msgpack

from gateway.canonical.request import Dialect, Operation


class Candidate(Struct, frozen=True, order=True):
    """One (instance, model) that may answer."""

    instance: str
    model: str

    def __str__(self) -> str:
        return f"{self.instance}:{self.model}"


class Call(Struct, frozen=True, kw_only=True):
    """What a worker needs to run a call, besides the client's body."""

    id: str
    owner: str
    dialect: Dialect
    model: str
    """The client's own `model` string."""
    stream: bool
    candidates: tuple[Candidate, ...]
    deadline_at: float
    """Unix seconds; the call ends with a timeout then."""
    operation: Operation = Operation.GENERATE
    headers: dict[str, str] = field(default_factory=dict)
    """The client's headers that a backend may pass on; names in lower case."""


_encoder = msgpack.Encoder()
_decoder = msgpack.Decoder(Call)


def encode_call(call: Call) -> bytes:
    """Serialise a call for its record."""
    return _encoder.encode(call)


def decode_call(data: bytes) -> Call:
    """Read a call back.

    Raises:
        msgspec.DecodeError: `data` is not a call of this schema version.
    """
    return _decoder.decode(data)
