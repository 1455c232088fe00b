"""What RQ keeps of a job that runs, as commands that nobody has to wait for.

`rq info`, RQ's dashboards and its registries read these; the fields are those that RQ's own worker
writes. They go out with the frames, in groups.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from rq.defaults import RQ_KEY_PREFIX
from rq.executions import WORKER_EXECUTIONS_KEY_TEMPLATE, ExecutionRegistry
from rq.registry import StartedJobRegistry

from gateway import queueing
from gateway.transport.appender import Command
from gateway.transport.calls import Popped

LIVES_S = 120
"""What a running job's keys are given at each heartbeat."""


@dataclass(frozen=True)
class JobExecution:
    """RQ's execution of one job by one worker."""

    popped: Popped
    worker: str
    id: str
    started_at: datetime

    @classmethod
    def begin(cls, popped: Popped, *, worker: str) -> "JobExecution":
        """Name a new execution."""
        return cls(popped, worker, uuid4().hex, datetime.now(UTC))

    def started(self) -> list[Command]:
        """Note that the job runs."""
        now = self.started_at.timestamp()
        return [
            ("LREM", self.popped.queue.intermediate_key, 1, self.popped.call_id),
            (
                "HSET",
                self._key,
                *("id", self.id, "job_id", self.popped.call_id, "worker_name", self.worker),
                *("created_at", now, "last_heartbeat", now),
            ),
            ("EXPIRE", self._key, LIVES_S),
            ("ZADD", self._registry_key, now + LIVES_S, self.id),
            ("EXPIRE", self._registry_key, LIVES_S),
            ("ZADD", self._started_key, now + LIVES_S, self._member),
            ("SADD", self._worker_key, self._member),
        ]

    def heartbeat(self) -> list[Command]:
        """Note that the job still runs. Writes nothing anew: it may come after the job's end."""
        now = time.time()
        return [
            ("EXPIRE", self._key, LIVES_S),
            ("EXPIRE", self._registry_key, LIVES_S),
            ("ZADD", self._started_key, "XX", now + LIVES_S, self._member),
        ]

    def finished(self, *, well: bool) -> list[Command]:
        """Forget the execution and count it. The job and the claim go with the last frame."""
        worker_key = f"{RQ_KEY_PREFIX}:worker:{self.worker}"
        worked_s = (datetime.now(UTC) - self.started_at).total_seconds()
        counter = "successful_job_count" if well else "failed_job_count"
        return [
            ("ZREM", self._started_key, self._member),
            ("SREM", self._worker_key, self._member),
            ("DEL", self._key, self._registry_key),
            ("HINCRBY", worker_key, counter, 1),
            ("HINCRBYFLOAT", worker_key, "total_working_time", worked_s),
        ]

    @property
    def _member(self) -> str:
        return f"{self.popped.call_id}:{self.id}"

    @property
    def _key(self) -> str:
        return f"{queueing.EXECUTION_PREFIX}{self._member}"

    @property
    def _registry_key(self) -> str:
        return str(ExecutionRegistry.key_template.format(self.popped.call_id))

    @property
    def _started_key(self) -> str:
        return str(StartedJobRegistry.key_template.format(self.popped.queue.name))

    @property
    def _worker_key(self) -> str:
        return str(WORKER_EXECUTIONS_KEY_TEMPLATE.format(self.worker))
