"""Reads the bytes of a request: within the bound, and only if they are sound HTTP."""

from flask import request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from gateway.wire.json_body import bad_request


def read_body(*, limit: int) -> bytes:
    """Read the whole body of the current request, whether it comes with a length or in chunks.

    Raises:
        RequestEntityTooLarge: it is longer than `limit` bytes.
        GatewayError: 400, its chunks are broken.
    """
    # Of a longer body without Content-Length, werkzeug gives the first bytes as if they were all.
    request.max_content_length = limit + 1
    try:
        body = request.get_data(cache=False)
    except HTTPException:
        raise
    except Exception as error:  # noqa: BLE001 - for broken chunks a server raises what it likes
        raise bad_request(f"the request body cannot be read: {error}") from None
    if len(body) > limit:
        raise RequestEntityTooLarge
    return body
