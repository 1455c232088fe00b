"""From a configuration to its instances, and to what selectors may call them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from backends.providers import KINDS
from backends.registry import build_backends, describe
from config.loader import load_config
from config.schema import Config
from gateway.runtime import build_router

ROWS = """
backends:
- {id: stub, kind: local-stub}
- {id: or-2, kind: openrouter, api_key: k}
- {id: or-off, kind: openrouter, enabled: false}
- {id: or-1, kind: openrouter, api_key: k}
- {id: lm, kind: lmstudio}
- {id: nvidia, api_key: k}
- {id: nv-2, kind: nvidia, api_key: k}
- id: own
  kind: custom-anthropic-compatible
  base_url: https://h.example
  backend_prefix: Acme
  models: [m-1, m-2]
"""

Load = Callable[[str], Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a YAML text without any environment."""

    def load_text(text: str) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, {}, kinds=KINDS)

    return load_text


@pytest.mark.parametrize(
    ("model", "candidates"),
    [
        ("or-1:m", ["or-1:m"]),
        ("openrouter:m", ["or-2:m", "or-1:m"]),
        ("lmstudio:m", ["lm:m"]),
        ("lm-studio:m", ["lm:m"]),
        ("LM-Studio:m", ["lm:m"]),
        ("nvidia:m", ["nvidia:m"]),
        ("stub:m", ["stub:m"]),
        ("local-stub:m", ["stub:m"]),
        ("own:m", ["own:m"]),
        ("acme:m", ["own:m"]),
        ("acme:m|openrouter:n", ["own:m", "or-2:n", "or-1:n"]),
    ],
)
def test_a_selector_names_an_instance_by_id_prefix_kind_or_alias(
    load: Load, model: str, candidates: list[str]
) -> None:
    config = load(ROWS)
    route = build_router(config, describe(config)).resolve(model)
    assert [str(candidate) for candidate in route.candidates] == candidates


def test_every_enabled_instance_has_a_backend(load: Load) -> None:
    config = load(ROWS)
    described = [instance.id for instance in describe(config)]
    assert list(build_backends(config)) == described
    assert "or-off" not in described


def test_models_are_those_of_the_configuration_else_the_default_else_none(load: Load) -> None:
    models = {instance.id: instance.models for instance in describe(load(ROWS))}
    assert models["own"] == ("m-1", "m-2")
    assert models["or-1"] == ("openai/gpt-4o-mini",)
    assert models["lm"] == ()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_described_and_built(load: Load, kind: str) -> None:
    custom = "base_url: 'https://h.example', backend_prefix: acme," if KINDS[kind].custom else ""
    config = load(f"backends: [{{id: a, kind: {kind}, {custom} api_key: k}}]")
    assert [instance.kind for instance in describe(config)] == [kind]
    assert list(build_backends(config)) == ["a"]
