"""Takes a key out of what an upstream said, before anything else sees it."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

_PERCENT = re.compile("%[0-9A-F]{2}")

MASK = b"[redacted]"
MIN_SECRET_CHARS = 4
"""A shorter one would match everywhere."""


def redact(data: bytes, secret: str) -> bytes:
    """Replace a secret, plain, JSON-escaped or URL-encoded, by a mask."""
    if len(secret) < MIN_SECRET_CHARS:
        return data
    for form in _forms(secret):
        data = data.replace(form.encode(), MASK)
    return data


def _forms(secret: str) -> Iterator[str]:
    """List how encoders write a secret; the same one may come twice."""
    yield secret
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
    encoded = quote(secret, safe="")
    yield encoded
    yield _PERCENT.sub(lambda code: code[0].lower(), encoded)
    yield quote(secret)
