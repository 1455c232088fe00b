"""What a provider is asked for its models, and what becomes of each thing it may answer."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import responses

from backends.listing import MAX_PAGES, MAX_WARNINGS, Lister, build_listers, origin_of
from backends.providers import HOSTED, Provider
from backends.providers import Listing as Shape
from config.schema import Backend, Config, HttpClient
from gateway.canonical.errors import Failure, UpstreamError
from gateway.canonical.listing import Listing, Model, Source
from tests.conftest import RECORDED
from tests.support.answers import JSON
from tests.support.fake_upstream import Answer, FakeUpstream, Received

KEY = "sk-listing-secret-0123456789"
PATIENT_S = 6.0
NOW = 1_700_000_000.0


def lister(
    fake: FakeUpstream, kind: str, *, timeout_s: float = PATIENT_S, **settings: Any
) -> Lister:
    """A lister of an instance `acme` of a kind."""
    config = Backend(id="acme", kind=kind, base_url=fake.url, **settings)
    return Lister(config, client=HttpClient(), timeout_s=timeout_s, now=lambda: NOW)


def document(value: object) -> Answer:
    """Answer a JSON document."""
    return Answer(headers=(JSON,), body=(json.dumps(value).encode(),))


def rows(*ids: object, **fields: object) -> Answer:
    """Answer a listing of OpenAI's shape."""
    return document({"object": "list", "data": [{"id": id} for id in ids], **fields})


def fetch(fake: FakeUpstream, answer: Answer, kind: str = "openai-legacy") -> Listing:
    """List the models of an upstream that answers this."""
    fake.script = lambda _: answer
    return lister(fake, kind).fetch(KEY)


def failure(fake: FakeUpstream, answer: Answer, kind: str = "openai-legacy") -> Failure:
    """Fail to list them."""
    with pytest.raises(UpstreamError) as raised:
        fetch(fake, answer, kind)
    return raised.value.failure


class TestEachShape:
    def test_openai(self, fake: FakeUpstream) -> None:
        listing = fetch(fake, rows("gpt-5", "gpt-4o"))
        assert listing == Listing(
            source=Source.REMOTE,
            models=(
                Model(canonical_id="openai/gpt-5", native_id="gpt-5"),
                Model(canonical_id="openai/gpt-4o", native_id="gpt-4o"),
            ),
            loaded_at=NOW,
        )
        (request,) = fake.requests
        assert (request.method, request.path) == ("GET", "/models")
        assert request.authorization == f"Bearer {KEY}"
        assert request.body == b""

    def test_openrouter_has_vendors_and_names(self, fake: FakeUpstream) -> None:
        answer = document({"data": [{"id": "meta/llama", "name": "Meta: Llama"}, {"id": "auto"}]})
        assert fetch(fake, answer, "openrouter").models == (
            Model(canonical_id="meta/llama", native_id="meta/llama", display_name="Meta: Llama"),
            Model(canonical_id="openrouter/auto", native_id="auto"),
        )

    def test_a_bare_list(self, fake: FakeUpstream) -> None:
        listing = fetch(fake, document([{"id": "a/b"}]), "nvidia")
        assert [model.canonical_id for model in listing.models] == ["a/b"]

    def test_anthropic(self, fake: FakeUpstream) -> None:
        row = {"type": "model", "id": "claude-x", "display_name": "Claude X"}
        listing = fetch(fake, document({"data": [row], "has_more": False}), "anthropic")
        assert listing.models == (
            Model(canonical_id="anthropic/claude-x", native_id="claude-x", display_name="Claude X"),
        )
        (request,) = fake.requests
        assert request.path == "/v1/models?limit=1000"
        assert request.header("x-api-key") == KEY
        assert request.header("anthropic-version") == "2023-06-01"
        assert request.authorization is None

    def test_gemini(self, fake: FakeUpstream) -> None:
        row = {"name": "models/gemini-x", "displayName": "Gemini X"}
        listing = fetch(fake, document({"models": [row]}), "gemini")
        assert listing.models == (
            Model(canonical_id="google/gemini-x", native_id="gemini-x", display_name="Gemini X"),
        )
        (request,) = fake.requests
        assert request.path == "/v1beta/models?pageSize=1000"
        assert request.header("x-goog-api-key") == KEY

    def test_ollama_cloud_at_a_url_of_its_own(self, fake: FakeUpstream) -> None:
        fake.script = lambda _: document({"models": [{"name": "a:1", "model": "a:1"}]})
        config = Backend(id="acme", kind="ollama-cloud", base_url=f"{fake.url}/v1")
        listing = Lister(config, client=HttpClient(), timeout_s=PATIENT_S).fetch("")
        assert [model.native_id for model in listing.models] == ["a:1"]
        assert fake.requests[0].path == "/api/tags"

    def test_a_custom_kind_has_its_own_prefix(self, fake: FakeUpstream) -> None:
        fake.script = lambda _: rows("m", "meta/llama")
        custom = lister(fake, "custom-openai-legacy-compatible", backend_prefix="acme-ai")
        listing = custom.fetch(KEY)
        assert [model.canonical_id for model in listing.models] == ["acme-ai/m", "meta/llama"]

    def test_without_a_key_none_is_sent(self, fake: FakeUpstream) -> None:
        fake.script = lambda _: rows("m")
        lister(fake, "custom-openai-legacy-compatible", backend_prefix="own").fetch("")
        assert fake.requests[0].authorization is None


EVERY_SHAPE = {
    Shape.OPENAI: {"data": [{"id": "m"}]},
    Shape.ANTHROPIC: {"data": [{"id": "m"}], "has_more": False},
    Shape.GEMINI: {"models": [{"name": "models/m"}]},
    Shape.OLLAMA: {"models": [{"name": "m", "model": "m"}]},
}


@pytest.mark.parametrize("provider", HOSTED, ids=lambda provider: provider.kind)
def test_every_kind_is_listed_with_its_key(fake: FakeUpstream, provider: Provider) -> None:
    fake.script = lambda _: document(EVERY_SHAPE[provider.listing])
    prefix = "own" if provider.custom else None
    listing = lister(fake, provider.kind, backend_prefix=prefix).fetch(KEY)
    vendor = prefix or provider.vendor or provider.kind
    assert [model.canonical_id for model in listing.models] == [f"{vendor}/m"]
    (request,) = fake.requests
    assert KEY not in request.path
    assert [name for name, value in request.headers if value.endswith(KEY)] != []


def test_a_listing_elsewhere_is_sent_no_key() -> None:
    """The listing of Ollama's cloud is public, and the key is that of another server."""
    with responses.RequestsMock() as mock:
        mock.add(responses.GET, "https://ollama.com/api/tags", json=EVERY_SHAPE[Shape.OLLAMA])
        config = Backend(id="acme", kind="ollama-cloud")
        Lister(config, client=HttpClient(), timeout_s=PATIENT_S).fetch(KEY)
        assert KEY not in repr(mock.calls[0].request.headers)


PAGED = {
    "anthropic": (
        lambda number, more: {
            "data": [{"id": f"m{number}"}],
            "has_more": more,
            "last_id": f"m{number}",
        },
        lambda number: f"/v1/models?limit=1000&after_id=m{number}",
    ),
    "gemini": (
        lambda number, more: {
            "models": [{"name": f"models/m{number}"}],
            **({"nextPageToken": f"t{number}"} if more else {}),
        },
        lambda number: f"/v1beta/models?pageSize=1000&pageToken=t{number}",
    ),
}


def paged(page: Callable[[int, bool], object], count: int) -> Callable[[Received], Answer]:
    """A script of so many pages."""
    numbers = iter(range(count))

    def script(_: Received) -> Answer:
        number = next(numbers)
        return document(page(number, number < count - 1))

    return script


@pytest.mark.parametrize("kind", PAGED)
class TestPages:
    def test_all_pages_are_read(self, fake: FakeUpstream, kind: str) -> None:
        page, next_path = PAGED[kind]
        fake.script = paged(page, 3)
        listing = lister(fake, kind).fetch(KEY)
        assert [model.native_id for model in listing.models] == ["m0", "m1", "m2"]
        assert listing.warnings == ()
        assert [one.path for one in fake.requests[1:]] == [next_path(0), next_path(1)]

    def test_no_more_than_a_number_of_them(self, fake: FakeUpstream, kind: str) -> None:
        fake.script = paged(PAGED[kind][0], MAX_PAGES + 2)
        listing = lister(fake, kind).fetch(KEY)
        assert len(listing.models) == len(fake.requests) == MAX_PAGES
        assert listing.warnings == ("it has more than 50 pages; the others were left out",)

    def test_a_page_that_comes_again_ends_it(self, fake: FakeUpstream, kind: str) -> None:
        page, _ = PAGED[kind]
        fake.script = lambda _: document(page(7, True))
        listing = lister(fake, kind).fetch(KEY)
        assert len(fake.requests) == 2
        assert listing.warnings == (
            "a page names itself as the next one; what follows was left out",
        )

    def test_a_page_that_fails_fails_the_listing(self, fake: FakeUpstream, kind: str) -> None:
        pages = iter([document(PAGED[kind][0](0, True)), Answer(500)])
        fake.script = lambda _: next(pages)
        with pytest.raises(UpstreamError, match="HTTP status 500"):
            lister(fake, kind).fetch(KEY)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param({"id": " "}, "its id is blank", id="blank"),
        pytest.param({"id": "a/b/c"}, "its id 'a/b/c' is not of the form vendor/model", id="parts"),
        pytest.param({"id": 7}, "it has no id", id="number"),
        pytest.param({"name": "x"}, "it has no id", id="no-id"),
        pytest.param("gpt-5", "it is not an object", id="text"),
        pytest.param(None, "it is not an object", id="null"),
    ],
)
def test_a_bad_row_is_left_out_and_told(fake: FakeUpstream, row: object, reason: str) -> None:
    listing = fetch(fake, document({"data": [{"id": "good"}, row, {"id": "too"}]}))
    assert [model.native_id for model in listing.models] == ["good", "too"]
    assert listing.warnings == (f"row 2 was left out: {reason}",)


def test_many_bad_rows_are_told_in_short(fake: FakeUpstream) -> None:
    warnings = fetch(fake, rows("good", *[""] * (MAX_WARNINGS + 5))).warnings
    assert len(warnings) == MAX_WARNINGS + 1
    assert warnings[-1] == "and 5 more"


def test_a_model_that_is_listed_twice_is_there_once(fake: FakeUpstream) -> None:
    assert len(fetch(fake, rows("m", "m")).models) == 1


def test_a_name_is_fit_to_be_printed(fake: FakeUpstream) -> None:
    names = ["\x1b[31mred\n", " ", 7]
    answer = document({"data": [{"id": f"m{n}", "name": name} for n, name in enumerate(names)]})
    listing = fetch(fake, answer)
    assert [model.display_name for model in listing.models] == ["[31mred", None, None]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(
            Answer(401, body=(b'{"error": "no"}',)),
            'model discovery HTTP status 401: {"error": "no"}',
            id="refused",
        ),
        pytest.param(Answer(500), "model discovery HTTP status 500", id="without-a-word"),
        pytest.param(
            Answer(302, (("Location", "http://elsewhere.example/"),)),
            "model discovery HTTP status 302",
            id="redirect",
        ),
        pytest.param(rows(), "its listing has no usable model", id="empty"),
        pytest.param(
            rows(""),
            "its listing has no usable model: row 1 was left out: its id is blank",
            id="only-bad-rows",
        ),
        pytest.param(Answer(body=(b"<html>",)), "its listing is not JSON", id="html"),
        pytest.param(Answer(body=(b'"\xff"',)), "its listing is not JSON", id="not-utf-8"),
        pytest.param(Answer(body=(b"[" * 100_000,)), "its listing is not JSON", id="too-deep"),
        pytest.param(
            document({"id": "gpt-4"}), "its listing has no list of models", id="one-model"
        ),
        pytest.param(document({"data": None}), "its listing has no list of models", id="null"),
        pytest.param(document("gpt-4"), "its listing has no list of models", id="text"),
        pytest.param(
            document({"data": {"id": "gpt-4"}}), "its listing has no list of models", id="object"
        ),
    ],
)
def test_what_is_no_listing_is_an_error(fake: FakeUpstream, answer: Answer, reason: str) -> None:
    assert failure(fake, answer).message == f"acme: {reason}"


def test_an_endless_listing_is_an_error(fake: FakeUpstream) -> None:
    megabyte = b" " * (1024 * 1024)
    answer = Answer(body=[megabyte] * 17, framing="chunked")
    assert "longer than 16777216 bytes" in failure(fake, answer).message


def test_a_listing_that_takes_too_long_is_an_error(fake: FakeUpstream) -> None:
    fake.script = lambda _: Answer(hold=threading.Event())
    with pytest.raises(UpstreamError) as raised:
        lister(fake, "openai-legacy", timeout_s=0.2).fetch(KEY)
    assert raised.value.failure.status == 504


def test_a_listing_that_comes_in_drips_is_an_error_all_the_same(fake: FakeUpstream) -> None:
    answer = Answer(body=[b'{"data": [', threading.Event()], framing="chunked")
    fake.script = lambda _: answer
    with pytest.raises(UpstreamError) as raised:
        lister(fake, "openai-legacy", timeout_s=0.2).fetch(KEY)
    assert raised.value.failure.message == "acme: its listing took longer than 0.2 s"


def test_an_upstream_that_is_not_there_is_an_error() -> None:
    config = Backend(id="acme", kind="openai-legacy", base_url="http://127.0.0.1:9")
    with pytest.raises(UpstreamError, match="connection refused"):
        Lister(config, client=HttpClient(), timeout_s=PATIENT_S).fetch(KEY)


def test_a_key_that_an_error_echoes_is_not_told(fake: FakeUpstream) -> None:
    message = failure(fake, Answer(401, body=(f"bad key {KEY}".encode(),))).message
    assert message == "acme: model discovery HTTP status 401: bad key [redacted]"


def test_a_key_that_a_listing_echoes_is_not_kept(fake: FakeUpstream) -> None:
    answer = document({"data": [{"id": f"of-{KEY}", "name": KEY}]})
    assert KEY not in repr(fetch(fake, answer))


def test_a_short_key_that_is_a_word_spoils_no_id(fake: FakeUpstream) -> None:
    fake.script = lambda _: rows("llama-3")
    listing = lister(fake, "custom-openai-legacy-compatible", backend_prefix="own").fetch("llama")
    assert [model.native_id for model in listing.models] == ["llama-3"]


class TestWhoIsAsked:
    def test_a_configured_list_of_models_replaces_the_listing(self) -> None:
        configured = Backend(id="a", kind="openai-legacy", models=("m",))
        assert origin_of(configured) is None
        assert build_listers(Config(backends=(configured,))) == {}

    def test_the_stub_is_not_asked(self) -> None:
        assert build_listers(Config(backends=(Backend(id="local-stub"),))) == {}

    def test_a_disabled_instance_is_not_asked(self) -> None:
        disabled = Backend(id="openai-legacy", enabled=False)
        assert build_listers(Config(backends=(disabled,))) == {}

    def test_an_enabled_one_is(self) -> None:
        assert list(build_listers(Config(backends=(Backend(id="nvidia"),)))) == ["nvidia"]

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param({"base_url": "http://elsewhere.example"}, id="url"),
            pytest.param({"kind": "anthropic"}, id="kind"),
        ],
    )
    def test_what_was_listed_elsewhere_is_told_from_what_is_listed_here(
        self, other: dict[str, str]
    ) -> None:
        settings = {"id": "a", "kind": "openai-legacy"}
        assert origin_of(Backend(**settings)) != origin_of(Backend(**(settings | other)))


RECORDINGS = {
    "anthropic-models-003-sync.json": 10,
    "huggingface-models-001-sync.json": 127,
    "openrouter-models-001-sync.json": 4,
    "gemini-models-003-sync-err400.json": "model discovery HTTP status 400",
    "compat-models-002-sync-err401.json": "model discovery HTTP status 401",
    "openai-models-002-sync-err400.json": "model discovery HTTP status 400",
    "openai-models-003-sync-err404.json": "model discovery HTTP status 404",
    # One model, and an operation: answers to other questions.
    "openai-models-001-sync.json": "its listing has no list of models",
    "gemini-models-002-sync.json": "its listing has no list of models",
}
"""Recording -> how many models it lists, or what its error says."""

KINDS = {"compat": "custom-openai-legacy-compatible", "openai": "openai-legacy"}

needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recordings at {RECORDED}")


@needs_recordings
def test_every_recorded_listing_is_in_this_table() -> None:
    assert {path.name for path in RECORDED.glob("*models*.json")} <= RECORDINGS.keys()


@needs_recordings
@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_listing_is_read(fake: FakeUpstream, name: str) -> None:
    if not (RECORDED / name).exists():
        pytest.skip(f"{name} is not among the recordings")
    recorded = json.loads((RECORDED / name).read_text())["response"]
    answer = Answer(recorded["status"], (JSON,), (recorded["body"].encode(),))
    provider = name.partition("-")[0]
    fake.script = lambda _: answer
    subject = lister(fake, KINDS.get(provider, provider), backend_prefix=None)
    expected = RECORDINGS[name]
    if isinstance(expected, str):
        with pytest.raises(UpstreamError, match=expected):
            subject.fetch(KEY)
        return
    listing = subject.fetch(KEY)
    own = {row["id"] for row in json.loads(recorded["body"])["data"]}
    assert {model.native_id for model in listing.models} == own
    assert len(listing.models) == expected
    assert listing.warnings == ()
