"""What the process environment gives: provider keys, deployment variables, `${VAR}` references.

Owns the names of all variables that are read, as data, and the rules of numbered keys. The
environment comes in as a mapping; nothing here reads `os.environ`. Must not know: files and YAML.
"""

import re
from collections.abc import Mapping

from msgspec import UNSET, Struct, inspect
from msgspec.structs import replace

from config.errors import ReferenceProblem, Report
from config.schema import ClientKey, Config, is_loopback, split_address
from config.validation import Expanded, Walk

Environ = Mapping[str, str]

HIGHEST_SUFFIX = 32

_REFERENCE = re.compile(
    r"\$\$\{"
    r"|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<fallback>:-(?P<default>[^}]*))?\}"
    r"|\$\{"
)


class KeyFamily(Struct, frozen=True):
    """The variables in which a provider's keys are looked for.

    Args:
        bases: variables without a number; a later one is read only when all before it, with their
            numbers, give no key.
        first_suffix: 1 when `BASE_1` counts, 2 when numbering begins with `BASE_2`.
    """

    bases: tuple[str, ...]
    first_suffix: int


FAMILIES: Mapping[str, KeyFamily] = {
    "openai": KeyFamily(("OPENAI_API_KEY",), 2),
    "anthropic": KeyFamily(("ANTHROPIC_API_KEY",), 2),
    "gemini": KeyFamily(("GEMINI_API_KEY",), 2),
    "openrouter": KeyFamily(("OPENROUTER_API_KEY",), 1),
    "nvidia": KeyFamily(("NVIDIA_API_KEY",), 1),
    "huggingface": KeyFamily(("HUGGINGFACE_API_KEY",), 1),
    "opencode-go": KeyFamily(("OPENCODE_GO_API_KEY",), 2),
    "opencode-zen": KeyFamily(("OPENCODE_API_KEY", "OPENCODE_ZEN_API_KEY"), 2),
    "openai-codex": KeyFamily(("OPENAI_CODEX_ACCESS_TOKEN", "OPENAI_CODEX_API_KEY"), 2),
}


class Variable(Struct, frozen=True):
    """One deployment variable; `replaces` is the setting that takes its value as it is, if any."""

    name: str
    description: str
    replaces: str | None = None


VARIABLES = (
    Variable("PORT", "Replaces the port of `server.address`: 1 to 65535."),
    Variable("REDIS_URL", "Where Redis is.", "redis.url"),
    Variable("DATABASE_URL", "Where the database is.", "database.url"),
    Variable("WEB_CONCURRENCY", "Number of web processes.", "server.web_processes"),
    Variable("QUEUEWAY_CLIENT_KEYS", "Adds to `access.client_keys`: `id=key` or `key`, by commas."),
    Variable("QUEUEWAY_CONCURRENCY", "`gevent` or `threads`.", "concurrency"),
    Variable("QUEUEWAY_STATE_DIR", "Where the embedded Redis keeps its data.", "state_dir"),
    Variable("QUEUEWAY_SECRET", "Keys the digests of credential state.", "secret"),
    Variable("QUEUEWAY_LOG_LEVEL", "Least severe level logged.", "logging.level"),
    Variable("QUEUEWAY_ENV", "`production` makes a Redis and a database of your own mandatory."),
    Variable("DYNO", "Set by Heroku: as `production`, and a loopback address becomes `0.0.0.0`."),
)


def family_keys(family: str, environ: Environ) -> tuple[str, ...]:
    """Return the keys that the environment has for a family of FAMILIES, in their order.

    Numbers are read up to 32 and only as long as they follow each other; a missing base or, where
    numbering begins with 1, a missing `_1` does not end the scan. Only families numbered from 1
    drop repeated keys here.
    """
    rules = FAMILIES[family]
    for base in rules.bases:
        keys = _numbered_keys(base, environ, first_suffix=rules.first_suffix)
        if keys:
            return keys
    return ()


def root_keys(root: str, environ: Environ) -> tuple[str, ...]:
    """Return the keys under a variable of the user's own choice: `ROOT`, `ROOT_2`, `ROOT_3`, ..."""
    return _numbered_keys(root, environ, first_suffix=2)


def family_variable(family: str) -> str:
    """Return the variable to name when a family has no key."""
    return FAMILIES[family].bases[0]


def _numbered_keys(base: str, environ: Environ, *, first_suffix: int) -> tuple[str, ...]:
    keys = [_value(environ, base)]
    if first_suffix == 1:
        keys.append(_value(environ, f"{base}_1"))
    for suffix in range(2, HIGHEST_SUFFIX + 1):
        key = _value(environ, f"{base}_{suffix}")
        if not key:
            break
        keys.append(key)
    found = (key for key in keys if key)
    return tuple(dict.fromkeys(found) if first_suffix == 1 else found)


def _value(environ: Environ, name: str) -> str:
    return environ.get(name, "").strip()


def expand(text: str, environ: Environ) -> Expanded:
    """Replace `${VAR}` and `${VAR:-default}` in a text, and `$${` by a plain `${`.

    As in a shell, the default also stands for a variable that is set but empty.

    Raises:
        ReferenceProblem: a variable without default is not set, or a `${` begins no reference.
    """
    matches = list(_REFERENCE.finditer(text))
    if any(match[0] == "${" for match in matches):
        raise ReferenceProblem
    references = [match for match in matches if match["name"]]
    unset = [
        match["name"]
        for match in references
        if match["name"] not in environ and match["fallback"] is None
    ]
    if unset:
        raise ReferenceProblem(tuple(dict.fromkeys(unset)))
    whole = len(references) == 1 and references[0][0] == text.strip()
    return Expanded(_REFERENCE.sub(lambda match: _replacement(match, environ), text), whole)


def _replacement(match: re.Match[str], environ: Environ) -> str:
    if not match["name"]:
        return "${"
    value = environ.get(match["name"], "")
    return value or match["default"] or ""


def is_production(environ: Environ) -> bool:
    """Tell whether this is a deployment, where the defaults for one machine are refused."""
    return bool(_value(environ, "DYNO")) or _value(environ, "QUEUEWAY_ENV").lower() == "production"


def apply_environment(config: Config, environ: Environ, *, report: Report) -> Config:
    """Return the configuration with the deployment variables applied; a blank one is as not set.

    What is wrong with one goes into `report` with the variable's name as path.
    """
    for variable in VARIABLES:
        text = _value(environ, variable.name)
        if variable.replaces and text:
            value = _walk(report).read(_setting_type(variable.replaces), text, at=variable.name)
            config = _with_setting(config, variable.replaces, value=value)
    if config.server.nonstream_keepalive == "auto" and _value(environ, "DYNO"):
        config = _with_setting(config, "server.nonstream_keepalive", value="whitespace")
    config = _with_address(config, environ, report=report)
    config = _with_client_keys(config, environ, report=report)
    if is_production(environ):
        _require_servers(config, report)
    return config


def _require_servers(config: Config, report: Report) -> None:
    """Report what a deployment on several machines cannot share when it has none of its own."""
    needed = (
        ("redis.url", config.redis.url, "REDIS_URL", "a Redis that you run"),
        ("database.url", config.database.url, "DATABASE_URL", "a PostgreSQL database"),
    )
    for at, url, variable, what in needed:
        if not url and report.clean(at, variable):
            message = "is not given, and a deployment (DYNO or QUEUEWAY_ENV=production) needs one"
            report.add(at, message, remedy=f"Set {variable} to the URL of {what}.")


def _walk(report: Report) -> Walk:
    """Return a walk that takes the value of a variable as it is: no references in it."""
    return Walk(lambda text: Expanded(text, whole=True), report)


def _setting_type(dotted: str) -> inspect.Type:
    kind = inspect.type_info(Config)
    for name in dotted.split("."):
        assert isinstance(kind, inspect.StructType)
        kind = next(setting.type for setting in kind.fields if setting.name == name)
    return kind


def _with_setting(config: Config, dotted: str, *, value: object) -> Config:
    section, _, name = dotted.rpartition(".")
    if value is UNSET:
        return config
    if not section:
        return replace(config, **{name: value})
    return replace(config, **{section: replace(getattr(config, section), **{name: value})})


def _with_address(config: Config, environ: Environ, *, report: Report) -> Config:
    text = _value(environ, "PORT")
    if text and not (re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 65535):
        report.add(
            "PORT", "is not a port", remedy="Set a whole number from 1 to 65535, or unset it."
        )
        return config
    try:
        host, port = split_address(config.server.address)
    except ValueError:
        return config  # said by the checks of the whole configuration
    # A dyno is reached through Heroku's router only, which cannot reach its loopback.
    if _value(environ, "DYNO") and is_loopback(host):
        host = "0.0.0.0"
    elif not text:
        return config
    shown_host = f"[{host}]" if ":" in host else host
    address = f"{shown_host}:{int(text) if text else port}"
    return _with_setting(config, "server.address", value=address)


def _with_client_keys(config: Config, environ: Environ, *, report: Report) -> Config:
    entries = [entry.strip() for entry in environ.get("QUEUEWAY_CLIENT_KEYS", "").split(",")]
    keys = [
        _client_key(entry, position, report=report)
        for position, entry in enumerate(entry for entry in entries if entry)
    ]
    return _with_setting(config, "access.client_keys", value=(*config.access.client_keys, *keys))


def _client_key(entry: str, position: int, *, report: Report) -> ClientKey:
    name, _, key = entry.partition("=")
    # The `=` at the end of a bare key is base64 padding.
    if not key.strip("="):
        name, key = f"client{position}", entry
    found = Report()
    given = {"id": name.strip(), "key": key.strip()}
    client_key: ClientKey = _walk(found).read(inspect.type_info(ClientKey), given, at="")
    for problem in found.problems:
        message = f"entry {position + 1}: {problem.path} {problem.message}"
        report.add("QUEUEWAY_CLIENT_KEYS", message, remedy=problem.remedy)
    return client_key
