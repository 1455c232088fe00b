"""What of a request has no place in the canonical model, by its name on the wire."""

from gateway.wire.gemini.members import Members


class Losses:
    """Gathers names while a request is read; each is named once, in the order of the request."""

    def __init__(self) -> None:
        self._dropped: dict[str, None] = {}
        self._refused: dict[str, None] = {}

    @property
    def dropped(self) -> tuple[str, ...]:
        """What an answer can do without."""
        return tuple(self._dropped)

    @property
    def refused(self) -> tuple[str, ...]:
        """Without which it is another question."""
        return tuple(self._refused)

    def drop(self, *places: str) -> None:
        """Leave something out."""
        self._dropped.update(dict.fromkeys(places))

    def refuse(self, *places: str) -> None:
        """Say that without something the request may not be answered."""
        self._refused.update(dict.fromkeys(places))

    def drop_rest(self, members: Members, *, silent: tuple[str, ...] = ()) -> None:
        """Leave out what was not taken of an object.

        Args:
            silent: members that need no word.
        """
        for name in silent:
            members.raw(name)
        self.drop(*members.places)
