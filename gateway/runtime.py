"""Everything a process needs, built once from the configuration. Nothing happens at import time.

`Runtime` is what web, worker and command line share; `Web` is a web process's end of the transport.
"""

import atexit
import logging
import os
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from secrets import token_hex

from redis import Redis, RedisError
from redis.exceptions import OutOfMemoryError

from config.schema import Config
from gateway import queueing
from gateway.canonical.call import Call
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.instance import Instance
from gateway.canonical.request import Dialect
from gateway.credentials.credential import Credential
from gateway.credentials.policy import Policy
from gateway.credentials.pool import CredentialPool
from gateway.routing.router import Route, Router
from gateway.state.connection import connect
from gateway.state.liveness import Liveness, living
from gateway.transport.calls import CallStore, Job, QueueKeys
from gateway.transport.keys import CallKeys
from gateway.transport.replies import Follower, Replies

CALL_MARGIN_S = 60
"""How much longer a call's keys live than the call may."""

log = logging.getLogger(__name__)


class Runtime:
    """The parts that every process of a deployment has in common."""

    def __init__(
        self, config: Config, instances: Sequence[Instance], *, client_headers: Collection[str] = ()
    ) -> None:
        """
        Args:
            instances: the enabled instances, in configuration order.
            client_headers: names, in lower case, of the client's headers that a backend may use.
        Raises:
            ValueError: the configuration names no Redis.
        """
        if not config.redis.url:
            raise ValueError("no Redis: set REDIS_URL, or start everything with 'queueway up'")
        self.config = config
        self.instances = tuple(instances)
        self.client_headers = frozenset(client_headers)
        self.redis_url = config.redis.url
        self.keys = CallKeys(config.redis.prefix)
        self.redis: Redis = connect(self.redis_url)
        self.calls = CallStore(self.redis, self.keys)
        self.interactive = self._queue(queueing.interactive(config.redis.prefix))
        self.router = Router(
            {instance.id: instance.models for instance in instances}, config.routing.default_route
        )
        self.pool = CredentialPool(
            self.redis,
            prefix=config.redis.prefix,
            credentials={
                instance.id: [Credential(id, secret) for id, secret in instance.keys]
                for instance in instances
            },
            policy=Policy(config.credentials.default_cooldown_s, config.credentials.max_cooldown_s),
            secret=config.secret,
        )

    @cached_property
    def web(self) -> "Web":
        """This web process's end of the transport."""
        return Web(self)

    def living_workers(self) -> list[str]:
        """List the workers heard from lately.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        return living(self.redis, self.keys.processes("worker"))

    def _queue(self, queue: queueing.QueueName) -> QueueKeys:
        return QueueKeys(
            name=queue.name,
            key=queue.key,
            intermediate_key=queue.intermediate_key,
            names_key=queueing.RQ_QUEUES,
            max_calls=self.config.queue.max_calls,
            max_bytes=self.config.queue.max_bytes,
        )


class Web:
    """Opens calls for one web process, and follows and cancels them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._id = f"web-{os.getpid()}-{token_hex(4)}"
        self._lock = threading.Lock()
        self._started = False
        keys = runtime.keys
        self._replies = Replies(connect(runtime.redis_url), key=keys.replies(self._id))
        self._liveness = Liveness(
            connect(runtime.redis_url),
            process_id=self._id,
            alive_key=keys.alive(self._id),
            processes_key=keys.processes("web"),
        )

    def new_call(
        self,
        *,
        owner: str,
        dialect: Dialect,
        model: str,
        stream: bool,
        route: Route,
        headers: Mapping[str, str],
    ) -> Call:
        """Make a call that is not submitted yet.

        Args:
            headers: the client's headers that a backend may use.
        """
        config = self._runtime.config
        return Call(
            id=f"{config.redis.prefix}.{token_hex(16)}",
            owner=owner,
            dialect=dialect,
            model=model,
            stream=stream,
            candidates=route.candidates,
            deadline_at=time.time() + config.timeouts.total_s,
            headers=dict(headers),
        )

    def open(self, call: Call, body: bytes) -> Follower:
        """Submit a call and follow it.

        Raises:
            GatewayError: 429 when the queue is over a bound, 503 when Redis cannot take the call.
        """
        follower = self._replies.expect(call.id)
        try:
            self._start()
            self._submit(call, body)
        except GatewayError:
            follower.close()
            raise
        except OutOfMemoryError:
            follower.close()
            raise GatewayError(_unavailable("the gateway's Redis is out of memory")) from None
        except RedisError as error:
            follower.close()
            log.error("could not submit %s: %s", call.id, error)
            raise GatewayError(_unavailable("the gateway cannot reach its Redis")) from None
        return follower

    def cancel(self, call_id: str) -> None:
        """End a call that nobody waits for any more. Does nothing when it has ended."""
        runtime = self._runtime
        try:
            worker = runtime.calls.cancel(
                call_id, queue=runtime.interactive, job_key=queueing.job_key(call_id)
            )
            if worker:
                queueing.stop_call(runtime.redis, worker=worker, call_id=call_id)
        except RedisError as error:
            log.warning("could not cancel %s: %s", call_id, error)

    def _submit(self, call: Call, body: bytes) -> None:
        runtime = self._runtime
        total_s = int(runtime.config.timeouts.total_s)
        fields = queueing.job_fields(
            call, queueing.interactive(runtime.config.redis.prefix), timeout_s=total_s
        )
        runtime.calls.submit(
            call,
            body,
            queue=runtime.interactive,
            job=Job(queueing.job_key(call.id), fields),
            web_id=self._id,
            lifetime_s=total_s + CALL_MARGIN_S,
        )

    def _start(self) -> None:
        """Begin to beat and to read replies, at the first call of the process."""
        if self._started:
            return
        with self._lock:
            if not self._started:
                self._liveness.start()
                self._replies.start()
                atexit.register(self._liveness.stop)
                self._started = True


def _unavailable(reason: str) -> Failure:
    return Failure(
        kind=Kind.UNAVAILABLE,
        message=f"{reason}; send the request again in some seconds",
        status=503,
        retry_after_s=5,
    )
