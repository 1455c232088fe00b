"""What providers list reaches clients, routing and operators, through two workers and the web."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.support import answers
from tests.support.fake_upstream import Answer, FakeUpstream, Received
from tests.support.gateway import Gateway
from tests.support.polling import wait_for
from tests.support.redis_server import RedisServer

KEY = "inventory-upstream-key-0123"
LISTED = {
    "/oa/v1/models": ["gpt-z", "gpt-a", "a/b/c"],
    "/or/v1/models": ["openai/gpt-z", "meta/llama"],
}
PATHS = {path: path.removesuffix("/models") for path in LISTED}


def script(request: Received) -> Answer:
    """List the models of each instance but `down`; answer every call with the model it asks for."""
    if request.method == "POST":
        return answers.whole(f"{request.path}: {request.json['model']}")
    ids = LISTED.get(request.path)
    if ids is None:
        return answers.error(401, f"{KEY} is not known")
    rows = [{"id": id, "object": "model"} for id in ids]
    return Answer(headers=(answers.JSON,), body=(json.dumps({"data": rows}).encode(),))


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeUpstream]:
    """All providers; the first segment of a path names the instance."""
    upstream = FakeUpstream()
    upstream.script = script
    yield upstream
    upstream.close()
    assert upstream.faults == []


@pytest.fixture(scope="module")
def listed(private_redis: RedisServer, provider: FakeUpstream) -> Iterator[Gateway]:
    """A gateway of two workers whose providers have been asked."""

    def row(id: str, kind: str, **settings: Any) -> dict[str, Any]:
        return {"id": id, "kind": kind, "base_url": f"{provider.url}/{id}/v1", **settings}

    gateway = Gateway(
        redis_url=private_redis.url,
        workers=2,
        settings={"model_inventory": {"refresh_enabled": True}},
        backends=[
            row("oa", "openai-legacy", api_key=KEY),
            row("or", "openrouter", api_key=KEY),
            row("down", "nvidia", api_key=KEY),
            row("fixed", "openai-legacy", api_key=KEY, models=["mine"]),
            {"id": "local-stub", "models": ["echo"]},
        ],
    )
    try:
        gateway.start()
        with gateway.runtime() as runtime:
            wait_for(
                lambda: len(runtime.inventory_cache.read(runtime.origins)) == 3,
                what="an answer or a failure of each provider",
            )
        wait_for(lambda: b"gpt-z" in ask(gateway, "/v1/models").body, what="the web's own look")
        yield gateway
    finally:
        gateway.close()


def ask(gateway: Gateway, path: str, **headers: str) -> Any:
    """GET a path."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.send("GET", path, headers=named)


def queueway(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command beside the gateway."""
    return subprocess.run(
        gateway.command(*arguments),
        cwd=gateway.folder,
        env=gateway.environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def instances(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The rows of `queueway inventory --json`, by id."""
    return {row["id"]: row for row in json.loads(result.stdout)["instances"]}


def test_of_two_workers_one_asks_each_provider_once(
    listed: Gateway, provider: FakeUpstream
) -> None:
    asked = [request.path for request in provider.requests if request.method == "GET"]
    assert sorted(asked) == ["/down/v1/models", *LISTED]


IDS = [
    "down:nvidia/llama-3.1-nemotron-nano-8b-v1",
    "fixed:mine",
    "local-stub:echo",
    "oa:openai/gpt-a",
    "oa:openai/gpt-z",
    "or:meta/llama",
    "or:openai/gpt-z",
]


def test_openais_client_lists_every_model_once_and_sorted(listed: Gateway) -> None:
    with openai.OpenAI(base_url=listed.url, api_key="any", max_retries=0) as sdk:
        models = list(sdk.models.list())
    assert [model.id for model in models] == IDS
    assert {model.id: model.owned_by for model in models}["or:meta/llama"] == "openrouter"


def test_anthropics_client_lists_the_same_page_by_page(listed: Gateway) -> None:
    root = listed.url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=root, api_key="any", max_retries=0) as sdk:
        assert [model.id for model in sdk.models.list(limit=3)] == IDS


def test_gemini_lists_the_same(listed: Gateway) -> None:
    models = json.loads(ask(listed, "/v1beta/models").body)["models"]
    assert [model["name"] for model in models] == [f"models/{id}" for id in IDS]


class TestETag:
    def test_what_has_not_changed_is_not_sent_again(self, listed: Gateway) -> None:
        first = ask(listed, "/v1/models")
        again = ask(listed, "/v1/models", If_None_Match=first.headers["ETag"])
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]

    def test_what_has_is(self, listed: Gateway) -> None:
        assert ask(listed, "/v1/models", If_None_Match='"of-yesterday"').status == 200

    def test_each_shape_has_its_own(self, listed: Gateway) -> None:
        openais = ask(listed, "/v1/models").headers["ETag"]
        theirs = ask(listed, "/v1/models", anthropic_version="2023-06-01", If_None_Match=openais)
        assert theirs.status == 200


@pytest.mark.parametrize(
    "id", ["oa:openai/gpt-z", "oa:gpt-z", "openai/gpt-z", "fixed:mine", "local-stub:echo"]
)
def test_one_model_is_found_by_either_id(listed: Gateway, id: str) -> None:
    reply = ask(listed, f"/v1/models/{id}")
    assert (reply.status, json.loads(reply.body)["id"]) == (200, id)


@pytest.mark.parametrize("id", ["oa:gone", "gone:gpt-z", "oa:a/b/c"])
def test_a_model_that_nobody_lists_is_404(listed: Gateway, id: str) -> None:
    assert ask(listed, f"/v1/models/{id}").status == 404


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        pytest.param("oa:openai/gpt-z", "/oa/v1/chat/completions: gpt-z", id="as-it-is-listed"),
        pytest.param("oa:gpt-z", "/oa/v1/chat/completions: gpt-z", id="native"),
        pytest.param("openai/gpt-z", "/oa/v1/chat/completions: gpt-z", id="canonical-alone"),
        pytest.param("meta/llama", "/or/v1/chat/completions: meta/llama", id="of-one-instance"),
        pytest.param("mine", "/fixed/v1/chat/completions: mine", id="configured"),
        pytest.param("oa:a/b/c", "/oa/v1/chat/completions: a/b/c", id="not-listed"),
    ],
)
def test_a_model_reaches_the_instance_that_has_it(listed: Gateway, model: str, answer: str) -> None:
    reply = listed.chat(model)
    assert json.loads(reply.body)["choices"][0]["message"]["content"] == answer


class TestTheCommand:
    def test_shows_what_is_known(self, listed: Gateway) -> None:
        result = queueway(listed, "inventory", "--json")
        rows = instances(result)
        assert result.returncode == 0
        assert list(rows) == ["oa", "or", "down", "fixed", "local-stub"]
        assert rows["oa"]["models"] == [
            {"canonical_id": "openai/gpt-a", "native_id": "gpt-a"},
            {"canonical_id": "openai/gpt-z", "native_id": "gpt-z"},
        ]
        assert rows["oa"]["warnings"] == [
            "row 3 was left out: its id 'a/b/c' is not of the form vendor/model"
        ]
        assert {id: row["source"] for id, row in rows.items()} == {
            "oa": "remote",
            "or": "remote",
            "down": "static_builtin",
            "fixed": "static_inline",
            "local-stub": "static_inline",
        }
        assert "HTTP status 401" in rows["down"]["failure"]["reason"]

    def test_asks_again_and_says_who_did_not_answer(self, listed: Gateway) -> None:
        before = instances(queueway(listed, "inventory", "--json"))["down"]["failure"]["times"]
        result = queueway(listed, "inventory", "--json", "--refresh")
        assert result.returncode == 1
        assert "not listed anew: down" in result.stderr
        assert instances(result)["down"]["failure"]["times"] == before + 1

    def test_prints_a_table(self, listed: Gateway) -> None:
        head, first, *_ = queueway(listed, "inventory").stdout.splitlines()
        assert head.split() == ["instance", "kind", "models", "source", "loaded", "note"]
        assert first.split()[:4] == ["oa", "openai-legacy", "2", "remote"]

    def test_prints_no_key(self, listed: Gateway) -> None:
        result = queueway(listed, "inventory", "--json", "--refresh")
        assert "is not known" in result.stdout
        assert KEY not in result.stdout + result.stderr


def test_no_log_has_a_key(listed: Gateway) -> None:
    assert "could not be listed" in listed.logs()
    assert KEY not in listed.logs()


def test_redis_has_no_key(listed: Gateway, private_redis: RedisServer) -> None:
    with private_redis.client() as client:
        kept = client.hgetall(f"{listed.prefix}:inventory")
    assert kept
    assert KEY.encode() not in b"".join(kept.values())
