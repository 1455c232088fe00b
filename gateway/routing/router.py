"""Resolves what a client asked for into the candidates that may answer it, in order.

Knows the configured instances by name only; whether one is healthy or has a key comes later.
"""

import difflib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from gateway.canonical.call import Candidate
from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.instance import Instance
from gateway.routing.grammar import parse_selector
from gateway.routing.inventory import Inventory
from gateway.routing.selector_error import SelectorError
from gateway.routing.served import Roll, in_order, require_served
from gateway.routing.tree import Leaf, Selector, leaves

MAX_ASKED_CHARS = 200
"""Of what the client asked for, in a message and in the search for a name like it."""

_SIGNS = "|^!"
_NOTHING_LISTED = Inventory(())


class Route(Struct, frozen=True):
    """The outcome of routing."""

    selector: str
    candidates: tuple[Candidate, ...]


def names_of(instances: Iterable[Instance]) -> dict[str, list[str]]:
    """List what selectors may call instances besides their ids: name -> the ids, in order.

    A name that is an instance's id means that instance alone.
    """
    names: dict[str, list[str]] = {}
    for instance in instances:
        for prefix in instance.prefixes:
            names.setdefault(prefix, []).append(instance.id)
    return names


class Router:
    """Resolves selectors against the configured instances."""

    def __init__(
        self,
        models: Mapping[str, Sequence[str]],
        default_route: str | None,
        *,
        names: Mapping[str, Sequence[str]] = MappingProxyType({}),
        inventory: Callable[[], Inventory] = lambda: _NOTHING_LISTED,
        roll: Roll = random.randrange,
    ) -> None:
        """
        Args:
            models: instance id -> the model ids that it lists, in configuration order.
            default_route: selector for a model that names no instance.
            names: what instances are called besides their ids -> the ids, in configuration order.
            inventory: which instance has which model, as of now.
            roll: draws among weighted candidates.
        Raises:
            SelectorError: the default route cannot be read.
            GatewayError: it asks for what is not served.
        """
        self._inventory = inventory
        self._roll = roll
        self._instances = {name.lower(): tuple(ids) for name, ids in names.items()}
        self._instances |= {instance.lower(): (instance,) for instance in models}
        self._default = parse_selector(default_route) if default_route else None
        if self._default:
            require_served(self._default, param=None)
        self._known = [f"{id}:{model}" for id, listed in models.items() for model in listed]
        self._ids = list(models)

    def resolve(self, model: str, *, header: str | None = None) -> Route:
        """Resolve a request's route header, else its model, else the default route.

        A model that names no instance goes to those that have it, in configuration order, and to
        the default route only when none has.

        Raises:
            GatewayError: 400 for a selector that cannot be read, 404 when nothing configured
                answers to it.
        """
        selector = (header or "").strip()
        if selector:
            return Route(selector, self._candidates(_parse(selector, param=None), selector))
        if self._is_inline(model):
            return Route(model, self._candidates(_parse(model, param="model"), model))
        if having := self._inventory().serving(model.strip()):
            return Route(model, having)
        if self._default:
            return Route(model, self._candidates(self._default, model))
        raise self._unknown(model)

    def _is_inline(self, model: str) -> bool:
        head, colon, _ = model.partition("|")[0].partition(":")
        if colon and head.strip().lower() in self._instances:
            return True
        return any(sign in model for sign in _SIGNS) or model.lstrip()[:1] in ("[", "{")

    def _candidates(self, tree: Selector, asked: str) -> tuple[Candidate, ...]:
        """List what the leaves name; one that names nothing configured is passed over."""
        ordered = in_order(tree, roll=self._roll)
        found = [candidate for leaf in ordered for candidate in self._named(leaf)]
        if not found:
            raise self._unknown(asked)
        return tuple(dict.fromkeys(found))

    def _named(self, leaf: Leaf) -> list[Candidate]:
        inventory = self._inventory()
        if not leaf.instance and (having := inventory.serving(leaf.model)):
            return list(having)
        name = leaf.instance or (next(leaves(self._default)).instance if self._default else "")
        ids = self._instances.get(name.lower(), ())
        return [Candidate(id, inventory.native_id(id, leaf.model)) for id in ids]

    def _unknown(self, asked: str) -> GatewayError:
        asked = asked[:MAX_ASKED_CHARS]
        near = difflib.get_close_matches(asked, self._known, n=3, cutoff=0.5) or self._near(asked)
        hint = f"did you mean {' or '.join(near)}?" if near else self._instances_hint()
        return GatewayError(
            Failure(
                kind=Kind.NOT_FOUND,
                message=f"the model '{asked}' is not served here; {hint}",
                status=404,
                code="model_not_found",
                param="model",
            )
        )

    def _near(self, asked: str) -> list[str]:
        """List what was asked for with names of instances that are like the one in it."""
        head, colon, model = asked.partition("|")[0].partition(":")
        if not colon:
            return []
        near = difflib.get_close_matches(head.strip().lower(), self._instances, n=3, cutoff=0.6)
        return [f"{name}:{model.strip()}" for name in near]

    def _instances_hint(self) -> str:
        if not self._ids:
            return "no backend is enabled"
        return "name one as 'instance:model'; the instances are " + ", ".join(self._ids)


def _parse(selector: str, *, param: str | None) -> Selector:
    try:
        tree = parse_selector(selector)
        require_served(tree, param=param)
        return tree
    except SelectorError as error:
        raise GatewayError(
            Failure(
                kind=Kind.INVALID_REQUEST,
                message=f"the selector cannot be read: {error}",
                status=400,
                code="invalid_selector",
                param=param,
            )
        ) from None
