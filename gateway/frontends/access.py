"""Who may call: client keys, or nobody but this machine."""

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

from config.schema import ClientKey
from gateway.canonical.errors import Failure, GatewayError, Kind

LOCAL_OWNER = "local"
"""The owner of every call while no client key is configured."""


class Access:
    """Finds the owner of a request, or refuses it."""

    def __init__(self, client_keys: Sequence[ClientKey], *, origins: Sequence[str] = ()) -> None:
        """
        Args:
            origins: web pages of these may call; see `server.cors_origins`.
        """
        self._origins = frozenset(origins)
        self._digests = [(_digest(entry.key), entry.id) for entry in client_keys]

    def owner(self, headers: Headers, *, remote_address: str, query_key: str = "") -> str:
        """Name the owner of a request.

        Args:
            headers: the request's headers; names in any case.
            remote_address: where the request came from; empty = a unix socket.
            query_key: the URL's `key`, which Google's clients may send instead of a header.
        Raises:
            GatewayError: 401 without a valid key; 403, where no keys are configured, for a request
                from another machine or from a web page of another site.
        """
        if not self._digests:
            self._refuse_strangers(headers, remote_address)
            return LOCAL_OWNER
        key = _client_key(headers) or query_key.strip() or None
        if key is None:
            raise _unauthorized("send a client key as 'Authorization: Bearer <key>'")
        presented = _digest(key)
        owner = None
        # Every record is compared, so that the time tells nothing about which one matched.
        for known, id in self._digests:
            if hmac.compare_digest(known, presented):
                owner = id
        if owner is None:
            raise _unauthorized("the client key is not known here")
        return owner

    def _refuse_strangers(self, headers: Headers, remote_address: str) -> None:
        """Without keys, let in this machine's own programs only.

        A web page can make a browser on this machine send requests here; it shows in `Origin`, or
        in `Host` when its name was made to point at this machine.
        """
        if remote_address and not _is_loopback(remote_address):
            raise _forbidden("the gateway has no client keys, so it serves this machine only")
        origin = headers.get("Origin")
        if origin and origin not in self._origins and not _is_loopback(_host(origin)):
            raise _forbidden(
                "the gateway has no client keys, so it serves no other site's web page"
            )
        if not _is_loopback(_host(f"//{headers.get('Host', 'localhost')}")):
            raise _forbidden("the gateway has no client keys, so it answers to localhost only")


def _client_key(headers: Headers) -> str | None:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    for name in ("x-api-key", "x-goog-api-key", "api-key"):
        if value := headers.get(name, "").strip():
            return value
    return None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()


def _host(url: str) -> str:
    """The host that a URL names; empty when it names none or cannot be read."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _unauthorized(message: str) -> GatewayError:
    return GatewayError(
        Failure(kind=Kind.AUTHENTICATION, message=message, status=401, code="invalid_api_key")
    )


def _forbidden(message: str) -> GatewayError:
    return GatewayError(Failure(kind=Kind.PERMISSION, message=message, status=403))
