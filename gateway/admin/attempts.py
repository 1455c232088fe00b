"""`GET /admin/attempts`: what became of each attempt, newest first."""

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response

from config.schema import Config
from gateway.admin.access import require_operator

if TYPE_CHECKING:
    from gateway.admin.attempt_pages import AttemptPages


def blueprint(config: Config) -> Blueprint:
    """Make the route."""
    routes = Blueprint("attempts", __name__)
    routes.add_url_rule("/admin/attempts", "list", _Attempts(config).listed)
    return routes


class _Attempts:
    def __init__(self, config: Config) -> None:
        self._config = config

    def listed(self) -> Response:
        """A page of attempts; its parameters are those of `AttemptPages.page`."""
        require_operator()
        return Response(msgspec.json.encode(self._pages.page()), mimetype="application/json")

    @cached_property
    def _pages(self) -> "AttemptPages":
        # Imported when it is first asked for: SQLAlchemy would be 13 MB in every web process.
        from gateway.admin.attempt_pages import AttemptPages

        return AttemptPages(self._config)
