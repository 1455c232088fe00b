"""What the custom kinds must give, what only they may, and which prefixes are free."""

from collections.abc import Callable, Mapping

import pytest

from config.errors import Problem
from config.schema import Config

Load = Callable[..., Config]
Problems = Callable[..., Mapping[str, Problem]]

URL = "base_url: 'https://h.example/v1'"
AT = "backends[0].backend_prefix"


def custom(prefix: str, *, id: str = "a", enabled: str = "true", kind: str = "custom-chat") -> str:
    return f"- {{id: {id}, kind: {kind}, {URL}, backend_prefix: '{prefix}', enabled: {enabled}}}\n"


def backends(*rows: str) -> str:
    return "backends:\n" + "".join(rows)


def keys_of(config: Config) -> list[str]:
    return [credential.api_key for credential in config.backends[0].credentials]


@pytest.mark.parametrize(
    "prefix", ["my-provider", "acme", "A.b_c-1", "openai", "google", "custom-chat", " trimmed "]
)
def test_a_free_prefix_is_taken(load: Load, prefix: str) -> None:
    assert load(backends(custom(prefix))).backends[0].backend_prefix == prefix.strip()


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        pytest.param("", "is missing", id="blank"),
        pytest.param("  ", "is missing", id="white-space"),
        pytest.param("a/b", "must not contain `/` or `:`", id="slash"),
        pytest.param("a:b", "must not contain `/` or `:`", id="colon"),
        pytest.param("a|b", "must not contain any of", id="sign-of-selectors"),
        pytest.param("a b", "must not contain white space", id="space"),
        pytest.param("huggingface", "is reserved", id="kind"),
        pytest.param("HuggingFace", "is reserved", id="kind-in-other-case"),
        pytest.param("llama.cpp", "is reserved", id="alias"),
        pytest.param("local-stub", "is reserved", id="stub"),
    ],
)
def test_any_other_prefix_is_told(problems: Problems, prefix: str, message: str) -> None:
    found = problems(backends(custom(prefix)))
    assert list(found) == [AT]
    assert message in found[AT].message
    assert found[AT].remedy


def test_a_prefix_that_is_not_given_is_told(problems: Problems) -> None:
    found = problems(f"backends: [{{id: a, kind: custom-chat, {URL}}}]")
    assert list(found) == [AT]
    assert "is missing" in found[AT].message


@pytest.mark.parametrize("again", ["acme", "ACME"])
def test_a_prefix_that_is_there_twice_is_told_with_the_other(
    problems: Problems, again: str
) -> None:
    found = problems(backends(custom("acme"), custom(again, id="b", kind="custom-messages")))
    assert list(found) == ["backends[1].backend_prefix"]
    assert "duplicate: backends[0]" in found["backends[1].backend_prefix"].message


@pytest.mark.parametrize("first", ["true", "false"])
def test_a_disabled_instance_has_no_prefix(load: Load, first: str) -> None:
    second = "false" if first == "true" else "true"
    rows = custom("acme", enabled=first), custom("acme", id="b", enabled=second)
    assert len(load(backends(*rows)).backends) == 2


def test_a_disabled_instance_may_have_any_prefix(load: Load) -> None:
    assert load(backends(custom("a/b", enabled="false")))


def test_a_prefix_that_is_another_instances_id_is_told(problems: Problems) -> None:
    found = problems(backends(custom("Other"), "- {id: other, kind: local-stub}\n"))
    assert list(found) == [AT]
    assert "is the id of backends[1]" in found[AT].message


def test_a_prefix_may_be_its_instances_own_id(load: Load) -> None:
    assert load(backends(custom("acme", id="acme")))


@pytest.mark.parametrize("kind", ["nvidia", "llamacpp", "local-stub"])
@pytest.mark.parametrize(
    "setting", ["backend_prefix: mine", "api_key_env_var_root: MINE"], ids=["prefix", "root"]
)
def test_what_is_for_custom_kinds_is_refused_elsewhere(
    problems: Problems, kind: str, setting: str
) -> None:
    found = problems(f"backends: [{{id: a, kind: {kind}, api_key: k, {setting}}}]", MINE="k")
    (path,) = found
    assert path == f"backends[0].{setting.partition(':')[0]}"
    assert "custom kinds only" in found[path].message


def test_a_custom_kind_needs_a_url(problems: Problems) -> None:
    found = problems("backends: [{id: a, kind: custom-chat, backend_prefix: acme}]")
    assert list(found) == ["backends[0].base_url"]
    assert "is missing" in found["backends[0].base_url"].message


def test_all_offences_are_told_at_once(problems: Problems) -> None:
    rows = (
        "- {id: a, kind: custom-chat}\n",
        custom("a/b", id="b"),
        custom("nvidia", id="c"),
        custom("dup", id="d"),
        custom("dup", id="e"),
    )
    assert set(problems(backends(*rows))) == {
        "backends[0].base_url",
        "backends[0].backend_prefix",
        "backends[1].backend_prefix",
        "backends[2].backend_prefix",
        "backends[4].backend_prefix",
    }


ROOTED = f"backends: [{{id: a, kind: custom-chat, {URL}, backend_prefix: acme, %s}}]"
NUMBERED = {"ROOT": "k0", "ROOT_1": "ignored", "ROOT_2": "k2", "ROOT_3": "k3", "ROOT_5": "gap"}


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        pytest.param("api_key_env_var_root: ROOT", ["k0", "k2", "k3"], id="numbered-from-2"),
        pytest.param("api_key_env_var_root: ROOT, api_key: own", ["own"], id="file-wins"),
        pytest.param(
            "api_key_env_var_root: ROOT, credentials: [{api_key: c}]", ["c"], id="structured-wins"
        ),
        pytest.param("api_key_env_var_root: ''", [], id="blank"),
        pytest.param("api_key: ''", [], id="blank-key"),
        pytest.param("models: []", [], id="none"),
    ],
)
def test_a_custom_instance_has_these_keys(load: Load, settings: str, keys: list[str]) -> None:
    assert keys_of(load(ROOTED % settings, **NUMBERED)) == keys


def test_a_root_without_a_key_is_told_and_not_quoted(problems: Problems) -> None:
    found = problems(ROOTED % "api_key_env_var_root: hf_secretsecret")
    (path,) = found
    assert path == "backends[0].api_key_env_var_root"
    assert "holds no key" in found[path].message
    assert "hf_secret" not in str(found[path])


@pytest.mark.parametrize("root", ["sk-a", "1A", "A B", "${X:-a-b}"])
def test_a_root_is_the_name_of_a_variable(problems: Problems, root: str) -> None:
    found = problems(ROOTED % f"api_key_env_var_root: '{root}'")
    assert list(found) == ["backends[0].api_key_env_var_root"]


def test_a_kind_that_needs_no_key_takes_one(load: Load) -> None:
    assert keys_of(load("backends: [{id: llamacpp, api_key: k}]")) == ["k"]


def test_a_kind_that_needs_no_key_may_have_none(load: Load) -> None:
    assert keys_of(load("backends: [{id: llamacpp}]")) == []
