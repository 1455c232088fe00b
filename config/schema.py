"""The settings, as types.

Owns every setting's name, type, bound, default and documentation, all in its annotation, so that
the walk of `config.validation` can check it and `config.reference` can print it. Durations are
seconds, sizes are bytes. Must not know: YAML, the environment, and which backend kinds exist.

A setting that holds a secret or a URL must be named in `SECRET_SETTINGS` or `URL_SETTINGS`: that is
what keeps its value out of `repr`, and so out of logs and tracebacks.
"""

import re
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Bytes = Annotated[int, Meta(ge=1)]
Filled = Annotated[str, Meta(min_length=1)]
Identifier = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z",
        max_length=64,
        extra={"form": "letters, digits, `.`, `_`, `-`; begins with a letter or digit"},
    ),
]
RedisUrl = Annotated[
    str,
    Meta(
        pattern=r"^(redis|rediss|unix)://.",
        extra={"form": "a `redis://`, `rediss://` or `unix://` URL"},
    ),
]
ProxyUrl = Annotated[
    str, Meta(pattern=r"^https?://.", extra={"form": "an `http://` or `https://` URL"})
]
RedisPrefix = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]+\Z",
        max_length=32,
        extra={"form": "letters, digits, `_`, `-`"},
    ),
]
VariableName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*\Z",
        max_length=128,
        extra={"form": "letters, digits, `_`; begins with no digit"},
    ),
]
# What an HTTP header can carry: anything else would make a key that no request can present.
ClientSecret = Annotated[
    str,
    Meta(pattern=r"^[ -~]*\Z", min_length=16, extra={"form": "printable ASCII"}),
]
LongSecret = Annotated[str, Meta(min_length=16)]
EVERY_ORIGIN = "*"
# As a browser writes it in `Origin`: lower case, no path, so that equal ones are equal texts.
Origin = Annotated[
    str,
    Meta(
        pattern=r"^(\*|[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+)\Z",
        extra={"form": "`https://host` in lower case without a path, or `*`"},
    ),
]

SECRET_SETTINGS = frozenset({"key", "api_key", "api_keys", "secret"})
URL_SETTINGS = frozenset({"url", "proxy", "base_url"})

_ADDRESS = re.compile(
    r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[A-Za-z0-9._-]*)):(?P<port>[0-9]{1,5})", re.ASCII
)


def split_address(address: str) -> tuple[str, int]:
    """Split what `server.address` says into the host and the port to bind.

    Returns:
        The host without brackets and the port; `:8080` gives `0.0.0.0`, all addresses.
    Raises:
        ValueError: not `host:port`, an IPv6 host outside brackets, or a port beyond 1..65535.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise ValueError("not host:port")
    if match["ipv6"]:
        IPv6Address(match["ipv6"])  # raises a ValueError of its own
    return match["ipv6"] or match["host"] or "0.0.0.0", int(match["port"])


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a listener on `host`; a name other than localhost
    counts as reachable from elsewhere, because it is not looked up."""
    if host.lower() == "localhost":
        return True
    try:
        parsed = ip_address(host)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def safe_url(url: str) -> str:
    """Return the URL as it may be shown to people: no user, password, query or fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    # An unescaped `/` in a password moves the rest of it, and the @, into the path.
    if not parts.scheme or not (parts.netloc or parts.scheme == "unix") or "@" in parts.path:
        return "***"
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{'***' if user else ''}{at}{host}{parts.path}"


def _shown(name: str, value: object) -> object:
    if not value:
        return value
    if name in SECRET_SETTINGS:
        return "***"
    if name in URL_SETTINGS and isinstance(value, str):
        return safe_url(value)
    return value


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the configuration file; an unknown key in it is an error."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [(name, _shown(name, getattr(self, name))) for name in self.__struct_fields__]


class Server(Section, frozen=True):
    """The listener and the web processes."""

    address: Annotated[
        str,
        Meta(description="`host:port` to listen on. `PORT` in the environment replaces the port."),
    ] = "127.0.0.1:8080"
    web_processes: Annotated[
        int, Meta(ge=0, description="gunicorn processes; 0 = half of the cores, at least 1.")
    ] = 0
    web_threads: Annotated[
        Count, Meta(description="Open requests of a web process when `concurrency` is `threads`.")
    ] = 256
    web_connections: Annotated[
        Count, Meta(description="Open requests of a web process when `concurrency` is `gevent`.")
    ] = 2000
    max_request_body_bytes: Annotated[
        Bytes, Meta(description="A larger request body is refused with 413.")
    ] = 64 * 1024 * 1024
    max_json_depth: Annotated[
        Count, Meta(le=512, description="Deeper nested request JSON is refused with 400.")
    ] = 128
    keepalive_s: Annotated[
        Seconds, Meta(description="Silence on a stream before an SSE comment is sent.")
    ] = 10.0
    nonstream_keepalive: Annotated[
        Literal["auto", "off", "whitespace"],
        Meta(
            description="Whether an answer that is not streamed begins with status 200 and white "
            "space when it takes long; an error is then in the body. auto = where `DYNO` is set, "
            "as silent requests are cut there."
        ),
    ] = "auto"
    nonstream_keepalive_s: Annotated[
        Seconds, Meta(description="Silence before such white space, and between its pieces.")
    ] = 20.0
    cors_origins: Annotated[
        tuple[Origin, ...],
        Meta(
            description="Web pages of these origins may call, as `https://app.example.com`; `*` is "
            "every page, which needs client keys. Empty: none."
        ),
    ] = ()
    drain_s: Annotated[
        Seconds, Meta(description="How long open calls may go on after SIGTERM.")
    ] = 25.0


class ClientKey(Section, frozen=True):
    """One key that clients may present."""

    id: Annotated[Identifier, Meta(description="Names the owner in call records; unique.")]
    key: Annotated[ClientSecret, Meta(description="What the client sends as its API key; unique.")]


class Access(Section, frozen=True):
    """Who may call."""

    client_keys: Annotated[
        tuple[ClientKey, ...],
        Meta(
            description="Keys that clients must present. Empty: open, and then only on loopback. "
            "`QUEUEWAY_CLIENT_KEYS` adds to them."
        ),
    ] = ()


class Redis(Section, frozen=True):
    """The Redis that all processes of a deployment share."""

    url: Annotated[
        RedisUrl | None,
        Meta(
            description="Where Redis is; `REDIS_URL` replaces it. "
            "Not given: `queueway up` starts a private one."
        ),
    ] = None
    prefix: Annotated[
        RedisPrefix,
        Meta(description="First part of every key, queue name and call id of this deployment."),
    ] = "qw"


DatabaseUrl = Annotated[
    str,
    Meta(
        pattern=r"^(sqlite:///|postgres(ql)?://).",
        extra={"form": "a `postgresql://`, `postgres://` or `sqlite:///` URL"},
    ),
]


class Database(Section, frozen=True):
    """Where calls are remembered."""

    url: Annotated[
        DatabaseUrl | None,
        Meta(
            description="`DATABASE_URL` replaces it. PostgreSQL needs the extra "
            "`queueway[postgresql]`. Not given: an SQLite file in `state_dir`."
        ),
    ] = None
    retention_days: Annotated[Count, Meta(description="How long attempts are kept.")] = 30


class Queue(Section, frozen=True):
    """How much may wait."""

    max_calls: Annotated[
        Count, Meta(description="Calls waiting for a worker; one more is refused with 429.")
    ] = 1000
    max_bytes: Annotated[
        Bytes, Meta(description="Bodies of the waiting calls in bytes; over it 429.")
    ] = 256 * 1024 * 1024
    max_wait_s: Annotated[
        Seconds,
        Meta(
            description="A call that no worker took for so long ends with 503, never sent upstream."
        ),
    ] = 300.0


class Worker(Section, frozen=True):
    """The processes that make the upstream calls."""

    slots: Annotated[
        int,
        Meta(
            ge=0,
            description="Calls one worker runs at once; 0 = 1000 with gevent, 128 with threads.",
        ),
    ] = 0


class Timeouts(Section, frozen=True):
    """How long an upstream call may take."""

    connect_s: Annotated[Seconds, Meta(description="TCP and TLS connect to the upstream.")] = 10.0
    first_byte_s: Annotated[
        Seconds, Meta(description="From the sent request to the upstream's first byte.")
    ] = 600.0
    silence_s: Annotated[Seconds, Meta(description="Between two reads of an answer.")] = 300.0
    total_s: Annotated[Seconds, Meta(description="A whole call, all its attempts.")] = 3600.0


class HttpClient(Section, frozen=True):
    """How upstreams are reached."""

    trust_environment_proxy: Annotated[
        bool, Meta(description="Use HTTP_PROXY, HTTPS_PROXY and NO_PROXY.")
    ] = False
    proxy: Annotated[
        ProxyUrl | None,
        Meta(description="Proxy for every upstream call; wins over the environment."),
    ] = None
    ca_bundle: Annotated[
        str | None, Meta(description="PEM file of the certificate authorities to trust instead.")
    ] = None


class Routing(Section, frozen=True):
    """How a call finds its candidates."""

    default_route: Annotated[
        Filled | None,
        Meta(description="Selector for a model that names no instance. Not given: 404 for it."),
    ] = None
    max_attempts: Annotated[Count, Meta(le=32, description="Candidates tried for one call.")] = 3


class ModelInventory(Section, frozen=True):
    """How the models of the providers are kept up to date."""

    refresh_enabled: Annotated[
        bool, Meta(description="Whether providers are asked which models they have.")
    ] = True
    refresh_interval_s: Annotated[
        float, Meta(ge=3600, description="How old a listing becomes before it is asked for anew.")
    ] = 3600.0
    fetch_timeout_s: Annotated[
        float,
        Meta(gt=0, le=600, description="How long one provider's listing may take, all its pages."),
    ] = 30.0


class Credentials(Section, frozen=True):
    """How long a refused key rests."""

    default_cooldown_s: Annotated[
        Seconds, Meta(description="A 429 that says no time sets its key aside this long.")
    ] = 60.0
    max_cooldown_s: Annotated[
        Seconds, Meta(description="No header can set a key aside for longer.")
    ] = 86400.0


class Credential(Section, frozen=True):
    """One upstream key with a name."""

    api_key: Annotated[str, Meta(description="The secret.")]
    id: Annotated[
        Identifier | None,
        Meta(description="Name shown to people. Not given: c0, c1, ... by position."),
    ] = None


class Stub(Section, frozen=True):
    """Settings that only the kind `local-stub` reads."""

    text: Annotated[str, Meta(description="What `local-stub:stub-default` answers.")] = (
        "[local-stub] deterministic assistant text"
    )


class Backend(Section, frozen=True):
    """One instance: a configured upstream account.

    In a loaded configuration `kind` is filled and, when enabled, `credentials` is the whole pool,
    each with its id: no one needs to read `api_key`, `api_keys` or the environment again.
    """

    id: Annotated[Identifier, Meta(description="What selectors name; unique.")]
    kind: Annotated[
        str | None, Meta(description="Provider row, see docs/providers.md. Not given: the id.")
    ] = None
    enabled: Annotated[bool, Meta(description="A disabled instance is not built.")] = True
    base_url: Annotated[
        Filled | None,
        Meta(
            description="Upstream root, version included. Not given: the kind's own; the custom "
            "kinds have none."
        ),
    ] = None
    backend_prefix: Annotated[
        str | None,
        Meta(
            description="For the custom kinds, which need it: what selectors may call the instance "
            "besides its id. Unique, and no name of another kind."
        ),
    ] = None
    api_key: Annotated[str | None, Meta(description="First key of the pool.")] = None
    api_keys: Annotated[tuple[str, ...], Meta(description="Further keys, in order.")] = ()
    credentials: Annotated[
        tuple[Credential, ...],
        Meta(
            description="Keys with ids. If given, `api_key`, `api_keys` and the environment "
            "are not read."
        ),
    ] = ()
    api_key_env_var_root: Annotated[
        VariableName | None,
        Meta(
            description="For the custom kinds: the variable whose value is the key when none is "
            "given here; with `_2`, `_3` ... behind it further keys."
        ),
    ] = None
    models: Annotated[
        tuple[Filled, ...],
        Meta(
            description="Model ids to list, as the upstream calls them. Empty: what it lists by "
            "itself, else the kind's default model."
        ),
    ] = ()
    timeouts: Annotated[
        Timeouts | None,
        Meta(description="This instance's own; one not given is the top-level one."),
    ] = None
    static_referer: Annotated[
        str | None, Meta(description="OpenRouter's HTTP-Referer when the client sends none.")
    ] = None
    static_title: Annotated[
        str | None, Meta(description="OpenRouter's X-Title when the client sends none.")
    ] = None
    stub: Annotated[Stub | None, Meta(description="For kind `local-stub` only.")] = None

    @property
    def provider_kind(self) -> str:
        """The kind, which defaults to the id."""
        return self.kind or self.id


class Logging(Section, frozen=True):
    """What the processes print."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severe level logged.")
    ] = "info"


class Config(Section, frozen=True):
    """The whole configuration, as the loader returns it: references expanded, environment applied,
    every enabled backend's keys resolved into its `credentials`."""

    server: Server = field(default_factory=Server)
    access: Access = field(default_factory=Access)
    redis: Redis = field(default_factory=Redis)
    database: Database = field(default_factory=Database)
    queue: Queue = field(default_factory=Queue)
    worker: Worker = field(default_factory=Worker)
    timeouts: Timeouts = field(default_factory=Timeouts)
    http_client: HttpClient = field(default_factory=HttpClient)
    routing: Routing = field(default_factory=Routing)
    credentials: Credentials = field(default_factory=Credentials)
    model_inventory: ModelInventory = field(default_factory=ModelInventory)
    logging: Logging = field(default_factory=Logging)
    backends: Annotated[
        tuple[Backend, ...], Meta(description="The instances that calls can be routed to.")
    ] = ()
    concurrency: Annotated[
        Literal["gevent", "threads"],
        Meta(description="How web and worker run many calls; `QUEUEWAY_CONCURRENCY` replaces it."),
    ] = "gevent"
    secret: Annotated[
        LongSecret | None,
        Meta(
            description="Keys the digests under which credential state is stored; "
            "`QUEUEWAY_SECRET` replaces it. Not given: an id made once and kept with the state.",
        ),
    ] = None
    state_dir: Annotated[
        Filled,
        Meta(
            description="Where the embedded Redis keeps its data; `QUEUEWAY_STATE_DIR` replaces it."
        ),
    ] = "var"
