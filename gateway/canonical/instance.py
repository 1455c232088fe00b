"""An enabled instance as everything but its backend sees it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Instance:
    """A configured upstream account."""

    id: str
    kind: str
    models: tuple[str, ...]
    """The model ids that it is configured or built with."""
    keys: tuple[tuple[str, str], ...] = field(repr=False)
    """(id, secret) of its keys, in order."""
    prefixes: tuple[str, ...] = ()
    """What selectors may call it besides its id; instances of one kind have the same."""
    configured: bool = False
    """Whether `models` are those of the configuration."""
    vendor: str = ""
    """The first part of the canonical ids of its models, where they have none."""
    origin: str | None = None
    """Says where its provider's listing is and how its models are named; None = it is not asked."""
