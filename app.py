"""Makes the web application."""

import os
from pathlib import Path

from flask import Flask

from backends.providers import CLIENT_HEADERS, KINDS
from backends.registry import describe
from config.loader import load_config
from config.schema import Config
from gateway.frontends import calls, errors, health, openai_chat
from gateway.frontends.access import Access
from gateway.frontends.delivery import Delivery
from gateway.logs import configure_logging
from gateway.runtime import Runtime


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
    access = Access(config.access.client_keys)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = config.server.max_request_body_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors.register(app)
    app.extensions["queueway"] = runtime
    delivery = Delivery(runtime.web, config)
    app.register_blueprint(openai_chat.blueprint(runtime, access, delivery=delivery))
    app.register_blueprint(calls.blueprint(runtime, access))
    app.register_blueprint(health.blueprint(runtime))
    return app


def config_path() -> Path | None:
    """The configuration file that the environment names, if it names one."""
    name = os.environ.get("QUEUEWAY_CONFIG", "").strip()
    return Path(name) if name else None
