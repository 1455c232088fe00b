"""A call is a real RQ job: RQ's own tools see it wait and run, and never its content."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker import Worker

from tests.support import answers
from tests.support.client import chat_body
from tests.support.fake_upstream import Answer, FakeUpstream
from tests.support.gateway import Gateway
from tests.support.polling import wait_for
from tests.support.redis_server import RedisServer

PROMPT = "a prompt for the upstream alone"


@pytest.fixture
def redis(private_redis: RedisServer) -> Iterator[Redis]:
    """A client of the gateway's Redis."""
    client = private_redis.client()
    yield client
    client.close()


@pytest.fixture
def queue(gateway: Gateway, redis: Redis) -> Queue:
    """The queue of interactive calls, as RQ sees it."""
    return Queue(f"{gateway.prefix}.interactive", connection=redis, serializer=JSONSerializer)


@pytest.fixture
def may_answer() -> threading.Event:
    """What the upstream waits for."""
    return threading.Event()


@pytest.fixture
def running(
    gateway: Gateway, upstream: FakeUpstream, queue: Queue, may_answer: threading.Event
) -> Iterator[Job]:
    """The job of a call that waits for its upstream."""
    wait_for(lambda: not started(queue), what="the end of earlier jobs")
    whole = answers.whole()
    upstream.script = lambda request: Answer(200, whole.headers, whole.body, hold=may_answer)
    body = chat_body("a:m", user=PROMPT)
    with ThreadPoolExecutor(1) as client:
        reply = client.submit(gateway.post, body)
        try:
            (id,) = wait_for(lambda: started(queue), what="a started job")
            yield Job.fetch(id, connection=queue.connection, serializer=JSONSerializer)
        finally:
            may_answer.set()
        assert reply.result().status == 200


def started(queue: Queue) -> list[str]:
    """The jobs that RQ says run."""
    return StartedJobRegistry(queue=queue).get_job_ids(cleanup=False)


def test_a_running_call_is_a_started_job(running: Job, queue: Queue) -> None:
    assert running.get_status() is JobStatus.STARTED
    assert running.origin == queue.name
    assert running.started_at is not None


def test_a_running_call_names_its_worker(running: Job, queue: Queue) -> None:
    workers = [worker.name for worker in Worker.all(queue=queue)]
    assert running.worker_name in workers


def test_the_arguments_of_a_job_are_the_call_and_a_version(running: Job) -> None:
    assert running.func_name == "workers.interactive.run_call"
    id, version = running.args
    assert id == running.id
    assert isinstance(version, int)


def test_a_job_says_its_model_and_not_its_prompt(running: Job) -> None:
    assert running.description == f"{running.id} a:m"
    assert PROMPT not in repr(running.to_dict())


def test_a_call_that_has_ended_leaves_no_job(
    running: Job, queue: Queue, may_answer: threading.Event
) -> None:
    may_answer.set()
    wait_for(
        lambda: not Job.exists(running.id, connection=queue.connection) and not started(queue),
        what="the end of the job",
    )


def test_a_call_that_waits_for_a_worker_is_a_queued_job(
    private_redis: RedisServer, redis: Redis, upstream: FakeUpstream
) -> None:
    row = {"id": "a", "kind": "openai-legacy", "base_url": f"{upstream.url}/a", "api_key": "key-a"}
    gateway = Gateway(redis_url=private_redis.url, backends=[row])
    upstream.script = lambda request: answers.whole()
    try:
        gateway.start()
        gateway.workers.pop().kill()
        queue = Queue(f"{gateway.prefix}.interactive", connection=redis, serializer=JSONSerializer)
        with ThreadPoolExecutor(1) as client:
            reply = client.submit(gateway.chat, "a:m")
            wait_for(lambda: queue.count, what="a queued job")
            (job,) = queue.jobs
            assert job.get_status() is JobStatus.QUEUED
            assert upstream.requests == []
            gateway.workers.append(gateway.start_worker())
            assert reply.result().status == 200
        assert queue.count == 0
    finally:
        gateway.close()
