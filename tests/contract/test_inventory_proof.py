"""The proof that listings work: its document, and the command that prints it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from config.schema import HttpClient
from gateway.cli import main
from gateway.inventory_report import PROVEN, prove
from tests.support.answers import JSON
from tests.support.fake_upstream import Answer, FakeUpstream, Received
from tests.support.gateway import QUEUEWAY
from tests.support.process import clean_environment

VARIABLES = {
    "openai-responses": "OPENAI_API_KEY",
    "openai-legacy": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "nvidia": "NVIDIA_API_KEY",
    "huggingface": "HUGGINGFACE_API_KEY",
}
EVERY_KEY = {name: f"secret-of-{name.lower()}" for name in VARIABLES.values()}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
LISTED = {
    "openai-legacy": {"data": [{"id": "z"}, {"id": "a"}, {"id": ""}]},
    "openai-responses": {"data": [{"id": "z"}]},
    "anthropic": {"data": [{"id": "c", "display_name": "The C"}], "has_more": False},
    "gemini": {"models": [{"name": "models/g"}]},
    "openrouter": {"data": [{"id": "meta/l"}]},
    "nvidia": {"data": [{"id": "meta/l"}]},
    "huggingface": {"data": [{"id": "org/m"}]},
}


def script(request: Received) -> Answer:
    """Each kind's listing; the first segment of a path names the kind."""
    kind = request.path.split("/")[1]
    return Answer(headers=(JSON,), body=(json.dumps(LISTED[kind]).encode(),))


def run(
    fake: FakeUpstream, environ: dict[str, str], *, warnings: list[str] | None = None
) -> dict[str, Any]:
    """Prove every kind against a fake upstream."""
    told = [] if warnings is None else warnings
    base_urls = {kind: f"{fake.url}/{kind}" for kind in PROVEN}
    return prove(environ, client=HttpClient(), base_urls=base_urls, warn=told.append)


def test_without_keys_everything_is_skipped_and_says_why(fake: FakeUpstream) -> None:
    document = run(fake, {})
    assert document["backends"] == []
    assert document["skipped"] == [
        *({"id": kind, "reason": f"{name} is not set"} for kind, name in VARIABLES.items()),
        {"id": "bedrock", "reason": "AWS_REGION or AWS_DEFAULT_REGION is not set"},
    ]
    assert fake.requests == []


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"AWS_REGION": "r"}, "AWS credential signal is incomplete"),
        ({"AWS_DEFAULT_REGION": "r", "AWS_ROLE_ARN": "x"}, "AWS credential signal is incomplete"),
        ({"AWS_REGION": "r", "AWS_PROFILE": "p"}, "bedrock is not a kind of backend here"),
        ({"AWS_REGION": " "}, "AWS_REGION or AWS_DEFAULT_REGION is not set"),
    ],
)
def test_bedrock_says_what_it_lacks(
    fake: FakeUpstream, environ: dict[str, str], reason: str
) -> None:
    assert run(fake, environ)["skipped"][-1] == {"id": "bedrock", "reason": reason}


def test_every_kind_with_a_key_is_listed_in_its_order(fake: FakeUpstream) -> None:
    fake.script = script
    document = run(fake, EVERY_KEY)
    assert [row["id"] for row in document["backends"]] == list(VARIABLES)
    assert [row["status"] for row in document["backends"]] == ["ok"] * len(VARIABLES)
    assert [row["id"] for row in document["skipped"]] == ["bedrock"]


def test_a_good_row(fake: FakeUpstream) -> None:
    fake.script = script
    warnings: list[str] = []
    document = run(fake, {"OPENAI_API_KEY": "sk-1"}, warnings=warnings)
    row = document["backends"][1]
    assert RFC3339.fullmatch(document["generated_at"])
    assert RFC3339.fullmatch(row.pop("loaded_at"))
    assert row == {
        "id": "openai-legacy",
        "status": "ok",
        "source": "remote",
        "model_count": 2,
        "models": [
            {"canonical_id": "openai/a", "native_id": "a"},
            {"canonical_id": "openai/z", "native_id": "z"},
        ],
    }
    assert warnings == ["openai-legacy: row 3 was left out: its id is blank"]


def test_a_name_is_there_where_the_provider_has_one(fake: FakeUpstream) -> None:
    fake.script = script
    (row,) = run(fake, {"ANTHROPIC_API_KEY": "k"})["backends"]
    assert row["models"] == [
        {"canonical_id": "anthropic/c", "native_id": "c", "display_name": "The C"}
    ]


def test_a_bad_row_has_no_key_in_it(fake: FakeUpstream) -> None:
    fake.script = lambda _: Answer(401, body=(b"no such key: secret-of-nvidia_api_key",))
    (row,) = run(fake, {"NVIDIA_API_KEY": "secret-of-nvidia_api_key"})["backends"]
    assert row == {
        "id": "nvidia",
        "status": "error",
        "model_count": 0,
        "models": [],
        "error": "nvidia: model discovery HTTP status 401: no such key: [redacted]",
    }


def test_the_first_key_of_the_family_is_used(fake: FakeUpstream) -> None:
    fake.script = script
    run(fake, {"HUGGINGFACE_API_KEY_1": "first-key", "HUGGINGFACE_API_KEY_2": "second-key"})
    assert fake.keys == ["first-key"]


def command(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `queueway model-inventory-proof` in an empty folder."""
    return subprocess.run(
        [QUEUEWAY, "model-inventory-proof", *arguments],
        cwd=folder,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_the_command_prints_the_document(tmp_path: Path, fake: FakeUpstream) -> None:
    fake.script = script
    at = f"huggingface={fake.url}/huggingface"
    result = command(tmp_path, "--base-url", at, HUGGINGFACE_API_KEY="hf-secret-key")
    assert result.returncode == 0
    (row,) = json.loads(result.stdout)["backends"]
    assert row["models"] == [{"canonical_id": "org/m", "native_id": "org/m"}]
    assert result.stdout.startswith('{\n  "generated_at": ')
    assert "hf-secret-key" not in result.stdout + result.stderr


@pytest.mark.parametrize(("arguments", "status"), [((), 1), (("--allow-errors",), 0)])
def test_the_command_fails_when_a_provider_does(
    tmp_path: Path, arguments: tuple[str, ...], status: int
) -> None:
    at = ("--base-url", "nvidia=http://127.0.0.1:9")
    result = command(tmp_path, *at, *arguments, NVIDIA_API_KEY="nv-key")
    assert result.returncode == status
    assert json.loads(result.stdout)["backends"][0]["status"] == "error"
    assert ("not listed: nvidia" in result.stderr) == (status == 1)


@pytest.mark.parametrize("value", ["nobody=http://a", "gemini=ftp://a", "gemini=http://[::1"])
def test_the_command_refuses_a_base_url_that_is_none(value: str) -> None:
    result = CliRunner().invoke(main, ["model-inventory-proof", "--base-url", value])
    assert result.exit_code == 2
    assert "--base-url" in result.output
