"""What is wrong, where, and that all of it is said at once."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from msgspec import inspect

from config.errors import ConfigError, Problem
from config.schema import Config, is_loopback, split_address
from config.validation import shape_of

Load = Callable[..., Config]
Problems = Callable[..., Mapping[str, Problem]]

LONG = "0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        pytest.param("5", "configuration", "must be a mapping, found a whole number", id="root"),
        pytest.param(
            "server: 5", "server", "must be a mapping, found a whole number", id="section"
        ),
        pytest.param("backends: {}", "backends", "must be a list, found a mapping", id="list"),
        pytest.param("backends: [5]", "backends[0]", "must be a mapping, found a whole", id="item"),
        pytest.param("backends: [null]", "backends[0]", "has no value", id="null-item"),
        pytest.param("state_dir: 5", "state_dir", "must be text, found a whole number", id="text"),
        pytest.param("state_dir:", "state_dir", "has no value", id="null-text"),
        pytest.param("state_dir: ' '", "state_dir", "is blank", id="blank"),
        pytest.param("secret: short", "secret", "is too short", id="min-length"),
        pytest.param("secret: yes", "secret", "must be text, found true or false", id="yaml-yes"),
        pytest.param("concurrency: x", "concurrency", "must be one of `gevent`", id="literal"),
        pytest.param("concurrency: 1", "concurrency", "must be one of `gevent`", id="literal-type"),
        pytest.param("redis: {prefix: 'a b'}", "redis.prefix", "is malformed", id="pattern"),
        pytest.param('redis: {prefix: "a\\nb"}', "redis.prefix", "is malformed", id="newline"),
        pytest.param(f"redis: {{prefix: {'a' * 33}}}", "redis.prefix", "is too long", id="max-len"),
        pytest.param("redis: {url: 'http://h'}", "redis.url", "is malformed", id="redis-url"),
        pytest.param(
            "http_client: {proxy: 'h:1'}", "http_client.proxy", "is malformed", id="proxy"
        ),
        pytest.param("server: {web_threads: 0}", "server.web_threads", "is out of bounds", id="ge"),
        pytest.param(
            "server: {max_json_depth: 513}", "server.max_json_depth", "is out of bounds", id="le"
        ),
        pytest.param("server: {drain_s: 0}", "server.drain_s", "is out of bounds", id="gt"),
        pytest.param("server: {drain_s: .inf}", "server.drain_s", "is not finite", id="inf"),
        pytest.param("server: {drain_s: .nan}", "server.drain_s", "is not finite", id="nan"),
        pytest.param(
            f"server: {{drain_s: {'9' * 400}}}", "server.drain_s", "is not finite", id="overflow"
        ),
        pytest.param(
            "server: {drain_s: '5'}", "server.drain_s", "must be a number, found text", id="quoted"
        ),
        pytest.param("worker: {slots: true}", "worker.slots", "must be a whole number", id="bool"),
        pytest.param("worker: {slots: 1.0}", "worker.slots", "must be a whole number", id="float"),
        pytest.param("server: {drain_s: true}", "server.drain_s", "must be a number", id="bool-s"),
        pytest.param(
            "http_client: {trust_environment_proxy: 1}",
            "http_client.trust_environment_proxy",
            "must be true or false",
            id="int-for-bool",
        ),
        pytest.param("backends: [{}]", "backends[0].id", "is missing", id="required"),
        pytest.param("backends: [{id: -a}]", "backends[0].id", "is malformed", id="id"),
        pytest.param(
            "backends: [{id: local-stub, models: [1]}]",
            "backends[0].models[0]",
            "must be text",
            id="list-item",
        ),
        pytest.param(
            "backends: [{id: local-stub, timeouts: {connect_s: 0}}]",
            "backends[0].timeouts.connect_s",
            "is out of bounds",
            id="deep",
        ),
        pytest.param("routing: {default_route: ' '}", "routing.default_route", "blank", id="route"),
        pytest.param(
            "http_client: {ca_bundle: /no/such}", "http_client.ca_bundle", "is not a file", id="ca"
        ),
        pytest.param(
            "state_dir: '${NOPE}'", "state_dir", "needs NOPE, which is not set", id="unset"
        ),
        pytest.param(
            "backends: [{id: local-stub, api_keys: [a, 'x${NOPE}']}]",
            "backends[0].api_keys[1]",
            "needs NOPE",
            id="unset-in-list",
        ),
        pytest.param("state_dir: '${'", "state_dir", "has a ${ that begins no", id="reference"),
    ],
)
def test_a_wrong_value_is_told(problems: Problems, text: str, path: str, message: str) -> None:
    found = problems(text)
    assert list(found) == [path]
    assert message in found[path].message


@pytest.mark.parametrize(
    ("text", "path", "remedy"),
    [
        pytest.param("sever: {}", "sever", "Did you mean `server`?", id="top"),
        pytest.param("server: {adress: x}", "server.adress", "Did you mean `address`?", id="inner"),
        pytest.param("Secret: x", "Secret", "Did you mean `secret`?", id="case"),
        pytest.param("worker: {zzz: 1}", "worker.zzz", "There are: slots.", id="nothing-near"),
        pytest.param("worker: {on: 1}", "worker.?", "There are: slots.", id="not-a-word"),
        pytest.param("concurrency: gevnt", "concurrency", "Did you mean `gevent`?", id="literal"),
        pytest.param("logging: {level: INFO}", "logging.level", "Did you mean `info`?", id="caps"),
        pytest.param(
            "backends: [{id: a, kind: hugingface}]",
            "backends[0].kind",
            "Did you mean `huggingface`?",
            id="kind",
        ),
        pytest.param(
            "backends: [{id: nvida}]",
            "backends[0].id",
            "Give the instance a `kind`. Did you mean `nvidia`?",
            id="kind-by-id",
        ),
    ],
)
def test_the_nearest_name_is_suggested(
    problems: Problems, text: str, path: str, remedy: str
) -> None:
    assert problems(text)[path].remedy == remedy


def test_all_problems_are_told_at_once(problems: Problems) -> None:
    text = """
    server: {web_threads: 0, adress: x}
    access: {client_keys: [{id: a}, 5, {id: b, key: short}]}
    backends: [{id: nvidia}, 7, {kind: x}, {id: NVIDIA, enabled: false}]
    queue: []
    """
    assert set(problems(text, PORT="x")) == {
        "server.web_threads",
        "server.adress",
        "access.client_keys[0].key",
        "access.client_keys[1]",
        "access.client_keys[2].key",
        "backends[0].api_key",
        "backends[1]",
        "backends[2].id",
        "backends[2].kind",
        "backends[3].id",
        "queue",
        "PORT",
    }


def test_an_error_prints_one_problem_per_line() -> None:
    error = ConfigError((Problem("a.b", "is wrong", "Mend it."), Problem("C", "is odd", "Set it.")))
    assert str(error) == "a.b: is wrong. Mend it.\nC: is odd. Set it."


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("state_dir: a\nstate_dir: b", {"state_dir": "1 and 2"}, id="top"),
        pytest.param("server:\n  drain_s: 1\n  drain_s: 1", {"server.drain_s": "2 and 3"}, id="in"),
        pytest.param("worker: {slots: 1, slots: 2}", {"worker.slots": "1 and 1"}, id="one-line"),
        pytest.param(
            "backends:\n- id: local-stub\n  models: []\n  models: []",
            {"backends[0].models": "3 and 4"},
            id="list",
        ),
    ],
)
def test_a_key_stands_once(problems: Problems, text: str, lines: dict[str, str]) -> None:
    found = problems(text)
    assert list(found) == list(lines)
    for path, numbers in lines.items():
        assert found[path].message == f"is given twice, on the lines {numbers}"


def test_a_merged_key_may_be_given_again(load: Load) -> None:
    config = load(
        "backends:\n- &a {id: a, kind: local-stub, models: [m]}\n- {<<: *a, id: b, models: [n]}"
    )
    assert [(backend.id, backend.models) for backend in config.backends] == [
        ("a", ("m",)),
        ("b", ("n",)),
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param(f"[{{id: a, key: {LONG}1}}, {{id: a, key: {LONG}2}}]", "[1]", id="same-id"),
        pytest.param(f"[{{id: a, key: {LONG}}}, {{id: b, key: ' {LONG} '}}]", "[1]", id="same-key"),
        pytest.param(f"[{{id: a, key: '{LONG[1:]}  '}}]", "[0].key", id="short-when-trimmed"),
        pytest.param(f"[{{id: a, key: '{LONG}é'}}]", "[0].key", id="not-ascii"),
    ],
)
def test_client_keys_differ_and_are_long(problems: Problems, text: str, path: str) -> None:
    assert list(problems(f"access: {{client_keys: {text}}}")) == [f"access.client_keys{path}"]


def test_a_call_from_every_web_page_needs_a_client_key(problems: Problems) -> None:
    found = problems("server: {cors_origins: ['*']}")
    assert list(found) == ["server.cors_origins"]
    for way_out in ("QUEUEWAY_CLIENT_KEYS", "access.client_keys"):
        assert way_out in found["server.cors_origins"].remedy


def test_with_a_client_key_every_web_page_may_call(load: Load) -> None:
    config = load("server: {cors_origins: ['*']}", QUEUEWAY_CLIENT_KEYS=f"alice={LONG}")
    assert config.server.cors_origins == ("*",)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("server: {cors_origins: ['*']}\naccess: {client_keys: 5}", id="no-list"),
        pytest.param("server: {cors_origins: ['*', 5]}", id="no-text-beside-it"),
    ],
)
def test_every_web_page_is_not_refused_while_it_is_unknown_what_was_meant(
    problems: Problems, text: str
) -> None:
    assert "server.cors_origins" not in problems(text)


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com",
        "http://localhost:3000",
        "http://[::1]:8080",
        "chrome-extension://abcdefgh",
    ],
)
def test_an_origin_is_named_as_browsers_send_it(load: Load, origin: str) -> None:
    config = load(f"server: {{cors_origins: ['{origin}']}}")
    assert config.server.cors_origins == (origin,)


@pytest.mark.parametrize(
    "origin",
    ["app.example.com", "https://app.example.com/", "https://App.example.com", "https://", "null"],
)
def test_an_origin_that_no_browser_sends_is_refused(problems: Problems, origin: str) -> None:
    found = problems(f"server: {{cors_origins: ['{origin}']}}")
    assert "is malformed" in found["server.cors_origins[0]"].message


@pytest.mark.parametrize(
    "address", ["':8080'", "0.0.0.0:80", "'[::]:80'", "example.com:80", "192.0.2.1:80"]
)
def test_an_address_beyond_loopback_needs_a_client_key(problems: Problems, address: str) -> None:
    found = problems(f"server: {{address: {address}}}")
    assert list(found) == ["server.address"]
    for way_out in ("QUEUEWAY_CLIENT_KEYS", "access.client_keys", "127.0.0.1"):
        assert way_out in found["server.address"].remedy


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param(
            "server: {address: ':80'}\naccess: {client_keys: 5}", "access.client_keys", id="no-list"
        ),
        pytest.param(
            "server: {address: ':80'}\naccess: {client_keys: [5]}",
            "access.client_keys[0]",
            id="no-client-key",
        ),
        pytest.param("server: {address: 5}", "server.address", id="no-address"),
        pytest.param("backends: [{id: nvidia, api_key: 5}]", "backends[0].api_key", id="no-key"),
        pytest.param(
            "backends: [{id: nvidia, api_keys: ['${NOPE}']}]",
            "backends[0].api_keys[0]",
            id="unset-key",
        ),
        pytest.param(
            "backends: [{id: nvidia, credentials: [5]}]",
            "backends[0].credentials[0]",
            id="no-credential",
        ),
    ],
)
def test_what_could_not_be_read_is_told_once(problems: Problems, text: str, path: str) -> None:
    assert list(problems(text)) == [path]


@pytest.mark.parametrize(
    "address", ["", "x", "h:", "h:0", "h:65536", "h:8o", "::1:80", "[h]:80", "a b:80", "u@h:1"]
)
def test_a_malformed_address_is_told(problems: Problems, address: str) -> None:
    assert list(problems(f"server: {{address: '{address}'}}")) == ["server.address"]


@pytest.mark.parametrize(
    ("address", "host", "port", "loopback"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True),
        ("127.9.9.9:1", "127.9.9.9", 1, True),
        ("LocalHost:65535", "LocalHost", 65535, True),
        ("[::1]:80", "::1", 80, True),
        ("[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80, True),
        ("[::]:80", "::", 80, False),
        (":8080", "0.0.0.0", 8080, False),
        ("localhost.example.com:80", "localhost.example.com", 80, False),
    ],
)
def test_an_address_is_split(address: str, host: str, port: int, loopback: bool) -> None:
    assert split_address(address) == (host, port)
    assert is_loopback(host) is loopback


def nodes(kind: inspect.Type) -> Iterator[inspect.Type]:
    node = shape_of(kind).node
    yield node
    if isinstance(node, inspect.VarTupleType):
        yield from nodes(node.item_type)
    if isinstance(node, inspect.StructType):
        for setting in node.fields:
            yield from nodes(setting.type)


def test_the_walk_knows_every_type_in_the_schema() -> None:
    assert {type(node) for node in nodes(inspect.type_info(Config))} <= {
        inspect.StructType,
        inspect.VarTupleType,
        inspect.StrType,
        inspect.IntType,
        inspect.FloatType,
        inspect.BoolType,
        inspect.LiteralType,
    }


def test_every_required_setting_is_text() -> None:
    required = [
        shape_of(setting.type).node
        for node in nodes(inspect.type_info(Config))
        if isinstance(node, inspect.StructType)
        for setting in node.fields
        if setting.required
    ]
    assert {type(node) for node in required} == {inspect.StrType}
