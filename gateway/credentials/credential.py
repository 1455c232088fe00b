"""A key of an instance, and the digest that stands for it outside this process."""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credential:
    """A key. Its `repr` shows no secret."""

    id: str
    secret: str = field(repr=False)


def digest(secret: str, *, key: str) -> str:
    """Name a secret without telling it: 32 hex digits, the same for the same secret and key."""
    digest_key = hashlib.blake2b(key.encode()).digest()
    return hashlib.blake2b(secret.encode(), key=digest_key, digest_size=16).hexdigest()


def generation(digests: tuple[str, ...]) -> str:
    """Name an ordered set of keys: it changes when a key is added, removed or moved."""
    return hashlib.blake2b(",".join(digests).encode(), digest_size=8).hexdigest()
