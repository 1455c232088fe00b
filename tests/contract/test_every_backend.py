"""Every kind of backend, as its row describes it, against an upstream of its real shape.

What is tested follows from the rows: a new row is tested without a line here.
"""

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import yaml

from backends.providers import HOSTED, KINDS, LOCAL_STUB, Provider
from backends.registry import build_backends, describe
from config.environment import family_variable
from config.errors import ConfigError
from config.loader import load_config
from gateway.canonical.call import Call, Candidate
from gateway.canonical.collect import collect
from gateway.canonical.errors import Failure
from gateway.canonical.events import Event, Failed, NativeBody, NativeFrame
from gateway.canonical.request import Dialect
from gateway.credentials.credential import Credential
from gateway.credentials.policy import Policy
from gateway.credentials.pool import CredentialPool
from gateway.execution.execution import Execution
from gateway.execution.executor import Executor
from gateway.execution.progress import Progress
from tests.contract.shapes import HELLO, SHAPES, Shape
from tests.support.fake_upstream import Answer, FakeUpstream, Received

ID = "acme"
KEYS = ("sk-first-key", "sk-second-key")
COOLED_S = 40


@dataclass(frozen=True)
class Subject:
    """A row, in one of the dialects that it speaks, with a model that it serves in it."""

    row: Provider
    dialect: Dialect
    model: str

    def __str__(self) -> str:
        return f"{self.row.kind}-{self.dialect}"

    @property
    def shape(self) -> Shape:
        """What it is asked and what it says."""
        return SHAPES[self.dialect]

    @property
    def root(self) -> str:
        """The path of its base URL."""
        return urlsplit(self.row.base_url or "/own/v1").path

    @property
    def other_client(self) -> Dialect:
        """A dialect whose clients are translated for it, if its model is not served in theirs."""
        others = (dialect for dialect in Dialect if dialect not in self.row.dialects)
        return next(others, next(dialect for dialect in Dialect if dialect is not self.dialect))


def _subjects(row: Provider) -> list[Subject]:
    """One for each dialect of a row; where the model decides, with a model of each dialect."""
    served = {dialect: start for start, dialect in reversed(row.dialect_of_model)}
    return [
        Subject(row, dialect, f"{served.get(dialect, 'some-')}model") for dialect in row.dialects
    ]


SUBJECTS = [subject for row in HOSTED for subject in _subjects(row)]
FIRST = [_subjects(row)[0] for row in HOSTED]
"""The dialect that clients of others are translated to."""

every_backend = pytest.mark.parametrize("subject", SUBJECTS, ids=str)
every_kind = pytest.mark.parametrize("subject", FIRST, ids=str)


class Bench:
    """Instances of one configuration, called as a worker calls them."""

    def __init__(self, client: redis.Redis, folder: Path) -> None:
        self._redis = client
        self._file = folder / "config.yaml"

    def use(self, *instances: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> None:
        """Load a configuration with these instances."""
        self._file.write_text(yaml.safe_dump({"backends": list(map(dict, instances))}))
        self.config = load_config(self._file, environ or {}, kinds=KINDS)
        credentials = {
            instance.id: [Credential(id, secret) for id, secret in instance.keys]
            for instance in describe(self.config)
        }
        self.pool = CredentialPool(
            self._redis, prefix="t", credentials=credentials, policy=Policy(), secret="digests"
        )
        backends = build_backends(self.config)
        self._executor = Executor(pool=self.pool, backends=backends, now=time.time)

    def call(
        self,
        subject: Subject,
        *,
        client: Dialect | None = None,
        stream: bool = False,
        candidates: Sequence[str] = (ID,),
    ) -> list[Event]:
        """Run one call of a client and return the events of its answer."""
        asked = tuple(Candidate(instance, subject.model) for instance in candidates)
        dialect = client or subject.dialect
        call = Call(
            id="t.1",
            owner="",
            dialect=dialect,
            model=str(asked[0]),
            stream=stream,
            candidates=asked,
            deadline_at=time.time() + 60,
        )
        body = SHAPES[dialect].body(model=call.model, stream=stream)
        progress = Progress(candidates=asked, max_attempts=5)
        return list(self._executor.execute(Execution(call, body), progress))


@pytest.fixture
def bench(redis_client: redis.Redis, tmp_path: Path) -> Bench:
    """No instances yet."""
    return Bench(redis_client, tmp_path)


def instance(subject: Subject, url: str, **settings: Any) -> dict[str, Any]:
    """An enabled instance of a row at a URL, with two keys."""
    own = {"id": ID, "kind": subject.row.kind, "base_url": url, "api_keys": list(KEYS)}
    prefix = {"backend_prefix": "own-prefix"} if subject.row.custom else {}
    return {**own, **prefix, **settings}


def said(events: Sequence[Event]) -> str:
    """What a client gets of an answer: the bytes of a native one, else its text."""
    native = b"".join(event.data for event in events if isinstance(event, NativeBody | NativeFrame))
    return native.decode() if native else collect(events).text


def failure(events: Sequence[Event]) -> Failure:
    """What a call failed with."""
    assert isinstance(events[-1], Failed), events
    return events[-1].failure


def key_of(request: Received) -> str | None:
    """The key of a request, from whichever header has it."""
    names = ("x-api-key", "x-goog-api-key")
    return request.key or next((v for name in names if (v := request.header(name))), None)


def keys(fake: FakeUpstream) -> list[str | None]:
    """The keys of the requests so far."""
    return [key_of(request) for request in fake.requests]


def refusing(refusals: Mapping[str, Answer], answer: Answer) -> Callable[[Received], Answer]:
    """Refuse some keys and answer all others."""
    return lambda request: refusals.get(key_of(request) or "", answer)


def test_every_kind_has_a_subject() -> None:
    # local-stub calls nobody; its own tests are in tests/unit/backends.
    assert {subject.row.kind for subject in SUBJECTS} | {LOCAL_STUB} == set(KINDS)


def test_a_subjects_model_is_served_in_its_dialect() -> None:
    for subject in SUBJECTS:
        assert subject.row.dialect_for(subject.dialect, subject.model) is subject.dialect


@every_backend
@pytest.mark.parametrize("stream", [False, True], ids=["text", "stream"])
class TestAnswer:
    def test_of_its_own_dialect_reaches_the_client_as_it_came(
        self, bench: Bench, fake: FakeUpstream, subject: Subject, stream: bool
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        fake.script = lambda _: subject.shape.answer(stream=stream)
        came = b"".join(subject.shape.stream) if stream else subject.shape.whole
        assert said(bench.call(subject, stream=stream)) == came.decode()

    def test_is_asked_for_below_its_root(
        self, bench: Bench, fake: FakeUpstream, subject: Subject, stream: bool
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        fake.script = lambda _: subject.shape.answer(stream=stream)
        bench.call(subject, stream=stream)
        assert [request.path for request in fake.requests] == [expected_path(subject, stream)]

    def test_is_asked_for_with_the_key_in_its_header_alone(
        self, bench: Bench, fake: FakeUpstream, subject: Subject, stream: bool
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        fake.script = lambda _: subject.shape.answer(stream=stream)
        bench.call(subject, stream=stream)
        (request,) = fake.requests
        held = [name for name, value in request.headers if KEYS[0] in value]
        assert held == [subject.shape.key_header]
        assert KEYS[0] not in request.path + request.body.decode()


@every_kind
@pytest.mark.parametrize("stream", [False, True], ids=["text", "stream"])
def test_a_client_of_another_dialect_gets_its_answer(
    bench: Bench, fake: FakeUpstream, subject: Subject, stream: bool
) -> None:
    bench.use(instance(subject, fake.url + subject.root))
    fake.script = lambda _: subject.shape.answer(stream=stream)
    assert said(bench.call(subject, client=subject.other_client, stream=stream)) == HELLO


@every_backend
class TestRefusal:
    @pytest.mark.parametrize("stream", [False, True], ids=["text", "stream"])
    @pytest.mark.parametrize("status", [401, 429])
    def test_of_a_key_moves_on_to_the_next(
        self, bench: Bench, fake: FakeUpstream, subject: Subject, status: int, stream: bool
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        good = subject.shape.answer(stream=stream)
        fake.script = refusing({KEYS[0]: subject.shape.refusal(status)}, good)
        assert HELLO in said(bench.call(subject, stream=stream))
        assert keys(fake) == list(KEYS)

    @pytest.mark.parametrize("status", [401, 429])
    def test_of_a_key_is_remembered(
        self, bench: Bench, fake: FakeUpstream, subject: Subject, status: int
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        good = subject.shape.answer(stream=False)
        fake.script = refusing({KEYS[0]: subject.shape.refusal(status)}, good)
        bench.call(subject)
        bench.call(subject)
        assert keys(fake) == [*KEYS, KEYS[1]]

    def test_of_all_keys_for_a_time_is_429_with_the_soonest(
        self, bench: Bench, fake: FakeUpstream, subject: Subject
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        waits = {
            key: subject.shape.refusal(429, headers=[("Retry-After", str(wait_s))])
            for key, wait_s in zip(KEYS, (COOLED_S, 2 * COOLED_S), strict=True)
        }
        fake.script = lambda request: waits[key_of(request) or ""]
        refused = failure(bench.call(subject))
        assert refused.status == 429
        assert COOLED_S - 5 <= (refused.retry_after_s or 0) <= COOLED_S

    def test_of_all_keys_for_a_time_asks_nobody_meanwhile(
        self, bench: Bench, fake: FakeUpstream, subject: Subject
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        fake.script = lambda _: subject.shape.refusal(429)
        bench.call(subject)
        bench.call(subject)
        assert keys(fake) == list(KEYS)

    def test_of_all_keys_for_good_is_502_that_clears_the_clients_own_key(
        self, bench: Bench, fake: FakeUpstream, subject: Subject
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        fake.script = lambda _: subject.shape.refusal(401)
        refused = failure(bench.call(subject))
        assert refused.status == 502
        assert "your own key is fine" in refused.message

    @pytest.mark.parametrize("stream", [False, True], ids=["text", "stream"])
    @pytest.mark.parametrize("status", [400, 401, 403, 404, 429])
    def test_that_echoes_the_key_is_told_without_it(
        self, bench: Bench, fake: FakeUpstream, subject: Subject, status: int, stream: bool
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        fake.script = lambda request: subject.shape.refusal(status, f"no: {key_of(request)}")
        told = repr(failure(bench.call(subject, stream=stream)))
        assert "[redacted]" in told
        assert not any(key in told for key in KEYS)

    @pytest.mark.parametrize("begun", [False, True], ids=["before-output", "after-output"])
    @pytest.mark.parametrize("native", [False, True], ids=["translated", "native"])
    def test_inside_a_stream_that_echoes_the_key_is_told_without_it(
        self, bench: Bench, fake: FakeUpstream, subject: Subject, *, begun: bool, native: bool
    ) -> None:
        bench.use(instance(subject, fake.url + subject.root))
        fake.script = lambda request: subject.shape.breaking_off(
            f"no: {key_of(request)}", begun=begun
        )
        client = None if native else subject.other_client
        events = bench.call(subject, client=client, stream=True)
        assert failure(events)
        assert KEYS[0] not in repr(events)


@every_backend
class TestWrongUrl:
    def test_where_nobody_listens_is_a_502_that_names_the_instance(
        self, bench: Bench, subject: Subject
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        bench.use(instance(subject, url))
        refused = failure(bench.call(subject))
        assert refused.status == 502
        assert ID in refused.message

    def test_where_something_else_listens_is_its_404_and_names_the_instance(
        self, bench: Bench, fake: FakeUpstream, subject: Subject
    ) -> None:
        bench.use(instance(subject, fake.url + "/elsewhere"))
        fake.script = lambda _: Answer(404, (("Content-Type", "text/html"),), (b"<h1>no</h1>",))
        refused = failure(bench.call(subject))
        assert refused.status == 404
        assert ID in refused.message

    def test_where_a_page_answers_is_a_502_that_names_the_instance(
        self, bench: Bench, fake: FakeUpstream, subject: Subject
    ) -> None:
        bench.use(instance(subject, fake.url + "/elsewhere"))
        fake.script = lambda _: Answer(200, (("Content-Type", "text/html"),), (b"<h1>hi</h1>",))
        refused = failure(bench.call(subject))
        assert refused.status == 502
        assert ID in refused.message


@pytest.mark.parametrize(
    "key", [{"api_key": ""}, {"api_key": "${UNSET:-}"}, {"api_keys": [" "]}, {}], ids=str
)
class TestBlankKey:
    @pytest.mark.parametrize("subject", [s for s in FIRST if s.row.key_family], ids=str)
    def test_is_told_with_the_variable_where_one_is_needed(
        self, bench: Bench, subject: Subject, key: Mapping[str, Any]
    ) -> None:
        with pytest.raises(ConfigError) as raised:
            bench.use({**instance(subject, "https://h.example"), "api_keys": [], **key})
        (problem,) = raised.value.problems
        assert problem.path == "backends[0].api_key"
        assert family_variable(str(subject.row.key_family)) in problem.remedy

    @pytest.mark.parametrize("subject", [s for s in FIRST if not s.row.key_family], ids=str)
    def test_is_the_word_of_the_row_or_none_where_none_is_needed(
        self, bench: Bench, fake: FakeUpstream, subject: Subject, key: Mapping[str, Any]
    ) -> None:
        bench.use({**instance(subject, fake.url + subject.root), "api_keys": [], **key})
        fake.script = lambda _: subject.shape.answer(stream=False)
        bench.call(subject)
        assert keys(fake) == [subject.row.placeholder_key]


def expected_path(subject: Subject, stream: bool) -> str:
    """Where a call goes, with the version that the root does not have yet."""
    has_version = subject.root.endswith("/v1")
    match subject.dialect:
        case Dialect.OPENAI_CHAT:
            return f"{subject.root}/chat/completions"
        case Dialect.OPENAI_RESPONSES:
            return f"{subject.root}/responses"
        case Dialect.ANTHROPIC_MESSAGES:
            return f"{subject.root}/messages" if has_version else "/v1/messages"
        case Dialect.GEMINI:
            root = subject.root if has_version else "/v1beta"
            verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
            return f"{root}/models/{subject.model}:{verb}"


CHAT = FIRST[[subject.row.kind for subject in FIRST].index("openai-legacy")]


class TestTwoInstancesOfAKind:
    ROWS = (
        {"id": "one", "api_keys": ["sk-one-a", "sk-one-b"]},
        {"id": "two", "api_keys": ["sk-two"]},
    )

    def use(self, bench: Bench, fake: FakeUpstream) -> None:
        bench.use(*(instance(CHAT, fake.url + "/v1", **row) for row in self.ROWS))

    def test_a_spare_key_of_the_other_is_not_taken(self, bench: Bench, fake: FakeUpstream) -> None:
        self.use(bench, fake)
        fake.script = lambda _: CHAT.shape.refusal(429)
        assert failure(bench.call(CHAT, candidates=["one"])).status == 429
        assert keys(fake) == ["sk-one-a", "sk-one-b"]

    def test_the_other_is_the_next_candidate(self, bench: Bench, fake: FakeUpstream) -> None:
        self.use(bench, fake)
        refusals = {key: CHAT.shape.refusal(429) for key in ("sk-one-a", "sk-one-b")}
        fake.script = refusing(refusals, CHAT.shape.answer(stream=False))
        assert HELLO in said(bench.call(CHAT, candidates=["one", "two"]))
        assert keys(fake) == ["sk-one-a", "sk-one-b", "sk-two"]

    def test_a_key_that_is_in_both_cools_in_one(self, bench: Bench, fake: FakeUpstream) -> None:
        rows = ({"id": "one", "api_keys": ["sk-both"]}, {"id": "two", "api_keys": ["sk-both"]})
        bench.use(*(instance(CHAT, fake.url + "/v1", **row) for row in rows))
        fake.script = lambda _: CHAT.shape.refusal(429)
        bench.call(CHAT, candidates=["one"])
        bench.call(CHAT, candidates=["two"])
        assert keys(fake) == ["sk-both", "sk-both"]


NVIDIA = FIRST[[subject.row.kind for subject in FIRST].index("nvidia")]


class TestNvidia:
    def test_is_sent_no_stream_options_for_a_client_of_another_dialect(
        self, bench: Bench, fake: FakeUpstream
    ) -> None:
        bench.use(instance(NVIDIA, fake.url + "/v1"))
        fake.script = lambda _: NVIDIA.shape.answer(stream=True)
        bench.call(NVIDIA, client=Dialect.ANTHROPIC_MESSAGES, stream=True)
        assert sorted(fake.requests[0].json) == ["max_tokens", "messages", "model", "stream"]

    def test_is_sent_what_a_client_of_its_dialect_wrote(
        self, bench: Bench, fake: FakeUpstream
    ) -> None:
        bench.use(instance(NVIDIA, fake.url + "/v1"))
        fake.script = lambda _: NVIDIA.shape.answer(stream=True)
        bench.call(NVIDIA, stream=True)
        wrote = json.loads(NVIDIA.shape.body(model=NVIDIA.model, stream=True))
        assert fake.requests[0].json == wrote
