"""The rows of providers: how they name models, choose dialects, and what they answer to."""

from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from backends.providers import HOSTED, KINDS, LOCAL_STUB, Provider, list_prefixes
from backends.reference import page
from backends.wires import versioned
from config.environment import FAMILIES
from gateway.canonical.request import Dialect

ROWS = {row.kind: row for row in HOSTED}
CHAT, RESPONSES = Dialect.OPENAI_CHAT, Dialect.OPENAI_RESPONSES
MESSAGES, GEMINI = Dialect.ANTHROPIC_MESSAGES, Dialect.GEMINI

every_row = pytest.mark.parametrize("row", HOSTED, ids=lambda row: row.kind)


@pytest.mark.parametrize(
    ("kind", "name", "upstream"),
    [
        ("huggingface", "openai/gpt-oss-120b:fastest", "openai/gpt-oss-120b:fastest"),
        ("openrouter", "openrouter/auto", "openrouter/auto"),
        ("nvidia", "nvidia/llama", "nvidia/llama"),
        ("anthropic", "claude-x", "claude-x"),
        ("llamacpp", "llamacpp/qwen", "qwen"),
        ("llamacpp", "llamacpp:qwen", "qwen"),
        ("llamacpp", "llamacpp/llamacpp/qwen", "llamacpp/qwen"),
        ("llamacpp", "qwen/qwen3", "qwen/qwen3"),
        ("lmstudio", "lmstudio/google/gemma", "google/gemma"),
        ("vllm", "vllm:meta-llama/Llama-3", "meta-llama/Llama-3"),
        ("vllm", "vllm-model", "vllm-model"),
        ("ollama", "llama3:8b", "llama3:8b"),
        ("ollama", "ollama/llama3:8b", "llama3:8b"),
        ("ollama", "ollama:llama3", "llama3"),
        ("ollama", "meta/llama3:8b", "llama3:8b"),
        ("ollama", "ollama/meta/llama3", "llama3"),
        ("ollama", "a/b/c", "b/c"),
        ("ollama", "hf.co/org/model:Q4", "hf.co/org/model:Q4"),
        ("ollama-cloud", "gpt-oss:120b", "gpt-oss:120b-cloud"),
        ("ollama-cloud", "gpt-oss:120b-cloud", "gpt-oss:120b-cloud"),
        ("ollama-cloud", "glm-4.6:cloud", "glm-4.6:cloud"),
        ("ollama-cloud", "ollama-cloud/openai/gpt-oss:20b", "gpt-oss:20b-cloud"),
        ("opencode-go", "opencode-go/glm-5", "glm-5"),
        ("opencode-zen", "opencode/claude-x", "claude-x"),
        ("opencode-zen", "opencode-zen/claude-x", "claude-x"),
    ],
)
def test_a_model_is_called_what_its_upstream_calls_it(kind: str, name: str, upstream: str) -> None:
    assert ROWS[kind].model_names.upstream(name) == upstream


@pytest.mark.parametrize(
    ("kind", "client", "model", "dialect"),
    [
        ("openrouter", CHAT, "m", CHAT),
        ("openrouter", RESPONSES, "m", RESPONSES),
        ("openrouter", MESSAGES, "m", CHAT),
        ("nvidia", RESPONSES, "m", RESPONSES),
        ("vllm", RESPONSES, "m", RESPONSES),
        ("vllm", GEMINI, "m", CHAT),
        ("huggingface", RESPONSES, "m", CHAT),
        ("anthropic", CHAT, "m", MESSAGES),
        ("opencode-zen", CHAT, "claude-x", MESSAGES),
        ("opencode-zen", CHAT, "Claude-X", MESSAGES),
        ("opencode-zen", MESSAGES, "claude-x", MESSAGES),
        ("opencode-zen", CHAT, "qwen3-coder", MESSAGES),
        ("opencode-zen", CHAT, "gemini-3-pro", GEMINI),
        ("opencode-zen", CHAT, "gpt-5", RESPONSES),
        ("opencode-zen", MESSAGES, "kimi-k2", CHAT),
        ("opencode-zen", RESPONSES, "minimax-m2", CHAT),
        ("opencode-go", CHAT, "minimax-m2", MESSAGES),
        ("opencode-go", CHAT, "qwen3-coder", MESSAGES),
        ("opencode-go", MESSAGES, "glm-5", CHAT),
    ],
)
def test_a_call_goes_in_the_clients_dialect_where_the_model_is_served_in_it(
    kind: str, client: Dialect, model: str, dialect: Dialect
) -> None:
    assert ROWS[kind].dialect_for(client, model) is dialect


@pytest.mark.parametrize(
    ("base_url", "version", "root"),
    [
        ("https://h", "/v1", "https://h/v1"),
        ("https://h/v1", "/v1", "https://h/v1"),
        ("https://h/zen/v1", "/v1beta", "https://h/zen/v1"),
        ("https://h/v1beta", "/v1beta", "https://h/v1beta"),
        ("https://h/v1alpha2", "/v1beta", "https://h/v1alpha2"),
        ("https://h/v1/anthropic", "/v1", "https://h/v1/anthropic/v1"),
        ("https://h/review1", "/v1", "https://h/review1/v1"),
        ("https://h", "", "https://h"),
    ],
)
def test_a_version_is_put_behind_a_root_that_has_none(
    base_url: str, version: str, root: str
) -> None:
    assert versioned(base_url, version) == root


def test_no_prefix_is_there_twice() -> None:
    counts = Counter(prefix.lower() for prefix, _ in list_prefixes())
    assert [prefix for prefix, count in counts.items() if count > 1] == []


def test_every_kind_but_the_custom_ones_has_its_own_name_as_a_prefix() -> None:
    custom = {kind for kind, rules in KINDS.items() if rules.custom}
    assert {kind for prefix, kind in list_prefixes() if prefix == kind} == set(KINDS) - custom
    assert custom == {kind for kind in KINDS if kind.startswith("custom-")}


def test_the_configuration_is_told_every_prefix() -> None:
    told = [(prefix, kind) for kind, rules in KINDS.items() for prefix in rules.prefixes]
    assert sorted(told) == sorted(list_prefixes())


@pytest.mark.parametrize(("prefix", "kind"), list_prefixes())
def test_a_prefix_can_stand_in_a_selector(prefix: str, kind: str) -> None:
    assert kind in KINDS
    assert prefix
    assert not set(prefix) & set("/:|^!?[]{} ")


def test_no_kind_is_there_twice() -> None:
    assert len(KINDS) == len(HOSTED) + 1
    assert LOCAL_STUB in KINDS


@every_row
class TestEveryRow:
    def test_has_a_key_family_that_there_is(self, row: Provider) -> None:
        assert row.key_family is None or row.key_family in FAMILIES

    def test_has_a_root_without_a_slash_at_its_end(self, row: Provider) -> None:
        assert row.base_url is None or (urlsplit(row.base_url).hostname and row.base_url[-1] != "/")

    def test_has_no_word_of_the_reference_as_its_default_model(self, row: Provider) -> None:
        assert row.default_model not in {"model", ""}

    def test_is_sent_a_word_as_its_key_only_where_none_is_needed(self, row: Provider) -> None:
        assert row.placeholder_key is None or row.key_family is None

    def test_serves_its_models_in_dialects_that_it_speaks(self, row: Provider) -> None:
        assert {dialect for _, dialect in row.dialect_of_model} <= set(row.dialects)

    def test_is_on_the_page(self, row: Provider) -> None:
        assert f"| [`{row.kind}`]({row.docs}) |" in page()


def test_the_page_is_the_generated_one() -> None:
    written = Path(__file__).parents[3] / "docs" / "providers.md"
    assert written.read_text(encoding="utf-8") == page(), "run: python -m backends.reference"
