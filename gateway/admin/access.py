"""Who is an operator: whoever is on this machine."""

import ipaddress
from urllib.parse import urlsplit

from flask import request

from gateway.canonical.errors import Failure, GatewayError, Kind


def require_operator() -> None:
    """Refuse whoever does not ask from this machine, or through a web page.

    Raises:
        GatewayError: 403.
    """
    passed_on = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "Origin"))
    # A page whose name its owner points at this machine sends no Origin, but its own name.
    if passed_on or not (_is_loopback(request.remote_addr or "") and _names_this_machine()):
        message = "this page is for operators, on the machine that the gateway runs on"
        raise GatewayError(Failure(kind=Kind.PERMISSION, message=message, status=403))


def _names_this_machine() -> bool:
    try:
        name = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
