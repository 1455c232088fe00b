"""Logging of every process: one line an event, on standard error."""

import logging


def configure_logging(level: str) -> None:
    """Log at `level` and above: debug, info, warning or error."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # They say at info and debug what we say ourselves.
    for name in ("rq.worker", "rq.job", "urllib3", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
