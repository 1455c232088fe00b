"""From a text to a configuration: references, defaults, instances and their keys."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from config.errors import ConfigError, Problem
from config.kinds import KindRules
from config.loader import load_config
from config.schema import Config, Credential, Timeouts

Load = Callable[..., Config]
Problems = Callable[..., Mapping[str, Problem]]

KINDS = {
    "openrouter": KindRules(key_family="openrouter"),
    "nvidia": KindRules(key_family="nvidia"),
    "openai-legacy": KindRules(key_family="openai"),
    "local-stub": KindRules(),
}


def keys_of(config: Config) -> list[tuple[str | None, str]]:
    return [(item.id, item.api_key) for item in config.backends[0].credentials]


@pytest.mark.parametrize(
    "text", ["", "# nothing", "{}", "server:", "backends:", "server: {}\nbackends: []"]
)
def test_what_is_not_given_is_the_default(load: Load, text: str) -> None:
    assert load(text) == Config()


def test_a_whole_number_is_a_number(load: Load) -> None:
    assert repr(load("server: {drain_s: 5}").server.drain_s) == "5.0"


def test_a_date_is_text(load: Load) -> None:
    text = "backends: [{id: local-stub, models: [2024-01-01]}]"
    assert load(text).backends[0].models == ("2024-01-01",)


@pytest.mark.parametrize("text", ["null", "''", "'  '", "'${EMPTY}'"])
def test_blank_text_is_none_where_none_is_allowed(load: Load, text: str) -> None:
    assert load(f"redis: {{url: {text}}}", EMPTY="").redis.url is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("${N}", 4), ("'${N}'", 4), ("${NOPE:-7}", 7), ("' ${N} '", 4)],
)
def test_a_whole_reference_may_be_a_number(load: Load, text: str, number: int) -> None:
    assert load(f"worker:\n  slots: {text}", N="4").worker.slots == number


@pytest.mark.parametrize("text", ["1${N}", "${N}${N}", "${EMPTY:-}", "${WORD}", "$${N}"])
def test_other_texts_are_no_number(problems: Problems, text: str) -> None:
    assert list(problems(f"worker:\n  slots: {text}", N="4", WORD="x")) == ["worker.slots"]


def test_a_whole_reference_in_a_text_setting_stays_text(load: Load) -> None:
    assert load("state_dir: ${N}", N="4").state_dir == "4"


def test_references_are_expanded_in_lists(load: Load) -> None:
    text = "backends: [{id: local-stub, models: ['${A}', 'x-${A}']}]"
    assert load(text, A="a").backends[0].models == ("a", "x-a")


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        pytest.param("api_key: a", [("c0", "a")], id="one"),
        pytest.param("api_key: ' a '", [("c0", "a")], id="trimmed"),
        pytest.param(
            "api_keys: [b, a]\n  api_key: c",
            list(zip(["c0", "c1", "c2"], "cba", strict=True)),
            id="first",
        ),
        pytest.param("api_keys: [a, '', b, ' a ', b]", [("c0", "a"), ("c1", "b")], id="repeated"),
        pytest.param("api_key: ''\n  api_keys: [' ']", [("c0", "e"), ("c1", "f")], id="blank"),
        pytest.param("enabled: true", [("c0", "e"), ("c1", "f")], id="environment"),
        pytest.param("credentials: []", [("c0", "e"), ("c1", "f")], id="empty-list"),
        pytest.param(
            "api_key: a\n  credentials: [{api_key: ' s '}]", [("c0", "s")], id="structured-alone"
        ),
        pytest.param(
            "credentials: [{api_key: s}, {id: x, api_key: s}, {api_key: t}]",
            [("c0", "s"), ("x", "s"), ("c2", "t")],
            id="structured-keep-repeated",
        ),
    ],
)
def test_an_instance_has_these_keys(
    load: Load, row: str, keys: list[tuple[str | None, str]]
) -> None:
    text = f"backends:\n- id: a\n  kind: openai-legacy\n  {row}"
    environ = {"OPENAI_API_KEY": "e", "OPENAI_API_KEY_2": "f", "OPENAI_API_KEY_3": "e"}
    assert keys_of(load(text, **environ)) == keys


@pytest.mark.parametrize(
    ("row", "path", "message"),
    [
        pytest.param("id: nvidia", ".api_key", "has no key", id="none"),
        pytest.param("id: nvidia, api_keys: [' ']", ".api_key", "has no key", id="blank"),
        pytest.param(
            "id: nvidia, credentials: [{api_key: a}, {api_key: ' '}]",
            ".credentials[1].api_key",
            "empty secret at index 1",
            id="empty-secret",
        ),
        pytest.param(
            "id: nvidia, credentials: [{id: x, api_key: a}, {id: x, api_key: b}]",
            ".credentials[1].id",
            "duplicate credential id",
            id="same-id",
        ),
        pytest.param(
            "id: nvidia, credentials: [{id: c1, api_key: a}, {api_key: b}]",
            ".credentials[1].id",
            "duplicate credential id",
            id="id-by-position",
        ),
        pytest.param(
            'id: nvidia, api_key: "a\\nb"', ".api_key", "no HTTP header can carry", id="newline"
        ),
        pytest.param(
            "id: nvidia, api_key: '${NOPE:-}'", ".api_key", "has no key", id="blank-default"
        ),
    ],
)
def test_keys_that_cannot_be_used_are_told(
    problems: Problems, row: str, path: str, message: str
) -> None:
    found = problems(f"backends: [{{{row}}}]")
    assert list(found) == [f"backends[0]{path}"]
    assert message in found[f"backends[0]{path}"].message


def test_a_missing_key_is_told_with_the_variable_and_the_setting(problems: Problems) -> None:
    remedy = problems("backends: [{id: hf, kind: huggingface}]")["backends[0].api_key"].remedy
    assert "HUGGINGFACE_API_KEY" in remedy
    assert "`api_key`" in remedy


def test_ids_are_compared_without_case(problems: Problems) -> None:
    text = "backends: [{id: a, kind: local-stub}, {id: A, kind: local-stub, enabled: false}]"
    assert list(problems(text)) == ["backends[1].id"]


@pytest.mark.parametrize(
    ("url", "loaded"),
    [
        ("https://h.example/v1", "https://h.example/v1"),
        ("http://127.0.0.1:9/v1//", "http://127.0.0.1:9/v1"),
        ("http://[::1]:9/", "http://[::1]:9"),
    ],
)
def test_a_base_url_has_no_slash_at_its_end(load: Load, url: str, loaded: str) -> None:
    text = f"backends: [{{id: local-stub, base_url: '{url}'}}]"
    assert load(text).backends[0].base_url == loaded


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h.example",
        "ftp://h/",
        "https://",
        "https:///v1",
        "https://:80/",
        "https://h:x/",
        "https://h:99999/",
        "https://[::1/",
        "https://u@h/",
        "https://u:p@h/",
        "https://h/?a=b",
        "https://h/?",
        "https://h/#a",
        "https://h/a b",
    ],
)
def test_a_base_url_is_http_with_a_host_and_no_more(problems: Problems, url: str) -> None:
    text = f"backends: [{{id: local-stub, base_url: '{url}'}}]"
    assert list(problems(text)) == ["backends[0].base_url"]


DISABLED = """
backends:
- id: spare
  enabled: {enabled}
  kind: no-such-kind
  base_url: not a url
  api_key: ${{NOPE}}
  api_keys: ['${{NOPE}}', a]
  credentials: [{{id: x, api_key: '${{NOPE}}'}}, {{id: x, api_key: ''}}]
  timeouts: {{connect_s: '${{NOPE}}'}}
"""


@pytest.mark.parametrize("enabled", ["false", "${OFF}", "${NOPE:-false}"])
def test_a_disabled_instance_needs_no_keys(load: Load, enabled: str) -> None:
    backend = load(DISABLED.format(enabled=enabled), OFF="false").backends[0]
    assert (backend.enabled, backend.kind, backend.api_key) == (False, "no-such-kind", None)


def test_a_disabled_instance_has_its_types_checked(problems: Problems) -> None:
    text = "backends: [{id: a, enabled: false, models: 5, api_key: 6, bse_url: x}]"
    paths = {"backends[0].models", "backends[0].api_key", "backends[0].bse_url"}
    assert set(problems(text)) == paths


def test_whether_an_instance_is_disabled_must_be_known(problems: Problems) -> None:
    assert "backends[0].enabled" in problems(DISABLED.format(enabled="${NOPE}"))


def test_the_kind_is_filled(load: Load) -> None:
    text = "backends: [{id: local-stub}, {id: b, kind: local-stub}, {id: nvidia, enabled: false}]"
    kinds = [backend.kind for backend in load(text).backends]
    assert kinds == ["local-stub", "local-stub", "nvidia"]


def test_an_instance_inherits_the_timeouts_it_does_not_give(load: Load) -> None:
    text = """
    timeouts: {connect_s: 1, total_s: 99}
    backends: [{id: local-stub, timeouts: {total_s: 3600}}, {id: b, kind: local-stub}]
    """
    config = load(text)
    assert config.backends[0].timeouts == Timeouts(connect_s=1.0, total_s=3600.0)
    assert config.backends[1].timeouts is None


def test_without_a_file_the_stub_and_every_kind_with_a_key_are_there() -> None:
    environ = {"OPENAI_API_KEY_2": "o", "OPENROUTER_API_KEY": "r", "NVIDIA_API_KEY_3": "gap"}
    config = load_config(None, environ, kinds=KINDS)
    assert [(backend.id, backend.kind, backend.credentials) for backend in config.backends] == [
        ("local-stub", "local-stub", ()),
        ("openrouter", "openrouter", (Credential(id="c0", api_key="r"),)),
        ("openai-legacy", "openai-legacy", (Credential(id="c0", api_key="o"),)),
    ]


def test_with_a_file_there_is_only_what_it_says(load: Load) -> None:
    assert load("", OPENAI_API_KEY="o").backends == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"a: [1\nb: 2", "line 2, column 2", id="syntax"),
        pytest.param(b"a: 1\n---\nb: 2", "line 2, column 1", id="two-documents"),
        pytest.param(b"a: !secret-tag x", "line 1, column 4", id="tag"),
        pytest.param(b"a: *secret-alias", "line 1, column 4", id="alias"),
        pytest.param(b"? [1]\n: 2", "line 1, column 3", id="unhashable-key"),
        pytest.param(b"a: 'secret\nb: 1", "line 2, column 5", id="open-quote"),
        pytest.param(b"a: \x07", "not UTF-8", id="control-character"),
        pytest.param(b"\xff\xff\xff", "not UTF-8", id="not-text"),
        pytest.param(b"a: 0x_", "cannot be read", id="no-number"),
    ],
)
def test_what_is_not_yaml_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {}, kinds=KINDS)
    (problem,) = caught.value.problems
    assert problem.path == str(path)
    assert message in problem.message
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(ConfigError) as caught:
        load_config(path, {}, kinds=KINDS)
    assert [problem.path for problem in caught.value.problems] == [str(path)]


def test_a_node_that_contains_itself_ends(problems: Problems) -> None:
    assert list(problems("backends: &a\n- *a")) == ["backends[0]"]
