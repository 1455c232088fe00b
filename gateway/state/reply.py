"""What Redis answers, as the types that we know it to have."""


def text(value: object) -> str:
    """Read a string that Redis answered.

    Raises:
        TypeError: it answered something else.
    """
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, str):
        return value
    raise TypeError(f"expected a string of Redis, got {type(value).__name__}")
