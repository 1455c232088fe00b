"""`queueway db upgrade` as a shell sees it."""

import subprocess
from pathlib import Path

from tests.support.gateway import QUEUEWAY
from tests.support.process import clean_environment


def upgrade(url: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run it on a database."""
    return subprocess.run(
        [QUEUEWAY, "db", "upgrade"],
        env=clean_environment(DATABASE_URL=url),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
