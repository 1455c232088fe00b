"""Which instance has which model, by either of a model's ids."""

import pytest

from gateway.canonical.call import Candidate
from gateway.canonical.errors import GatewayError
from gateway.canonical.instance import Instance
from gateway.canonical.listing import Listing, Model, Source
from gateway.routing.inventory import Entry, Inventory
from gateway.routing.router import Router


def instance(
    id: str, *models: str, kind: str = "acme", vendor: str = "acme", configured: bool = False
) -> Instance:
    """An instance that is built, or configured, with these models."""
    return Instance(id, kind, models, (), vendor=vendor, configured=configured)


def listing(**models: str) -> Listing:
    """What a provider lists: canonical id -> its own."""
    rows = (Model(canonical_id=canonical, native_id=own) for canonical, own in models.items())
    return Listing(source=Source.REMOTE, models=tuple(rows), loaded_at=1.0)


STUB = instance("stub", "echo", kind="local-stub", vendor="local-stub")
OPENAI = instance("oa", "gpt-4o-mini", vendor="openai")
ROUTED = instance("or", vendor="openrouter")
LISTINGS = {
    "oa": listing(**{"openai/gpt-5": "gpt-5", "openai/gpt-4o": "gpt-4o"}),
    "or": listing(**{"openai/gpt-5": "openai/gpt-5", "meta/llama": "meta/llama"}),
}
INVENTORY = Inventory([STUB, OPENAI, ROUTED], LISTINGS)


@pytest.mark.parametrize(
    ("model", "candidates"),
    [
        pytest.param("gpt-4o", ["oa:gpt-4o"], id="native"),
        pytest.param("openai/gpt-4o", ["oa:gpt-4o"], id="canonical"),
        pytest.param("openai/gpt-5", ["oa:gpt-5", "or:openai/gpt-5"], id="several-instances"),
        pytest.param("gpt-5", ["oa:gpt-5"], id="native-at-one-of-them"),
        pytest.param("echo", ["stub:echo"], id="built-in"),
        pytest.param("local-stub/echo", ["stub:echo"], id="built-in-canonical"),
        pytest.param("gpt-4o-mini", [], id="a-listing-replaces-what-is-built-in"),
        pytest.param("GPT-5", [], id="other-case"),
        pytest.param("", [], id="blank"),
    ],
)
def test_a_model_is_found_at_those_that_have_it(model: str, candidates: list[str]) -> None:
    assert [str(candidate) for candidate in INVENTORY.serving(model)] == candidates


def test_instances_are_in_configuration_order() -> None:
    swapped = Inventory([ROUTED, OPENAI], LISTINGS)
    assert [one.instance for one in swapped.serving("openai/gpt-5")] == ["or", "oa"]


def test_an_instances_own_id_goes_before_anothers_canonical_one() -> None:
    models = (
        Model(canonical_id="a/b", native_id="b"),
        Model(canonical_id="a/b", native_id="a/b"),
    )
    both = Listing(source=Source.REMOTE, models=models, loaded_at=1.0)
    assert Inventory([OPENAI], {"oa": both}).serving("a/b") == (Candidate("oa", "a/b"),)


@pytest.mark.parametrize(
    ("asked", "native"),
    [("openai/gpt-5", "gpt-5"), ("gpt-5", "gpt-5"), ("openai/other", "openai/other")],
)
def test_an_instance_is_asked_by_its_own_id(asked: str, native: str) -> None:
    assert INVENTORY.native_id("oa", asked) == native


def test_what_an_unknown_instance_is_asked_stays() -> None:
    assert INVENTORY.native_id("gone", "openai/gpt-5") == "openai/gpt-5"


def test_models_are_shown_canonically_where_listed_and_as_written_where_fixed() -> None:
    assert [entry.id for entry in INVENTORY.entries] == [
        "oa:openai/gpt-4o",
        "oa:openai/gpt-5",
        "or:meta/llama",
        "or:openai/gpt-5",
        "stub:echo",
    ]


def test_without_a_listing_the_default_model_is_shown() -> None:
    assert [entry.id for entry in Inventory([OPENAI]).entries] == ["oa:gpt-4o-mini"]


def test_a_model_that_is_there_twice_is_shown_once() -> None:
    models = (
        Model(canonical_id="a/b", native_id="b"),
        Model(canonical_id="a/b", native_id="a/b"),
    )
    twice = Listing(source=Source.REMOTE, models=models, loaded_at=1.0)
    assert [entry.id for entry in Inventory([OPENAI], {"oa": twice}).entries] == ["oa:a/b"]


def test_a_configured_model_need_not_be_of_any_form() -> None:
    odd = Inventory([instance("a", "x/y/z", configured=True)])
    assert [entry.id for entry in odd.entries] == ["a:x/y/z"]
    assert odd.serving("x/y/z") == (Candidate("a", "x/y/z"),)


@pytest.mark.parametrize(
    ("id", "kind"),
    [
        ("oa:openai/gpt-5", "acme"),
        ("oa:gpt-5", "acme"),
        ("openai/gpt-5", "acme"),
        ("stub:echo", "local-stub"),
        ("echo", "local-stub"),
    ],
)
def test_a_model_is_shown_by_whatever_finds_it(id: str, kind: str) -> None:
    assert INVENTORY.entry(id) == Entry(id, kind, None)


@pytest.mark.parametrize("id", ["oa:nothing", "gone:gpt-5", "nothing", ":", ""])
def test_what_finds_nothing_is_not_shown(id: str) -> None:
    assert INVENTORY.entry(id) is None


def test_a_model_is_shown_with_its_name() -> None:
    named = Model(canonical_id="openai/m", native_id="m", display_name="The M")
    inventory = Inventory(
        [OPENAI], {"oa": Listing(source=Source.REMOTE, models=(named,), loaded_at=1.0)}
    )
    assert inventory.entries == (Entry("oa:openai/m", "acme", "The M"),)
    assert inventory.entry("oa:m") == Entry("oa:m", "acme", "The M")
    assert inventory.entry("m") == Entry("m", "acme", "The M")


MODELS = {"stub": ["echo"], "oa": ["gpt-4o-mini"], "or": []}
ROUTER = Router(MODELS, "stub:echo", inventory=lambda: INVENTORY)


@pytest.mark.parametrize(
    ("model", "candidates"),
    [
        pytest.param("openai/gpt-5", ["oa:gpt-5", "or:openai/gpt-5"], id="before-the-default"),
        pytest.param(" gpt-4o ", ["oa:gpt-4o"], id="white-space"),
        pytest.param("unknown", ["stub:echo"], id="else-the-default"),
        pytest.param("oa:openai/gpt-5", ["oa:gpt-5"], id="canonical-behind-an-instance"),
        pytest.param("oa:not-listed", ["oa:not-listed"], id="not-listed-behind-an-instance"),
        pytest.param(
            "meta/llama|gpt-4o", ["or:meta/llama", "oa:gpt-4o"], id="arms-without-an-instance"
        ),
        pytest.param("unknown|gpt-4o", ["stub:unknown", "oa:gpt-4o"], id="one-arm-is-unknown"),
    ],
)
def test_a_model_without_an_instance_goes_to_those_that_have_it(
    model: str, candidates: list[str]
) -> None:
    assert [str(one) for one in ROUTER.resolve(model).candidates] == candidates


def test_a_header_that_names_a_model_goes_to_those_that_have_it() -> None:
    assert [str(one) for one in ROUTER.resolve("x", header="gpt-4o").candidates] == ["oa:gpt-4o"]


def test_without_a_default_a_model_that_nobody_has_is_404() -> None:
    router = Router(MODELS, None, inventory=lambda: INVENTORY)
    with pytest.raises(GatewayError) as caught:
        router.resolve("unknown")
    assert caught.value.failure.status == 404


def test_the_inventory_is_that_of_the_moment() -> None:
    inventories = [Inventory([STUB]), INVENTORY]
    router = Router(MODELS, None, inventory=lambda: inventories[0])
    with pytest.raises(GatewayError):
        router.resolve("gpt-4o")
    del inventories[0]
    assert [str(one) for one in router.resolve("gpt-4o").candidates] == ["oa:gpt-4o"]
