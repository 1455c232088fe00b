"""`/healthz` and `/readyz`: alive, and what is missing. No key is needed for either."""

from flask import Blueprint, Response, jsonify
from redis import RedisError

from gateway.runtime import Runtime
from gateway.state.requirements import unmet_requirements


def blueprint(runtime: Runtime) -> Blueprint:
    """Make the health routes."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @routes.get("/readyz")
    def readyz() -> tuple[Response, int]:
        checks = _checks(runtime)
        ready = all(check == "ok" for check in checks.values())
        return jsonify(status="ok" if ready else "unavailable", checks=checks), (
            200 if ready else 503
        )

    return routes


def _checks(runtime: Runtime) -> dict[str, str]:
    """Check each dependency; the value says what is missing."""
    backends = "ok" if runtime.instances else "no backend is enabled"
    try:
        unmet = unmet_requirements(runtime.redis)
        workers = runtime.living_workers()
    except RedisError as error:
        return {
            "redis": f"does not answer ({type(error).__name__})",
            "worker": "unknown without Redis",
            "backends": backends,
        }
    return {
        "redis": "; ".join(unmet) or "ok",
        "worker": "ok" if workers else "none was heard from; start one: python -m workers",
        "backends": backends,
    }
