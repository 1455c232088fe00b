"""Takes a key out of what an upstream said, before anything else sees it."""

import json
from urllib.parse import quote

MASK = b"[redacted]"
MIN_SECRET_CHARS = 4
"""A shorter one would match everywhere."""


def redact(data: bytes, secret: str) -> bytes:
    """Replace a secret, plain, JSON-escaped or URL-encoded, by a mask."""
    if len(secret) < MIN_SECRET_CHARS:
        return data
    for form in dict.fromkeys((secret, json.dumps(secret)[1:-1], quote(secret, safe=""))):
        data = data.replace(form.encode(), MASK)
    return data
