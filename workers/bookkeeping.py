"""What RQ keeps of a job that runs, as script calls that nobody has to wait for.

`rq info`, RQ's dashboards and its registries read these; the fields are those that RQ's own worker
writes. They go out with the frames, in groups.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from rq.defaults import RQ_KEY_PREFIX
from rq.executions import WORKER_EXECUTIONS_KEY_TEMPLATE, ExecutionRegistry
from rq.registry import StartedJobRegistry

from gateway import queueing
from gateway.state.script import Script, ScriptCall
from gateway.transport.calls import Popped

LIVES_S = 120
"""What a running job's keys are given at each heartbeat."""

_SCRIPTS = Path(__file__).parent / "scripts"
_STARTED = Script(_SCRIPTS / "started.lua")
_BEAT = Script(_SCRIPTS / "beat.lua")
_FINISHED = Script(_SCRIPTS / "finished.lua")


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

    def started(self) -> ScriptCall:
        """Note that the job runs."""
        return ScriptCall(
            _STARTED,
            keys=(
                self._key,
                self._registry_key,
                self._started_key,
                self._worker_key,
            ),
            args=(
                self.popped.call_id,
                self.id,
                self.worker,
                self.started_at.timestamp(),
                LIVES_S,
                self._member,
            ),
        )

    def heartbeat(self) -> ScriptCall:
        """Note that the job still runs. Writes nothing anew: it may come after the job's end."""
        return ScriptCall(
            _BEAT,
            keys=(self._key, self._registry_key, self._started_key),
            args=(self._member, time.time(), LIVES_S),
        )

    def finished(self, *, well: bool) -> ScriptCall:
        """Forget the execution and count it. The job and the claim go with the last frame."""
        return ScriptCall(
            _FINISHED,
            keys=(
                self._started_key,
                self._worker_key,
                self._key,
                self._registry_key,
                f"{RQ_KEY_PREFIX}:worker:{self.worker}",
            ),
            args=(
                self._member,
                "successful_job_count" if well else "failed_job_count",
                (datetime.now(UTC) - self.started_at).total_seconds(),
            ),
        )

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
