"""What the tests of the configuration share: loading a text as a file would be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.errors import ConfigError, Problem
from config.kinds import KindRules, Kinds
from config.loader import load_config
from config.schema import Config

KINDS: Kinds = {
    "openai-legacy": KindRules(key_family="openai", prefixes=("openai-legacy",)),
    "huggingface": KindRules(key_family="huggingface", prefixes=("huggingface",)),
    "openrouter": KindRules(key_family="openrouter", prefixes=("openrouter",)),
    "nvidia": KindRules(key_family="nvidia", prefixes=("nvidia",)),
    "llamacpp": KindRules(prefixes=("llamacpp", "llama.cpp")),
    "custom-chat": KindRules(custom=True),
    "custom-messages": KindRules(custom=True),
    "local-stub": KindRules(prefixes=("local-stub", "stub")),
}

Load = Callable[..., Config]
Problems = Callable[..., dict[str, Problem]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a YAML text; keyword arguments are the environment."""

    def load_text(text: str, **environ: str) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, environ, kinds=KINDS)

    return load_text


@pytest.fixture
def problems(load: Load) -> Problems:
    """Return the problems of a YAML text, which must have some, by their paths."""

    def find_problems(text: str, **environ: str) -> dict[str, Problem]:
        with pytest.raises(ConfigError) as caught:
            load(text, **environ)
        found = caught.value.problems
        assert len({problem.path for problem in found}) == len(found)
        return {problem.path: problem for problem in found}

    return find_problems
