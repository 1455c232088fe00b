"""Queueing a call: its bounds, and what it looks like to a worker and to RQ."""

from contextlib import suppress

import pytest
import redis
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.serializers import JSONSerializer

from config.schema import Config
from gateway import queueing
from gateway.canonical.errors import GatewayError, Kind
from gateway.canonical.request import Dialect
from gateway.routing.router import Route
from gateway.web import Asked, Web
from tests.contract.desk import PREFIX, WEB, WORKER, Desk, make_queue
from tests.support.redis_server import RedisServer

LIFETIME_MS = 90_000


def refusal(desk: Desk, id: str, body: bytes = b"{}") -> GatewayError:
    """The refusal that a call must meet."""
    with pytest.raises(GatewayError) as raised:
        desk.submit(id, body)
    return raised.value


class TestQueued:
    def test_calls_wait_in_the_order_of_their_submission(self, desk: Desk) -> None:
        for id in ("t-1", "t-2", "t-3"):
            desk.submit(id)
        assert desk.waiting() == ["t-1", "t-2", "t-3"]

    def test_waiting_bytes_are_counted(self, desk: Desk) -> None:
        desk.submit("t-1", b"12345")
        desk.submit("t-2", b"123")
        assert desk.counted() == (8, {b"t-1": b"5", b"t-2": b"3"})

    @pytest.mark.parametrize("count", [1, 3])
    def test_one_token_wakes_a_worker(self, desk: Desk, count: int) -> None:
        for number in range(count):
            desk.submit(f"t-{number}")
        assert desk.tokens() == 1

    def test_submitting_process_lives(self, desk: Desk) -> None:
        """Also in a Redis that has just lost its beat."""
        desk.submit("t-1")
        assert 0 < desk.redis.pttl(desk.keys.alive(WEB)) <= 6000

    def test_what_belongs_to_the_call_expires(self, desk: Desk) -> None:
        desk.submit("t-1")
        keys = (desk.keys.record("t-1"), desk.keys.body("t-1"), queueing.job_key("t-1"))
        assert [0 < desk.redis.pttl(key) <= LIFETIME_MS for key in keys] == [True] * 3

    def test_body_is_kept_byte_for_byte(self, desk: Desk) -> None:
        body = bytes(range(256))
        desk.submit("t-1", body)
        assert desk.redis.get(desk.keys.body("t-1")) == body

    def test_call_is_found(self, desk: Desk) -> None:
        desk.submit("t-1")
        known = desk.store.find("t-1")
        assert known
        assert (known.owner, known.web_id, known.queue) == ("somebody", WEB, desk.queue.name)

    def test_other_call_is_not_found(self, desk: Desk) -> None:
        desk.submit("t-1")
        assert desk.store.find("t-2") is None


class TestBounds:
    def test_one_more_than_the_most_calls_is_refused(self, redis_client: redis.Redis) -> None:
        desk = Desk(redis_client, make_queue(max_calls=2))
        desk.submit("t-1")
        desk.submit("t-2")
        assert refusal(desk, "t-3").failure.status == 429

    def test_most_bytes_are_taken(self, redis_client: redis.Redis) -> None:
        desk = Desk(redis_client, make_queue(max_bytes=10))
        desk.submit("t-1", b"x" * 4)
        desk.submit("t-2", b"x" * 6)
        assert desk.waiting() == ["t-1", "t-2"]

    def test_one_more_than_the_most_bytes_is_refused(self, redis_client: redis.Redis) -> None:
        desk = Desk(redis_client, make_queue(max_bytes=10))
        desk.submit("t-1", b"x" * 4)
        assert refusal(desk, "t-2", b"x" * 7).failure.status == 429

    def test_call_that_is_larger_than_the_bound_is_taken_by_an_empty_queue(
        self, redis_client: redis.Redis
    ) -> None:
        """It could never be sent otherwise; the size of one body has a bound of its own."""
        desk = Desk(redis_client, make_queue(max_bytes=10))
        desk.submit("t-1", b"x" * 11)
        assert desk.waiting() == ["t-1"]

    @pytest.mark.parametrize("bounds", [{"max_calls": 1}, {"max_bytes": 2}], ids=["calls", "bytes"])
    def test_refusal_writes_nothing(
        self, redis_client: redis.Redis, bounds: dict[str, int]
    ) -> None:
        desk = Desk(redis_client, make_queue(**bounds))
        desk.submit("t-1")
        before = {key: redis_client.dump(key) for key in redis_client.scan_iter()}
        refusal(desk, "t-2")
        assert {key: redis_client.dump(key) for key in redis_client.scan_iter()} == before

    def test_place_of_a_popped_call_is_free_again(self, redis_client: redis.Redis) -> None:
        desk = Desk(redis_client, make_queue(max_calls=1, max_bytes=2))
        desk.submit("t-1")
        desk.pop()
        desk.submit("t-2")
        assert desk.waiting() == ["t-2"]

    def test_bounds_are_those_of_each_queue(self, redis_client: redis.Redis) -> None:
        desk = Desk(redis_client, make_queue(max_calls=1))
        desk.submit("t-1", queue=make_queue("batch"))
        desk.submit("t-2")
        assert desk.waiting() == ["t-2"]

    def test_refusal_is_of_the_gateway(self, redis_client: redis.Redis) -> None:
        desk = Desk(redis_client, make_queue(max_calls=1))
        desk.submit("t-1")
        assert refusal(desk, "t-2").failure.kind == Kind.OVERLOADED

    def test_client_waits_longest_when_nothing_was_started_lately(
        self, redis_client: redis.Redis
    ) -> None:
        desk = Desk(redis_client, make_queue(max_calls=1))
        desk.submit("t-1")
        assert refusal(desk, "t-2").failure.retry_after_s == 60

    @pytest.mark.parametrize(
        ("started", "waiting", "at_least_s", "at_most_s"),
        [
            pytest.param(100, 1, 1, 1, id="quick"),
            # Ten were started in the 10 to 20 s that are counted: 0.5 to 1 a second.
            pytest.param(10, 20, 20, 40, id="slow"),
            pytest.param(1, 30, 60, 60, id="never-more-than-a-minute"),
        ],
    )
    def test_client_waits_as_long_as_the_queue_takes(
        self,
        redis_client: redis.Redis,
        started: int,
        waiting: int,
        at_least_s: int,
        at_most_s: int,
    ) -> None:
        desk = Desk(redis_client, make_queue(max_calls=max(started, waiting)))
        for number in range(started):
            desk.submit(f"t-a{number}")
        desk.pop(room=started)
        desk = Desk(redis_client, make_queue(max_calls=waiting))
        for number in range(waiting):
            desk.submit(f"t-b{number}")
        retry_after_s = refusal(desk, "t-c").failure.retry_after_s
        assert retry_after_s is not None
        assert at_least_s <= retry_after_s <= at_most_s


class TestGivenUp:
    """Redis stood still, and its client has been told meanwhile that it does not answer."""

    @pytest.fixture
    def late(self, redis_client: redis.Redis) -> Desk:
        return Desk(redis_client, given_up_in_s=-0.001)

    def test_call_is_not_queued(self, late: Desk) -> None:
        with suppress(redis.RedisError):
            late.submit("t-1")
        assert late.all_keys() == set()

    def test_whoever_waits_after_all_is_told(self, late: Desk) -> None:
        """The clocks may differ by more than was known."""
        with pytest.raises(redis.RedisError):
            late.submit("t-1")

    def test_call_is_queued_before(self, redis_client: redis.Redis) -> None:
        desk = Desk(redis_client, given_up_in_s=1.0)
        desk.submit("t-1")
        assert desk.waiting() == ["t-1"]


class TestRq:
    """A call is a job of RQ's, for everything that reads RQ's keys."""

    @staticmethod
    def fetched(desk: Desk) -> Job:
        return Job.fetch("t-1", connection=desk.redis, serializer=JSONSerializer)

    def test_job_names_its_function(self, desk: Desk) -> None:
        desk.submit("t-1")
        assert self.fetched(desk).func_name == "workers.interactive.run_call"

    def test_job_has_the_id_and_the_schema_version_as_arguments(self, desk: Desk) -> None:
        desk.submit("t-1")
        assert list(self.fetched(desk).args) == ["t-1", queueing.SCHEMA_VERSION]

    def test_job_is_queued(self, desk: Desk) -> None:
        desk.submit("t-1")
        assert self.fetched(desk).get_status() == JobStatus.QUEUED

    def test_job_is_of_its_queue(self, desk: Desk) -> None:
        desk.submit("t-1")
        assert self.fetched(desk).origin == desk.queue.name

    def test_started_job_is_started(self, desk: Desk) -> None:
        desk.run("t-1")
        assert self.fetched(desk).get_status() == JobStatus.STARTED

    def test_started_job_names_its_worker(self, desk: Desk) -> None:
        desk.run("t-1")
        assert self.fetched(desk).worker_name == WORKER

    def test_job_that_was_taken_over_is_queued(self, desk: Desk) -> None:
        desk.take_over(desk.run("t-1"))
        assert self.fetched(desk).get_status() == JobStatus.QUEUED

    def test_job_holds_nothing_of_the_body(self, desk: Desk) -> None:
        desk.submit("t-1", b'{"messages": "the prompt"}')
        assert "the prompt" not in repr(desk.redis.hgetall(queueing.job_key("t-1")))

    def test_queue_is_listed(self, desk: Desk) -> None:
        desk.submit("t-1")
        assert [queue.name for queue in Queue.all(connection=desk.redis)] == [desk.queue.name]

    def test_queue_counts_what_waits(self, desk: Desk) -> None:
        desk.submit("t-1")
        desk.submit("t-2")
        assert Queue(f"{PREFIX}.interactive", connection=desk.redis).count == 2

    def test_id_of_a_real_call_is_one_that_rq_takes(
        self, desk: Desk, redis_server: RedisServer
    ) -> None:
        web = Web(
            Config(),
            redis_url=redis_server.url,
            keys=desk.keys,
            interactive=desk.queue,
            reap=lambda: None,
        )
        call = web.new_call(
            Asked(dialect=Dialect.OPENAI_CHAT, model="acme:m", stream=True),
            owner="",
            route=Route(selector="", candidates=()),
        )
        desk.submit(call.id)
        job = Job.fetch(call.id, connection=desk.redis, serializer=JSONSerializer)
        assert job.id == call.id
