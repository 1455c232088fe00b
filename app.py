"""Makes the web application."""

import os
from pathlib import Path

from flask import Flask

from backends.providers import CLIENT_HEADERS, KINDS
from backends.registry import describe
from config.loader import load_config
from config.schema import Config
from gateway.admin import attempts
from gateway.canonical.request import Dialect
from gateway.frontends import (
    anthropic_messages,
    calls,
    cors,
    errors,
    gemini,
    health,
    models,
    openai_chat,
    openai_responses,
)
from gateway.frontends.access import Access
from gateway.frontends.delivery import Delivery
from gateway.frontends.frontend import Frontend
from gateway.logs import configure_logging
from gateway.runtime import Runtime

FRONTENDS = {
    Dialect.OPENAI_CHAT: openai_chat.blueprint,
    Dialect.OPENAI_RESPONSES: openai_responses.blueprint,
    Dialect.ANTHROPIC_MESSAGES: anthropic_messages.blueprint,
    Dialect.GEMINI: gemini.blueprint,
}


def create_app(config: Config | None = None) -> Flask:
    """Make the application that gunicorn serves.

    Args:
        config: None = the file that `QUEUEWAY_CONFIG` names, and the environment.
    Raises:
        config.errors.ConfigError: the configuration is wrong; it lists everything that is.
    """
    config = config or load_config(config_path(), os.environ, kinds=KINDS)
    configure_logging(config.logging.level)
    runtime = Runtime(config, describe(config), client_headers=CLIENT_HEADERS)
    access = Access(config.access.client_keys, origins=config.server.cors_origins)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = config.server.max_request_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors.register(app)
    cors.register(app, config.server.cors_origins)
    app.extensions["queueway"] = runtime
    delivery = Delivery(runtime.web, config)
    for dialect, routes in FRONTENDS.items():
        frontend = Frontend(runtime, access, delivery=delivery, dialect=dialect)
        app.register_blueprint(routes(frontend))
    app.register_blueprint(models.blueprint(runtime, access))
    app.register_blueprint(calls.blueprint(runtime, access))
    app.register_blueprint(attempts.blueprint(config))
    app.register_blueprint(health.blueprint(runtime))
    return app


def config_path() -> Path | None:
    """The configuration file that the environment names, if it names one."""
    name = os.environ.get("QUEUEWAY_CONFIG", "").strip()
    return Path(name) if name else None
