"""Everything a process needs, built once from the configuration. Nothing happens at import time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial

from redis import Redis

from config.errors import ConfigError, Problem
from config.schema import Config
from gateway import queueing
from gateway.canonical.errors import GatewayError
from gateway.canonical.instance import Instance
from gateway.canonical.listing import Listing
from gateway.credentials.credential import Credential
from gateway.credentials.policy import Policy
from gateway.credentials.pool import CredentialPool
from gateway.routing.inventory import Inventory
from gateway.routing.router import Router, names_of
from gateway.routing.selector_error import SelectorError
from gateway.state.connection import connect
from gateway.state.inventory import InventoryCache, LiveInventory, Refresh, Remote
from gateway.state.liveness import living
from gateway.transport.calls import CallStore, QueueKeys
from gateway.transport.keys import CallKeys
from gateway.transport.reaper import Reaper
from gateway.web import ANSWER_TIMEOUT_S, Web


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
            ConfigError: its default route cannot be used.
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
        self.inventory_cache = InventoryCache(self.redis, config.redis.prefix)
        self.router = build_router(config, instances, inventory=self.inventory)
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
    def web(self) -> Web:
        """This web process's end of the transport."""
        return Web(
            self.config,
            redis_url=self.redis_url,
            keys=self.keys,
            interactive=self.interactive,
            reap=self.reaper.reap,
        )

    @cached_property
    def reaper(self) -> Reaper:
        """Takes over what dead processes had."""
        return Reaper(
            self.redis,
            self.keys,
            queues={self.interactive.name: self.interactive},
            job_key=queueing.job_key,
            forget_worker=self._forget_worker,
        )

    def inventory(self) -> Inventory:
        """Which instance has which model, as of some seconds ago."""
        return self._live_inventory.current()

    @cached_property
    def _live_inventory(self) -> LiveInventory[Inventory]:
        redis = connect(self.redis_url, answer_timeout_s=ANSWER_TIMEOUT_S)
        return LiveInventory(
            InventoryCache(redis, self.config.redis.prefix),
            self.origins,
            make=partial(Inventory, self.instances),
        )

    @property
    def origins(self) -> dict[str, str]:
        """Where each instance is listed whose provider is asked, by id."""
        return {one.id: one.origin for one in self.instances if one.origin}

    def inventory_refresh(self, fetch: Mapping[str, Callable[[str], Listing]]) -> Refresh:
        """Make what keeps the inventory up to date.

        Args:
            fetch: instance id -> lists its provider's models with a key; raises UpstreamError.
        """

        def ask(id: str) -> Listing:
            return fetch[id](self.pool.first_usable(id).secret)

        remotes = {id: Remote(origin, partial(ask, id)) for id, origin in self.origins.items()}
        interval_s = self.config.model_inventory.refresh_interval_s
        return Refresh(self.inventory_cache, remotes, interval_s=interval_s)

    def living_workers(self) -> list[str]:
        """List the workers heard from lately.

        Raises:
            redis.RedisError: Redis did not answer.
        """
        return living(self.redis, self.keys.processes("worker"))

    def _forget_worker(self, worker_id: str) -> None:
        queueing.forget_worker(self.redis, worker_id, queues=[self.interactive.name])

    def _queue(self, queue: queueing.QueueName) -> QueueKeys:
        return QueueKeys(
            name=queue.name,
            key=queue.key,
            intermediate_key=queue.intermediate_key,
            names_key=queueing.RQ_QUEUES,
            max_calls=self.config.queue.max_calls,
            max_bytes=self.config.queue.max_bytes,
        )


def build_router(
    config: Config,
    instances: Sequence[Instance],
    *,
    inventory: Callable[[], Inventory] | None = None,
) -> Router:
    """Build the router of the enabled instances.

    Args:
        inventory: which instance has which model, as of now; None = what they are configured with.
    Raises:
        ConfigError: the default route cannot be read, or names nothing that is enabled.
    """
    models = {instance.id: instance.models for instance in instances}
    route = config.routing.default_route
    fixed = Inventory(instances)
    build = partial(Router, models, route, names=names_of(instances))
    try:
        router = build(inventory=lambda: fixed)
        if route:
            router.resolve(route)
    except (SelectorError, GatewayError) as error:
        remedy = "Write it as instance:model with an enabled instance, or remove it."
        problem = Problem("routing.default_route", str(error), remedy)
        raise ConfigError((problem,)) from None
    return build(inventory=inventory) if inventory else router
