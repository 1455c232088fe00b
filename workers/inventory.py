"""Keeps the model inventory up to date: every worker has it, one at a time does it."""

from collections.abc import Callable, Mapping

from gateway.canonical.listing import Listing
from gateway.runtime import Runtime
from gateway.state.ticker import Lease, Ticker

LEASE_MARGIN_S = 30.0
"""How much longer the lease lasts than one provider may take."""


def inventory_ticker(
    runtime: Runtime, fetch: Mapping[str, Callable[[str], Listing]], *, holder: str
) -> Ticker:
    """Make the ticker that asks the providers whose listing is old or missing.

    Args:
        fetch: instance id -> lists its provider's models with a key; raises UpstreamError.
        holder: names this process.
    """
    settings = runtime.config.model_inventory
    lease = Lease(
        runtime.redis,
        f"{runtime.config.redis.prefix}:lease:inventory",
        holder=holder,
        lasts_s=settings.fetch_timeout_s + LEASE_MARGIN_S,
    )
    refresh = runtime.inventory_refresh(fetch)

    def work(goes_on: Callable[[], bool]) -> None:
        refresh.run(goes_on=goes_on)

    return Ticker(lease, work)
