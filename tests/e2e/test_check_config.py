"""`queueway check-config` as a shell sees it."""

import subprocess
from pathlib import Path

from tests.support.gateway import QUEUEWAY
from tests.support.process import clean_environment

CUSTOM = (
    "- {{id: {id}, kind: custom-openai-legacy-compatible, base_url: 'https://h.example/v1', "
    "backend_prefix: '{prefix}', enabled: {enabled}}}\n"
)


def custom(id: str, prefix: str, *, enabled: str = "true") -> str:
    """A row of a custom kind."""
    return CUSTOM.format(id=id, prefix=prefix, enabled=enabled)


def check(folder: Path, *rows: str) -> "subprocess.CompletedProcess[str]":
    """Run the command on a file with these rows."""
    path = folder / "config.yaml"
    path.write_text("backends:\n" + "".join(rows), encoding="utf-8")
    return subprocess.run(
        [QUEUEWAY, "--config", str(path), "check-config"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_free_prefixes_are_valid(tmp_path: Path) -> None:
    rows = custom("a", "my-provider"), custom("b", "my-provider", enabled="false")
    checked = check(tmp_path, *rows)
    assert (checked.returncode, checked.stdout) == (0, "configuration is valid\n")


def test_every_offence_of_custom_kinds_is_named_and_fails(tmp_path: Path) -> None:
    rows = (
        custom("a", "huggingface"),
        custom("b", "a/b"),
        custom("c", "dup"),
        custom("d", "dup"),
        custom("e", ""),
    )
    checked = check(tmp_path, *rows)
    told = {line.partition(".")[0]: line for line in checked.stderr.splitlines()[1:]}
    assert checked.returncode == 1
    assert "reserved" in told["backends[0]"]
    assert "must not contain" in told["backends[1]"]
    assert "duplicate" in told["backends[3]"]
    assert "missing" in told["backends[4]"]
    assert len(told) == 4
