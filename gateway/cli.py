"""The `queueway` command."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click
from redis import RedisError

from backends.providers import KINDS
from backends.registry import describe
from config.errors import ConfigError
from config.loader import load_config
from config.schema import Config
from gateway import __version__, embedded_redis
from gateway.credentials.pool import KeyState
from gateway.runtime import Runtime, build_router

EXIT_FAILED = 1

_COLUMNS = ("instance", "id", "state", "until", "status", "reason")
_REASON_CHARS = 60


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="queueway")
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False),
    help="Configuration file; QUEUEWAY_CONFIG names one too. Without one, every provider whose key "
    "is in the environment is served, and local-stub.",
)
def main(config_file: str | None) -> None:
    """Queueway, a self-hosted LLM gateway with a queue behind it.

    Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong usage.
    """
    if config_file:
        os.environ["QUEUEWAY_CONFIG"] = config_file


@main.command("up")
def up_command() -> None:
    """Start everything on this machine and run until Ctrl-C.

    Starts a private Redis when REDIS_URL names none, gunicorn, and one worker.

    Example: PORT=9000 queueway up
    """
    _load()
    # A process of its own, which need not keep in memory what the other commands import.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "gateway.up"])


@main.command("check-config")
def check_config() -> None:
    """Check the configuration and name everything that is wrong with it.

    Example: queueway --config config/config.yaml check-config
    """
    _load()
    click.echo("configuration is valid")


@main.group("keys", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def keys(context: click.Context, as_json: bool) -> None:
    """Show the state of every upstream key; never the key itself.

    Example: queueway keys --json
    """
    if context.invoked_subcommand:
        return
    try:
        states = _runtime().pool.snapshot()
    except RedisError as error:
        _fail(f"Redis does not answer: {error}")
    if as_json:
        click.echo(json.dumps([_row(state) for state in states], indent=2))
    else:
        click.echo(_table(states))


@keys.command("reset")
@click.argument("instance")
@click.argument("key", required=False)
def reset(instance: str, key: str | None) -> None:
    """Use the keys of INSTANCE again, or only KEY (an id as `queueway keys` shows it).

    Example: queueway keys reset openrouter c1
    """
    try:
        lifted = _runtime().pool.reset(instance, key)
    except KeyError as error:
        _fail(f"no such instance or key: {error.args[0]}; 'queueway keys' lists them")
    except RedisError as error:
        _fail(f"Redis does not answer: {error}")
    click.echo(f"{lifted} key{'' if lifted == 1 else 's'} of {instance} reset")


def _load() -> Config:
    name = os.environ.get("QUEUEWAY_CONFIG", "").strip()
    try:
        config = load_config(Path(name) if name else None, os.environ, kinds=KINDS)
        build_router(config, describe(config))
    except ConfigError as error:
        _fail(f"configuration invalid:\n{error}")
    return config


def _runtime() -> Runtime:
    """A runtime on the configured Redis, else on the one that `queueway up` started."""
    config = _load()
    if not config.redis.url:
        state_dir = Path(config.state_dir)
        if not embedded_redis.socket_path(state_dir).exists():
            _fail(
                f"no Redis: REDIS_URL is not set and no 'queueway up' runs on {state_dir.resolve()}"
            )
        os.environ["REDIS_URL"] = embedded_redis.socket_url(state_dir)
        config = _load()
    return Runtime(config, describe(config))


def _row(state: KeyState) -> dict[str, object]:
    return {
        "instance": state.instance,
        "id": state.id,
        "state": state.state,
        "until": state.until,
        "since": state.since,
        "status": state.status,
        "reason": state.reason,
    }


def _table(states: list[KeyState]) -> str:
    rows = [_COLUMNS, *(_cells(state) for state in states)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _cells(state: KeyState) -> tuple[str, ...]:
    until = "-"
    if state.until is not None:
        until = datetime.fromtimestamp(state.until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    reason = " ".join((state.reason or "-").split())
    if len(reason) > _REASON_CHARS:
        reason = reason[: _REASON_CHARS - 1] + "…"
    return (state.instance, state.id, state.state, until, state.status or "-", reason)


def _fail(message: str) -> NoReturn:
    click.echo(f"queueway: {message}", err=True)
    sys.exit(EXIT_FAILED)
