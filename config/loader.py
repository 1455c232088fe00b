"""From a file and the environment to the one `Config` that every process is built from.

Owns the order of the steps, the reading of YAML, and the resolving of each instance's kind, URL
and keys. Must not know: what a kind does; which kinds there are, and where their keys are looked
for, is handed in.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from msgspec import inspect
from msgspec.structs import replace

from config.environment import (
    apply_environment,
    expand,
    family_keys,
    family_variable,
    root_keys,
)
from config.errors import ConfigError, Problem, Report
from config.kinds import KindRules, Kinds, check_kind, check_prefixes
from config.schema import Backend, Config, Credential, Timeouts, is_loopback, split_address
from config.validation import Walk, below, check_config, nearest, repeated, shown_key

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # pragma: no cover  # PyYAML was built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

__all__ = ["is_loopback", "load_config", "split_address"]

Environ = Mapping[str, str]

BUILT_IN_BACKEND = "local-stub"


def load_config(path: Path | None, environ: Environ, *, kinds: Kinds) -> Config:
    """Load the configuration, complete: nothing in it needs the environment any more.

    Args:
        path: the YAML file. None: the kind `local-stub`, and every kind the environment has a key
            for.
        environ: the environment of the process.
        kinds: every kind of backend.
    Raises:
        ConfigError: with every problem of file and environment, each with its path and a remedy.
    """
    report = Report()
    tree = built_in_tree(environ, kinds) if path is None else read_tree(path, report)
    walk = Walk(partial(expand, environ=environ), report)
    config = walk.read(inspect.type_info(Config), {} if tree is None else tree, at="")
    if not isinstance(config, Config):
        raise ConfigError(report.problems)
    keys_in_file = len(config.access.client_keys)
    config = apply_environment(config, environ, report=report)
    config = _with_instances(config, environ, kinds=kinds, report=report)
    check_prefixes(config.backends, kinds, report=report)
    check_config(config, report, keys_in_file=keys_in_file)
    report.raise_if_any()
    return _with_inherited_timeouts(config, tree)


def built_in_tree(environ: Environ, kinds: Kinds) -> dict[str, object]:
    """Return what a file would say that is not there."""
    with_keys = [
        kind
        for kind, rules in kinds.items()
        if rules.key_family and family_keys(rules.key_family, environ)
    ]
    ids = dict.fromkeys([BUILT_IN_BACKEND, *with_keys])
    return {"backends": [{"id": kind} for kind in ids]}


class _Loader(SafeLoader):
    """YAML as everyone writes it, but a date is text: model ids end in one."""

    yaml_implicit_resolvers = {
        first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
        for first, rules in SafeLoader.yaml_implicit_resolvers.items()
    }


def read_tree(path: Path, report: Report) -> object:
    """Return the file's only document as dicts, lists and scalars; None when it is empty.

    A key that stands twice in a mapping goes into `report`.

    Raises:
        ConfigError: there is no such file, or it is not YAML; then nothing else can be said of it.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        remedy = "Give the path of a readable file, or none for the built-in configuration."
        problem = Problem(str(path), f"cannot be read: {error.strerror}", remedy)
        raise ConfigError((problem,)) from error
    try:
        return _parse(text, report)
    except (yaml.YAMLError, ValueError) as error:
        # Without `from`: the parser's own error quotes the file.
        raise ConfigError((_syntax_problem(path, error),)) from None


def _parse(text: bytes, report: Report) -> object:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        for at, lines in _repeated_keys(node):
            message = f"is given twice, on the lines {lines[0]} and {lines[1]}"
            report.add(at, message, remedy="Keep one of them.")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _syntax_problem(path: Path, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    told = (getattr(error, "context", None), getattr(error, "problem", None))
    said = ", ".join(part for part in told if part) or "a value that cannot be read"
    if isinstance(error, yaml.reader.ReaderError):
        said = "characters that are not UTF-8 text"
    # The parser quotes what it stumbled over, which may be a key. It names its own tokens as <...>.
    said = re.sub(r"'(?!<)[^']{2,}'|\"[^\"]{2,}\"", "...", said)
    remedy = "Correct the YAML there; a value with special characters belongs in quotes."
    return Problem(str(path), f"is not valid YAML: {where}{said}", remedy)


def _repeated_keys(root: yaml.Node) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield path and both line numbers of each key that its mapping already has."""
    waiting, seen = [("", root)], set()
    while waiting:
        at, node = waiting.pop()
        if id(node) in seen:
            continue  # an alias of a node that was looked at, or of one that contains itself
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(f"{at}[{index}]", item) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                inner = below(at, shown_key(name))
                if name in lines:
                    yield inner, (lines[name], line)
                lines[name] = line
                waiting.append((inner, value))


def _with_inherited_timeouts(config: Config, tree: Any) -> Config:
    """Give an instance the top-level value of each timeout that its own section leaves out."""
    rows = (tree or {}).get("backends") or []
    backends = [
        replace(
            backend, timeouts=_inherited(config.timeouts, backend.timeouts, written=row["timeouts"])
        )
        if backend.timeouts is not None
        else backend
        for backend, row in zip(config.backends, rows, strict=True)
    ]
    return replace(config, backends=tuple(backends))


def _inherited(shared: Timeouts, own: Timeouts, *, written: Iterable[str]) -> Timeouts:
    return replace(shared, **{name: getattr(own, name) for name in written})


def _with_instances(config: Config, environ: Environ, *, kinds: Kinds, report: Report) -> Config:
    backends = (
        _instance(backend, environ, at=f"backends[{index}]", kinds=kinds, report=report)
        if backend.enabled
        else replace(backend, kind=backend.provider_kind)
        for index, backend in enumerate(config.backends)
    )
    return replace(config, backends=tuple(backends))


def _instance(
    backend: Backend, environ: Environ, *, at: str, kinds: Kinds, report: Report
) -> Backend:
    kind = backend.provider_kind
    rules = kinds.get(kind, KindRules())
    if kind in kinds:
        check_kind(backend, rules, at=at, report=report)
    elif kind:
        _refuse_kind(backend, at=at, kinds=kinds, report=report)
    pool = _pool(backend, environ, rules=rules)
    if not pool:
        _check_keyless(backend, rules, at=at, report=report)
    _check_pool(backend, pool, at=at, report=report)
    return replace(
        backend,
        kind=kind,
        base_url=_base_url(backend.base_url, at=f"{at}.base_url", report=report),
        credentials=pool,
    )


def _refuse_kind(backend: Backend, *, at: str, kinds: Kinds, report: Report) -> None:
    meant = nearest(backend.provider_kind, kinds)
    remedy = f"Did you mean `{meant}`?" if meant else f"There are: {', '.join(kinds)}."
    if backend.kind:
        report.add(f"{at}.kind", "is not a kind of backend", remedy=remedy)
    else:
        message = "is not a kind of backend, and `kind` is not given"
        report.add(f"{at}.id", message, remedy=f"Give the instance a `kind`. {remedy}")


def _pool(backend: Backend, environ: Environ, *, rules: KindRules) -> tuple[Credential, ...]:
    """Return the instance's keys in order, all with ids; the first source that has any is the only
    one read."""
    if backend.credentials:
        return tuple(
            replace(credential, id=credential.id or f"c{index}")
            for index, credential in enumerate(backend.credentials)
        )
    keys = [key for key in (backend.api_key, *backend.api_keys) if key]
    if not keys and rules.key_family:
        keys = list(family_keys(rules.key_family, environ))
    if not keys and rules.custom and backend.api_key_env_var_root:
        keys = list(root_keys(backend.api_key_env_var_root, environ))
    return tuple(
        Credential(id=f"c{index}", api_key=key) for index, key in enumerate(dict.fromkeys(keys))
    )


def _check_keyless(backend: Backend, rules: KindRules, *, at: str, report: Report) -> None:
    """Report an instance without keys, unless its upstream may need none."""
    if not report.clean(f"{at}.api_key", f"{at}.api_keys", f"{at}.credentials"):
        return
    if rules.key_family:
        remedy = f"Set {family_variable(rules.key_family)} in the environment, or `api_key` here."
        report.add(f"{at}.api_key", "is missing: this enabled instance has no key", remedy=remedy)
    root = f"{at}.api_key_env_var_root"
    if rules.custom and backend.api_key_env_var_root and report.clean(root):
        message = "names a variable that holds no key, nor do the numbered ones after it"
        remedy = "Set the variable, or remove the line if the upstream needs no key."
        report.add(root, message, remedy=remedy)


def _check_pool(backend: Backend, pool: tuple[Credential, ...], *, at: str, report: Report) -> None:
    for index, credential in enumerate(pool):
        # Without structured credentials, no line of the file or variable is known to be the one.
        path = f"{at}.credentials[{index}].api_key" if backend.credentials else f"{at}.api_key"
        if not credential.api_key and report.clean(path):
            report.add(
                path, f"empty secret at index {index}", remedy="Give the key, or remove the item."
            )
        if not (credential.api_key.isascii() and credential.api_key.isprintable()):
            message = f"key {index} of this instance has a character that no HTTP header can carry"
            report.add(
                path, message, remedy="Copy the key again; look for line ends and curly quotes."
            )
    for index, earlier in repeated(credential.id or "" for credential in pool):
        message = (
            f"duplicate credential id: credentials[{earlier}] has it too, given or by position"
        )
        report.add(
            f"{at}.credentials[{index}].id", message, remedy="Give each credential its own id."
        )


def _base_url(url: str | None, *, at: str, report: Report) -> str | None:
    """Return the URL without trailing slashes."""
    fault = None if url is None else _url_fault(url)
    if fault:
        remedy = "Write it as https://host/path, and keys where keys belong."
        report.add(at, fault, remedy=remedy)
    return None if url is None else url.rstrip("/")


def _url_fault(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s\x00-\x1f]", url):
        return "is not an http:// or https:// URL with a host"
    if parts.username is not None or parts.password is not None:
        return "must not have a user or password in it"
    if "?" in url or "#" in url:
        return "must not have a query or fragment"
    return None
