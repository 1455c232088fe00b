"""Which instance has which model, as a value that routing and listings look things up in. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway.canonical.call import Candidate
from gateway.canonical.instance import Instance
from gateway.canonical.listing import BadModelId, Listing, Model, Source, canonical_id


class Entry(NamedTuple):
    """One model of one instance, as clients see it."""

    id: str
    """`<instance>:<model>`, which is a selector too."""
    kind: str
    display_name: str | None


class Inventory:
    """The models of all enabled instances.

    A model has two ids, its provider's own and the canonical one; both find it. Where the same
    text is the one of one model and the other of another, the provider's own goes before.
    """

    def __init__(
        self, instances: Sequence[Instance], listings: Mapping[str, Listing] | None = None
    ) -> None:
        """
        Args:
            instances: in configuration order.
            listings: instance id -> what its provider lists. An instance that is not in it has the
                models that it is configured or built with.
        """
        remote = listings or {}
        self._listings = {
            instance.id: remote.get(instance.id) or fixed_listing(instance)
            for instance in instances
        }
        self._native = {id: _native_ids(one.models) for id, one in self._listings.items()}
        self._serving = self._by_model()
        entries = {
            entry.id: entry
            for instance in instances
            for entry in _entries(instance, self._listings[instance.id])
        }
        self.entries: tuple[Entry, ...] = tuple(entries[id] for id in sorted(entries))
        """What clients are told, sorted by id, each id once."""
        self._kinds = {instance.id: instance.kind for instance in instances}

    def serving(self, model: str) -> tuple[Candidate, ...]:
        """The instances that have a model, in configuration order; none when no one has it.

        Args:
            model: an id without an instance before it.
        """
        return self._serving.get(model, ())

    def native_id(self, instance: str, model: str) -> str:
        """What an instance calls a model; one that it does not list is called as it was asked."""
        return self._native.get(instance, {}).get(model, model)

    def entry(self, id: str) -> Entry | None:
        """Find a model by either of its ids, behind its instance's name or alone."""
        instance, colon, model = id.partition(":")
        if colon and model in self._native.get(instance, {}):
            return Entry(id, self._kinds[instance], self._display_name(instance, model))
        for candidate in self.serving(id):
            name = self._display_name(candidate.instance, id)
            return Entry(id, self._kinds[candidate.instance], name)
        return None

    def _display_name(self, instance: str, model: str) -> str | None:
        native = self.native_id(instance, model)
        models = self._listings[instance].models
        return next((one.display_name for one in models if one.native_id == native), None)

    def _by_model(self) -> dict[str, tuple[Candidate, ...]]:
        serving: dict[str, list[Candidate]] = {}
        for instance, ids in self._native.items():
            for id, native in ids.items():
                serving.setdefault(id, []).append(Candidate(instance, native))
        return {id: tuple(candidates) for id, candidates in serving.items()}


def fixed_listing(instance: Instance) -> Listing:
    """List the models that an instance is configured or built with."""
    return Listing(
        source=Source.CONFIGURED if instance.configured else Source.BUILT_IN,
        models=tuple(_fixed(model, instance.vendor) for model in instance.models),
        loaded_at=0.0,
    )


def _fixed(id: str, vendor: str) -> Model:
    """What people wrote is taken, whatever form it has."""
    try:
        return Model(canonical_id=canonical_id(id, vendor=vendor), native_id=id)
    except BadModelId:
        return Model(canonical_id=id, native_id=id)


def _native_ids(models: Iterable[Model]) -> dict[str, str]:
    """Either id -> the provider's own."""
    ids = {model.native_id: model.native_id for model in models}
    for model in models:
        ids.setdefault(model.canonical_id, model.native_id)
    return ids


def _entries(instance: Instance, listing: Listing) -> Iterable[Entry]:
    """What a provider lists is shown canonically, what people wrote as they wrote it."""
    is_remote = listing.source is Source.REMOTE
    for model in listing.models:
        id = model.canonical_id if is_remote else model.native_id
        yield Entry(f"{instance.id}:{id}", instance.kind, model.display_name)
