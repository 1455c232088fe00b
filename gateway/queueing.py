"""Queue names and job paths: how a call looks to RQ.

The only `rq` import on the web side. A call is a real RQ job: `rq info` and every RQ dashboard show
it. Its arguments are the call's id and the schema version; the body is not among them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis
from rq.command import send_command
from rq.defaults import RQ_KEY_PREFIX
from rq.executions import WORKER_EXECUTIONS_KEY_TEMPLATE, ExecutionRegistry
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.registry import StartedJobRegistry
from rq.utils import as_text, utcformat
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

from gateway.canonical.call import Call

SCHEMA_VERSION = 1
"""Of a call record. A worker takes this version and the one before."""

RUN_CALL = "workers.interactive.run_call"

EXECUTION_PREFIX = f"{RQ_KEY_PREFIX}:execution:"
"""Before `{job id}:{execution id}` in the key of RQ's execution hash."""

RQ_QUEUES = Queue.redis_queues_keys


@dataclass(frozen=True)
class QueueName:
    """A queue of this deployment and its keys, which are RQ's own."""

    name: str

    @property
    def key(self) -> str:
        return f"{Queue.redis_queue_namespace_prefix}{self.name}"

    @property
    def intermediate_key(self) -> str:
        return str(IntermediateQueue.get_intermediate_queue_key(self.key))


def interactive(prefix: str) -> QueueName:
    """The queue of calls that a client waits for."""
    return QueueName(f"{prefix}.interactive")


def job_key(call_id: str) -> str:
    """The Redis key of a call's RQ job."""
    return str(Job.key_for(call_id))


def job_fields(call: Call, queue: QueueName, *, timeout_s: int) -> dict[str, str]:
    """The RQ job hash of a call. Its description names the model and never the prompt."""
    now = rq_time()
    return {
        "created_at": now,
        "enqueued_at": now,
        "data": json.dumps([RUN_CALL, None, [call.id, SCHEMA_VERSION], {}]),
        "origin": queue.name,
        "description": f"{call.id} {call.model[:200]}",
        "status": JobStatus.QUEUED.value,
        "timeout": str(timeout_s),
    }


def stop_call(redis: Redis, *, worker: str, call_id: str) -> None:
    """Tell a worker to end a call, over RQ's own command channel.

    Raises:
        redis.RedisError: Redis did not take it.
    """
    send_command(redis, worker, "stop-job", job_id=call_id)


def rq_time() -> str:
    """The time as RQ writes it."""
    return str(utcformat(datetime.now(UTC)))


def parse_job(data: bytes) -> tuple[str, str, int]:
    """Read a job's function, call id and schema version from its data.

    Raises:
        ValueError: the job is not one of ours.
    """
    function, _, (call_id, version), _ = json.loads(data)
    return str(function), str(call_id), int(version)


def forget_worker(redis: Redis, worker: str, *, queues: Sequence[str]) -> None:
    """Remove what RQ keeps of a worker that died: its registration and what it was running.

    Raises:
        redis.RedisError: Redis did not take it.
    """
    executions_key = WORKER_EXECUTIONS_KEY_TEMPLATE.format(worker)
    members = [as_text(member) for member in redis.smembers(executions_key)]
    worker_key = f"{RQ_KEY_PREFIX}:worker:{worker}"
    pipeline = redis.pipeline(transaction=False)
    for queue in queues:
        if members:
            pipeline.zrem(StartedJobRegistry.key_template.format(queue), *members)
        pipeline.srem(WORKERS_BY_QUEUE_KEY % queue, worker_key)
    for member in members:
        job_id, _, execution_id = member.partition(":")
        pipeline.delete(f"{EXECUTION_PREFIX}{member}")
        pipeline.zrem(ExecutionRegistry.key_template.format(job_id), execution_id)
    pipeline.srem(REDIS_WORKER_KEYS, worker_key)
    pipeline.delete(worker_key, executions_key)
    pipeline.execute()
