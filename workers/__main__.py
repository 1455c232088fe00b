"""`python -m workers`: starts one worker.

With `concurrency: gevent` the standard library is patched first thing after the configuration,
which says so, is read; everything that opens a socket or a thread is imported after that.
"""

import os
import sys
from pathlib import Path

from backends.providers import KINDS
from config.errors import ConfigError
from config.loader import load_config


def main() -> int:
    """Run a worker until it is told to stop, and return its exit code."""
    name = os.environ.get("QUEUEWAY_CONFIG", "").strip()
    try:
        config = load_config(Path(name) if name else None, os.environ, kinds=KINDS)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    if config.concurrency == "gevent":
        # Here and not above: only this mode needs it.
        from gevent import monkey

        monkey.patch_all()
    # Not before the patch: it brings in everything that opens a socket or starts a thread.
    from workers.start import run

    return run(config)


if __name__ == "__main__":
    sys.exit(main())
