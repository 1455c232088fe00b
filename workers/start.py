"""Builds a worker from the configuration and runs it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from backends.listing import build_listers
from backends.registry import build_backends, describe
from config.errors import ConfigError
from config.schema import Config
from gateway.logs import configure_logging
from gateway.runtime import Runtime
from gateway.state.requirements import unmet_requirements
from workers.inventory import inventory_ticker
from workers.lineage import SchemaIsOld, make_writer, open_store, remembering
from workers.worker import CallWorker


def run(config: Config) -> int:
    """Run one worker until it is told to stop; returns 0, or 1 when it could not start."""
    configure_logging(config.logging.level)
    try:
        runtime = Runtime(config, describe(config))
        if problems := unmet_requirements(runtime.redis):
            print("\n".join(problems), file=sys.stderr)
            return 1
        engine = open_store(config)
        lineage = make_writer(engine)
        worker = CallWorker(runtime, build_backends(config), lineage=lineage)
        with (
            _refreshing_models(runtime, worker.name),
            remembering(runtime, engine, holder=worker.name),
        ):
            lineage.start()
            try:
                worker.work()
            finally:
                lineage.stop()
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", error)).strip()
        print(f"the worker cannot start: the database does not answer: {words}", file=sys.stderr)
        return 1
    except (ConfigError, SchemaIsOld, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except RedisError as error:
        print(f"the worker cannot start: Redis does not answer: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _refreshing_models(runtime: Runtime, holder: str) -> Iterator[None]:
    """Have the models of the providers kept up to date meanwhile, unless nobody wants it."""
    listers = build_listers(runtime.config)
    if not listers or not runtime.config.model_inventory.refresh_enabled:
        yield
        return
    fetch = {id: lister.fetch for id, lister in listers.items()}
    ticker = inventory_ticker(runtime, fetch, holder=holder)
    ticker.start()
    try:
        yield
    finally:
        ticker.stop()
