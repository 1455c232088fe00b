"""Who is an operator: whoever is on this machine."""

import ipaddress

from flask import request

from gateway.canonical.errors import Failure, GatewayError, Kind


def require_operator() -> None:
    """Refuse whoever does not ask from this machine, or through a web page.

    Raises:
        GatewayError: 403.
    """
    address = request.remote_addr or ""
    forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For"))
    if forwarded or "Origin" in request.headers or (address and not _is_loopback(address)):
        message = "this page is for operators, on the machine that the gateway runs on"
        raise GatewayError(Failure(kind=Kind.PERMISSION, message=message, status=403))


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
