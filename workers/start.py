"""Builds a worker from the configuration and runs it."""

import sys

from redis import RedisError

from backends.registry import build_backends, describe
from config.errors import ConfigError
from config.schema import Config
from gateway.logs import configure_logging
from gateway.runtime import Runtime
from gateway.state.requirements import unmet_requirements
from workers.worker import CallWorker


def run(config: Config) -> int:
    """Run one worker until it is told to stop; 0 when it ended in order, 1 when Redis is away."""
    configure_logging(config.logging.level)
    try:
        runtime = Runtime(config, describe(config))
        if problems := unmet_requirements(runtime.redis):
            print("\n".join(problems), file=sys.stderr)
            return 1
        worker = CallWorker(runtime, build_backends(config))
        worker.work()
    except (ConfigError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except RedisError as error:
        print(f"the worker cannot start: Redis does not answer: {error}", file=sys.stderr)
        return 1
    return 0
