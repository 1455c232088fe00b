"""From a request's words to the candidates that may answer it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.errors import Failure, GatewayError, Kind
from gateway.canonical.instance import Instance
from gateway.routing.router import MAX_ASKED_CHARS, Router, names_of

MODELS = {"Stub-A": ["echo", "slow"], "hf": ["openai/gpt-oss-120b"], "bare": []}
ROUTER = Router(MODELS, "stub-a:slow|hf:other")
STRICT = Router(MODELS, None)


def _candidates(router: Router, model: str, header: str | None = None) -> list[str]:
    return [str(candidate) for candidate in router.resolve(model, header=header).candidates]


def _refusal(router: Router, model: str, header: str | None = None) -> Failure:
    with pytest.raises(GatewayError) as caught:
        router.resolve(model, header=header)
    return caught.value.failure


@pytest.mark.parametrize(
    ("model", "header", "candidates"),
    [
        pytest.param("hf:m", None, ["hf:m"], id="inline"),
        pytest.param("HF:m", None, ["hf:m"], id="inline-in-other-case"),
        pytest.param("stub-a:Echo", None, ["Stub-A:Echo"], id="the-model-keeps-its-case"),
        pytest.param(" hf : m ", None, ["hf:m"], id="inline-with-white-space"),
        pytest.param("hf:not-listed", None, ["hf:not-listed"], id="a-model-that-is-not-listed"),
        pytest.param("hf:a:b/c", None, ["hf:a:b/c"], id="colon-in-model"),
        pytest.param("hf:m|stub-a:echo", None, ["hf:m", "Stub-A:echo"], id="failover"),
        pytest.param("echo|hf:m", None, ["Stub-A:echo", "hf:m"], id="first-arm-names-none"),
        pytest.param("gone:m|hf:m", None, ["hf:m"], id="unknown-arm-is-passed-over"),
        pytest.param("hf:m|HF:m|hf:m", None, ["hf:m"], id="the-same-candidate-once"),
        pytest.param("gpt-4o", None, ["Stub-A:slow", "hf:other"], id="default"),
        pytest.param("gone:m", None, ["Stub-A:slow", "hf:other"], id="unknown-prefix-is-a-model"),
        pytest.param("gpt-4o", "hf:m", ["hf:m"], id="header"),
        pytest.param("stub-a:echo", " hf:m ", ["hf:m"], id="header-wins-over-inline"),
        pytest.param("hf:m", "  ", ["hf:m"], id="blank-header-is-none"),
        pytest.param("gpt-4o", "echo", ["Stub-A:echo"], id="header-names-no-instance"),
    ],
)
def test_a_request_is_resolved(model: str, header: str | None, candidates: list[str]) -> None:
    assert _candidates(ROUTER, model, header) == candidates


def test_a_route_says_what_it_was_made_from() -> None:
    assert ROUTER.resolve("gpt-4o", header=" hf:m ").selector == "hf:m"
    assert ROUTER.resolve("hf:m").selector == "hf:m"
    assert ROUTER.resolve("gpt-4o").selector == "gpt-4o"


@pytest.mark.parametrize(
    ("router", "model", "header"),
    [
        pytest.param(STRICT, "gpt-4o", None, id="model-alone-without-default"),
        pytest.param(STRICT, "gone:m", None, id="unknown-instance-without-default"),
        pytest.param(ROUTER, "gone:m|also:m", None, id="no-arm-is-known"),
        pytest.param(ROUTER, "hf:m", "gone:m", id="header-of-unknown-instance"),
        pytest.param(STRICT, "echo|slow", None, id="arms-without-instance-without-default"),
        pytest.param(Router(MODELS, "gone:m"), "gpt-4o", None, id="default-of-unknown-instance"),
        pytest.param(Router(MODELS, "gone:m"), "x|y", None, id="arms-of-an-unknown-default"),
        pytest.param(Router(MODELS, "m"), "gpt-4o", None, id="default-without-instance"),
        pytest.param(Router({}, None), "gpt-4o", None, id="nothing-configured"),
    ],
)
def test_what_nothing_answers_to_is_404_of_the_model(
    router: Router, model: str, header: str | None
) -> None:
    failure = _refusal(router, model, header)
    assert (failure.status, failure.kind) == (404, Kind.NOT_FOUND)
    assert (failure.code, failure.param) == ("model_not_found", "model")


@pytest.mark.parametrize(
    ("router", "model", "hint"),
    [
        pytest.param(
            STRICT, "hf/openai/gpt-oss-12b", "did you mean hf:openai/gpt-oss-120b?", id="one-near"
        ),
        pytest.param(
            Router({"a": ["m1", "m2"]}, None), "a.m", "did you mean a:m2 or a:m1?", id="two-near"
        ),
        pytest.param(
            STRICT,
            "zzz",
            "name one as 'instance:model'; the instances are Stub-A, hf, bare",
            id="none-near",
        ),
        pytest.param(Router({}, None), "zzz", "no backend is enabled", id="none-at-all"),
    ],
)
def test_a_404_says_what_to_ask_for(router: Router, model: str, hint: str) -> None:
    message = _refusal(router, model).message
    assert message == f"the model '{model}' is not served here; {hint}"


def test_a_very_long_model_is_refused_in_short() -> None:
    asked = "hf." + "ab" * 10_000
    message = _refusal(STRICT, asked).message
    assert asked[:MAX_ASKED_CHARS] in message
    assert len(message) < 2 * MAX_ASKED_CHARS


NAMED = Router(
    {"or-1": ["m"], "or-2": [], "Acme": [], "nvidia": []},
    "Openrouter:m",
    names={"openrouter": ["or-1", "or-2"], "prefix": ["Acme"], "nvidia": ["or-2", "nvidia"]},
)


@pytest.mark.parametrize(
    ("model", "header", "candidates"),
    [
        pytest.param("openrouter:x", None, ["or-1:x", "or-2:x"], id="kind-is-all-its-instances"),
        pytest.param("OpenRouter:x", None, ["or-1:x", "or-2:x"], id="in-other-case"),
        pytest.param("or-2:x", None, ["or-2:x"], id="id"),
        pytest.param("PREFIX:a/b:c", None, ["Acme:a/b:c"], id="prefix"),
        pytest.param("nvidia:x", None, ["nvidia:x"], id="an-id-goes-before-a-name"),
        pytest.param("x", "openrouter:x", ["or-1:x", "or-2:x"], id="header"),
        pytest.param(
            "openrouter:x|prefix:y", None, ["or-1:x", "or-2:x", "Acme:y"], id="arms-in-order"
        ),
        pytest.param("or-2:x|openrouter:x", None, ["or-2:x", "or-1:x"], id="each-candidate-once"),
        pytest.param("anything", None, ["or-1:m", "or-2:m"], id="default"),
        pytest.param("or-1:x|alone", None, ["or-1:x", "or-1:alone", "or-2:alone"], id="model-only"),
    ],
)
def test_a_name_means_its_instances(model: str, header: str | None, candidates: list[str]) -> None:
    assert _candidates(NAMED, model, header) == candidates


def test_a_name_like_one_that_there_is_is_asked_for() -> None:
    router = Router({"or-1": []}, None, names={"openrouter": ["or-1"]})
    assert "did you mean openrouter:gpt-4o?" in _refusal(router, "opnrouter:gpt-4o").message


def test_names_are_listed_with_their_instances_in_order() -> None:
    instances = [
        Instance(id, kind="k", models=(), keys=(), prefixes=prefixes)
        for id, prefixes in (("b", ("k", "kay")), ("a", ("k",)), ("c", ()))
    ]
    assert names_of(instances) == {"k": ["b", "a"], "kay": ["b"]}


@pytest.mark.parametrize(
    ("model", "header", "param"),
    [
        pytest.param("hf:|", None, "model", id="inline"),
        pytest.param("a||b", None, "model", id="empty-arm"),
        pytest.param("hf:", " ", "model", id="inline-beside-a-blank-header"),
        pytest.param("hf:m", "hf:", None, id="header"),
    ],
)
def test_a_selector_that_cannot_be_read_is_400_naming_the_field_it_came_in(
    model: str, header: str | None, param: str | None
) -> None:
    failure = _refusal(ROUTER, model, header)
    assert (failure.status, failure.kind) == (400, Kind.INVALID_REQUEST)
    assert (failure.code, failure.param) == ("invalid_selector", param)
    assert "column " in failure.message


@given(model=st.text(), header=st.none() | st.text(st.characters() | st.sampled_from(":|")))
def test_anything_is_resolved_to_known_instances_or_refused(model: str, header: str | None) -> None:
    try:
        candidates = ROUTER.resolve(model, header=header).candidates
    except GatewayError as error:
        candidates, status = (), error.failure.status
    else:
        status = 200
    assert status in (200, 400, 404)
    assert {candidate.instance for candidate in candidates} <= set(MODELS)
