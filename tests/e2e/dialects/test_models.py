"""The models that are listed, in the shape of whoever asks, page by page."""

import anthropic
import openai
import pytest
from google import genai

from backends.local_stub import MODELS
from gateway.canonical.request import Dialect
from tests.support.client import Reply
from tests.support.gateway import Gateway
from tests.support.speakers import SPEAKERS, error_of

LISTED = sorted(
    [
        *(f"local-stub:{model}" for model in MODELS),
        *(f"{speaker.instance}:m" for speaker in SPEAKERS.values()),
    ]
)
ANTHROPIC = {"anthropic-version": "2023-06-01"}
GOOGLE = {"x-goog-api-key": "any"}
GOOGLE_PATHS = ["/v1beta/models", "/v1beta1/models", "/models"]


def get(gateway: Gateway, path: str, headers: dict[str, str] | None = None) -> Reply:
    return gateway.client.send("GET", path, headers=headers)


def test_openai_clients_get_openais_shape(polyglot: Gateway) -> None:
    listing = get(polyglot, "/v1/models").json
    assert listing["object"] == "list"
    assert [model["id"] for model in listing["data"]] == LISTED
    assert {tuple(model) for model in listing["data"]} == {("id", "object", "created", "owned_by")}


def test_anthropics_clients_get_anthropics_shape(polyglot: Gateway) -> None:
    listing = get(polyglot, "/v1/models", ANTHROPIC).json
    assert [model["id"] for model in listing["data"]] == LISTED
    assert {model["type"] for model in listing["data"]} == {"model"}
    assert (listing["first_id"], listing["last_id"]) == (LISTED[0], LISTED[-1])
    assert listing["has_more"] is False


@pytest.mark.parametrize("path", GOOGLE_PATHS)
def test_other_versions_are_in_googles_shape(polyglot: Gateway, path: str) -> None:
    models = get(polyglot, path).json["models"]
    assert [model["name"] for model in models] == [f"models/{id}" for id in LISTED]


@pytest.mark.parametrize("header", ["x-goog-api-key", "x-goog-api-client"])
def test_googles_clients_get_googles_shape_under_v1(polyglot: Gateway, header: str) -> None:
    assert "models" in get(polyglot, "/v1/models", {header: "any"}).json


@pytest.mark.parametrize("id", ["local-stub:echo", "chat:m"])
def test_one_model_is_in_the_shape_of_whoever_asks(polyglot: Gateway, id: str) -> None:
    assert get(polyglot, f"/v1/models/{id}").json["object"] == "model"
    assert get(polyglot, f"/v1/models/{id}", ANTHROPIC).json["type"] == "model"
    assert get(polyglot, f"/v1beta/models/{id}").json["name"] == f"models/{id}"


@pytest.mark.parametrize(
    ("path", "headers", "dialect"),
    [
        pytest.param("/v1/models/nobody:m", {}, Dialect.OPENAI_CHAT, id="openai"),
        pytest.param("/v1/models/nobody:m", ANTHROPIC, Dialect.ANTHROPIC_MESSAGES, id="anthropic"),
        pytest.param("/v1/models/nobody:m", GOOGLE, Dialect.GEMINI, id="google-under-v1"),
        pytest.param("/v1beta/models/nobody:m", {}, Dialect.GEMINI, id="google"),
    ],
)
def test_a_model_that_is_not_there_is_a_404(
    polyglot: Gateway, path: str, headers: dict[str, str], dialect: Dialect
) -> None:
    reply = get(polyglot, path, headers)
    assert reply.status == 404
    assert "nobody:m" in error_of(dialect, reply.json)[1]


def test_googles_pages_lead_to_each_other(polyglot: Gateway) -> None:
    names: list[str] = []
    path = "/v1beta/models?pageSize=4"
    while True:
        page = get(polyglot, path).json
        names += [model["name"] for model in page["models"]]
        assert len(page["models"]) <= 4
        if "nextPageToken" not in page:
            break
        path = f"/v1beta/models?pageSize=4&pageToken={page['nextPageToken']}"
    assert names == [f"models/{id}" for id in LISTED]


def test_anthropics_pages_lead_to_each_other(polyglot: Gateway) -> None:
    first = get(polyglot, "/v1/models?limit=4", ANTHROPIC).json
    after = f"/v1/models?limit=100&after_id={first['last_id']}"
    rest = get(polyglot, after, ANTHROPIC).json
    assert first["has_more"] is True
    assert [model["id"] for model in [*first["data"], *rest["data"]]] == LISTED


@pytest.mark.parametrize(
    ("before", "ids", "more"),
    [
        pytest.param(LISTED[5], LISTED[2:5], True, id="in-the-middle"),
        pytest.param(LISTED[3], LISTED[:3], False, id="exactly-the-first-page"),
        pytest.param(LISTED[1], LISTED[:1], False, id="less-than-a-page"),
        pytest.param(LISTED[0], [], False, id="nothing-before-it"),
    ],
)
def test_anthropics_pages_lead_back(
    polyglot: Gateway, before: str, ids: list[str], more: bool
) -> None:
    page = get(polyglot, f"/v1/models?limit=3&before_id={before}", ANTHROPIC).json
    assert [model["id"] for model in page["data"]] == ids
    assert page["has_more"] is more


@pytest.mark.parametrize(
    ("query", "headers", "dialect"),
    [
        ("limit=0", ANTHROPIC, Dialect.ANTHROPIC_MESSAGES),
        ("limit=1001", ANTHROPIC, Dialect.ANTHROPIC_MESSAGES),
        ("limit=x", ANTHROPIC, Dialect.ANTHROPIC_MESSAGES),
        ("after_id=nobody:m", ANTHROPIC, Dialect.ANTHROPIC_MESSAGES),
        ("before_id=nobody:m", ANTHROPIC, Dialect.ANTHROPIC_MESSAGES),
        ("pageSize=-1", GOOGLE, Dialect.GEMINI),
        ("pageToken=nobody", GOOGLE, Dialect.GEMINI),
    ],
)
def test_a_page_that_cannot_be_is_a_400(
    polyglot: Gateway, query: str, headers: dict[str, str], dialect: Dialect
) -> None:
    reply = get(polyglot, f"/v1/models?{query}", headers)
    assert reply.status == 400
    error_of(dialect, reply.json)


def test_openais_sdk_lists_and_finds_models(polyglot: Gateway) -> None:
    with openai.OpenAI(base_url=polyglot.url, api_key="any", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == LISTED
        assert client.models.retrieve("local-stub:echo").owned_by == "local-stub"


def test_anthropics_sdk_lists_and_finds_models(polyglot: Gateway) -> None:
    root = f"http://127.0.0.1:{polyglot.port}"
    with anthropic.Anthropic(base_url=root, api_key="any", max_retries=0) as client:
        assert [model.id for model in client.models.list(limit=5)] == LISTED
        assert client.models.retrieve("local-stub:echo").id == "local-stub:echo"


def test_googles_sdk_lists_and_finds_models(polyglot: Gateway) -> None:
    root = f"http://127.0.0.1:{polyglot.port}"
    with genai.Client(api_key="any", http_options={"base_url": root}) as client:
        listed = [model.name for model in client.models.list(config={"page_size": 5})]
        assert listed == [f"models/{id}" for id in LISTED]
        assert client.models.get(model="local-stub:echo").display_name == "local-stub:echo"
