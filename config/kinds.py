"""What the configuration is told of each kind of backend, and the checks that follow from it.

Owns the rules of prefixes: which are free, and what the custom kinds must give. Must not know any
kind by name; a table of them is handed in.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from config.errors import Report
from config.schema import Backend

CUSTOM_SETTINGS = ("backend_prefix", "api_key_env_var_root")
"""What only custom kinds take."""

_SELECTOR_SIGNS = "|^!?[]{}"


class KindRules(Struct, frozen=True, kw_only=True):
    """What the configuration has to know of a kind."""

    key_family: str | None = None
    """Of `config.environment`: an enabled instance needs a key, from there or from the file.
    None = it needs none."""
    prefixes: tuple[str, ...] = ()
    """What selectors may call its instances; no custom instance can have one of them."""
    custom: bool = False
    """Whether the configuration says where it is and what it is called."""


Kinds = Mapping[str, KindRules]


def check_kind(backend: Backend, rules: KindRules, *, at: str, report: Report) -> None:
    """Report what an enabled instance of a kind lacks, and what it has that is not for its kind."""
    if not rules.custom:
        for name in CUSTOM_SETTINGS:
            if getattr(backend, name) is not None:
                remedy = "Remove it, or give the instance a custom kind."
                report.add(f"{at}.{name}", "is for the custom kinds only", remedy=remedy)
        return
    if backend.base_url is None and report.clean(f"{at}.base_url"):
        message = "is missing: a custom kind has no URL of its own"
        report.add(f"{at}.base_url", message, remedy="Write it as https://host/path.")
    if backend.backend_prefix is None and report.clean(f"{at}.backend_prefix"):
        message = "is missing: a custom kind needs a name that selectors call it by"
        remedy = "Give it one of your own, as in `backend_prefix: acme` for `acme:model`."
        report.add(f"{at}.backend_prefix", message, remedy=remedy)


def check_prefixes(backends: Sequence[Backend], kinds: Kinds, *, report: Report) -> None:
    """Report the prefixes of enabled custom instances that cannot be told from another name."""
    reserved = {name.lower(): kind for kind, rules in kinds.items() for name in rules.prefixes}
    ids = {backend.id.lower(): n for n, backend in enumerate(backends) if backend.enabled}
    first: dict[str, int] = {}
    for index, backend in enumerate(backends):
        rules = kinds.get(backend.provider_kind)
        if not backend.enabled or not rules or not rules.custom or not backend.backend_prefix:
            continue
        prefix = backend.backend_prefix.lower()
        at = f"backends[{index}].backend_prefix"
        remedy = "Choose another."
        if fault := _unreadable(prefix):
            report.add(at, fault, remedy="Use letters, digits, `.`, `_` and `-`.")
        if kind := reserved.get(prefix):
            report.add(at, f"is reserved: instances of kind `{kind}` answer to it", remedy=remedy)
        if first.setdefault(prefix, index) != index:
            message = f"is a duplicate: backends[{first[prefix]}] has this prefix too"
            report.add(at, f"{message}; upper and lower case count as the same", remedy=remedy)
        if ids.get(prefix, index) != index:
            report.add(at, f"is the id of backends[{ids[prefix]}]", remedy=remedy)


def _unreadable(prefix: str) -> str | None:
    """Say which of its characters a selector could not tell from its own."""
    if "/" in prefix or ":" in prefix:
        return "must not contain `/` or `:`"
    if any(sign in prefix for sign in _SELECTOR_SIGNS):
        return f"must not contain any of `{' '.join(_SELECTOR_SIGNS)}`"
    if not prefix.isprintable() or any(sign.isspace() for sign in prefix):
        return "must not contain white space or control characters"
    return None
