"""An enabled instance as everything but its backend sees it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Instance:
    """A configured upstream account."""

    id: str
    kind: str
    models: tuple[str, ...]
    """The model ids that it lists."""
    keys: tuple[tuple[str, str], ...] = field(repr=False)
    """(id, secret) of its keys, in order."""
