"""A frame: some events of one call, as they lie in a web process's reply list."""

from msgspec import Raw, Struct, msgpack

from gateway.canonical.events import Event, encode_event, encode_events


class Frame(Struct, frozen=True, array_like=True):
    call_id: str
    events: Raw
    """What `decode_events` reads."""
    stored_bytes: int = 0
    """The size of its events that are stored beside the reply list."""


_encoder = msgpack.Encoder()
_decoder = msgpack.Decoder(Frame)


def encode_frame(call_id: str, events: list[bytes], *, stored_bytes: int = 0) -> bytes:
    """Join encoded events of a call into a frame."""
    return _encoder.encode(Frame(call_id, Raw(encode_events(events)), stored_bytes))


def decode_frame(data: bytes) -> Frame:
    """Read a frame, but not yet its events.

    Raises:
        msgspec.DecodeError: `data` is not a frame.
    """
    return _decoder.decode(data)


def single_event_frame(call_id: str, event: Event) -> bytes:
    """Make a frame of one event."""
    return encode_frame(call_id, [encode_event(event)])
