"""The `queueway` command."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import click
from redis import RedisError

from backends.listing import build_listers
from backends.providers import KINDS
from backends.registry import describe
from config.errors import ConfigError
from config.loader import load_config
from config.schema import Config, HttpClient
from gateway import __version__, embedded_redis
from gateway.credentials.pool import KeyState
from gateway.inventory_report import PROVEN, inventory_document, prove
from gateway.runtime import Runtime, build_router

EXIT_FAILED = 1

_KEY_COLUMNS = ("instance", "id", "state", "until", "status", "reason")
_INVENTORY_COLUMNS = ("instance", "kind", "models", "source", "loaded", "note")
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
        click.echo(_table(_KEY_COLUMNS, [_key_cells(state) for state in states]))


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


@main.group("db")
def database() -> None:
    """Look after the database."""


@database.command("upgrade")
def upgrade_database() -> None:
    """Bring the database's schema up to date; does nothing when it is.

    Example: DATABASE_URL=postgresql://... queueway db upgrade
    """
    # Imported here: SQLAlchemy and Alembic take longer to load than every other command runs.
    from gateway.store.upkeep import DatabaseUnusable, bring_up_to_date

    config = _load()
    try:
        changed = bring_up_to_date(config.database.url, state_dir=Path(config.state_dir))
    except DatabaseUnusable as error:
        _fail(str(error))
    click.echo("the database " + ("has been brought up to date" if changed else "is up to date"))


@main.command("inventory")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every model.")
@click.option("--refresh", "refresh", is_flag=True, help="Ask every provider first.")
def inventory(as_json: bool, refresh: bool) -> None:
    """Show which models the instances have, and when their providers were last asked.

    With --refresh the exit code is 1 when a provider did not answer; its last listing stays.

    Example: queueway inventory --refresh
    """
    runtime = _runtime()
    failures: dict[str, Any] = {}
    try:
        if refresh:
            listers = build_listers(runtime.config)
            fetch = {id: lister.fetch for id, lister in listers.items()}
            failures = dict(runtime.inventory_refresh(fetch).run(also_fresh=True))
        rows = inventory_document(runtime.instances, runtime.inventory_cache.read(runtime.origins))
    except RedisError as error:
        _fail(f"Redis does not answer: {error}")
    if as_json:
        click.echo(json.dumps({"instances": rows}, indent=2))
    else:
        click.echo(_table(_INVENTORY_COLUMNS, [_inventory_cells(row) for row in rows]))
    if failures:
        _fail(f"not listed anew: {', '.join(failures)}")


@main.command("model-inventory-proof")
@click.option("--allow-errors", is_flag=True, help="Exit 0 although a provider did not answer.")
@click.option(
    "--base-url",
    "base_urls",
    metavar="KIND=URL",
    multiple=True,
    callback=lambda _context, _option, values: dict(_base_url(value) for value in values),
    help="Ask KIND at URL instead, such as a mirror; may be given for several kinds.",
)
def model_inventory_proof(allow_errors: bool, base_urls: dict[str, str]) -> None:
    """List the models of every hosted provider whose key is in the environment, as JSON.

    Needs no Redis and no running gateway. Prints no key. The exit code is 1 when a provider did not
    answer with a listing.

    Example: OPENROUTER_API_KEY=... queueway model-inventory-proof
    """
    client = _load().http_client if os.environ.get("QUEUEWAY_CONFIG", "").strip() else HttpClient()
    document = prove(
        os.environ,
        client=client,
        base_urls=base_urls,
        warn=lambda warning: click.echo(f"queueway: {warning}", err=True),
    )
    click.echo(json.dumps(document, indent=2))
    failed = [row["id"] for row in document["backends"] if row["status"] == "error"]
    if failed and not allow_errors:
        _fail(f"not listed: {', '.join(failed)}")


def _base_url(value: str) -> tuple[str, str]:
    kind, _, url = value.partition("=")
    if kind not in PROVEN:
        raise click.BadParameter(f"no such kind: {kind}; there are {', '.join(PROVEN)}")
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_whole = False
    if not is_whole:
        raise click.BadParameter(f"{kind} needs an http:// or https:// URL with a host")
    return kind, url.rstrip("/")


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


def _table(columns: tuple[str, ...], cells: list[tuple[str, ...]]) -> str:
    rows = [columns, *cells]
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _inventory_cells(row: dict[str, Any]) -> tuple[str, ...]:
    note = "-"
    if row["warnings"]:
        note = row["warnings"][0]
    if "failure" in row:
        note = f"failed {row['failure']['at']}: {row['failure']['reason']}"
    count, loaded = str(row["model_count"]), row["loaded_at"] or "-"
    return (row["id"], row["kind"], count, row["source"], loaded, _short(note))


def _key_cells(state: KeyState) -> tuple[str, ...]:
    until = "-"
    if state.until is not None:
        until = datetime.fromtimestamp(state.until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    reason = _short(state.reason or "-")
    return (state.instance, state.id, state.state, until, state.status or "-", reason)


def _short(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= _REASON_CHARS else line[: _REASON_CHARS - 1] + "…"


def _fail(message: str) -> NoReturn:
    click.echo(f"queueway: {message}", err=True)
    sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
