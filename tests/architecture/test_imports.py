"""Who may import whom.

A row names a module or a package and what it may import of ours besides itself; the longest row
that fits a module counts. Anything else fails, and so does a module without a row.
"""

import pytest

from tests.architecture.import_checker import Owner, Row, Table, find_cycle
from tests.architecture.sources import BENCH, PRODUCT, Source, read_sources

CANONICAL = "gateway.canonical"
WIRE = "gateway.wire"
ROUTING = "gateway.routing"
CREDENTIALS = "gateway.credentials"
STATE = "gateway.state"
TRANSPORT = "gateway.transport"
EXECUTION = "gateway.execution"
STORE = "gateway.store"
PORTS = ("gateway.execution.ports", "gateway.execution.execution")
REDIS_TOOLS = (
    "gateway.state.script",
    "gateway.state.reply",
    "gateway.state.connection",
    "gateway.state.pipe",
)
STAGES = (CANONICAL, ROUTING, CREDENTIALS, STATE, TRANSPORT, EXECUTION, "gateway.queueing")
RUNTIME = ("gateway.runtime", "gateway.web")

ROWS = (
    Row("gateway.__init__", (), "it says the version and nothing else"),
    Row(CANONICAL, (), "the model is pure and knows nobody"),
    Row(WIRE, (CANONICAL,), "translation is pure"),
    Row("config", (), "the configuration does not know what it configures"),
    Row(ROUTING, (CANONICAL, "config"), "routing is pure: state comes in as values"),
    Row(CREDENTIALS, (CANONICAL, "config", *REDIS_TOOLS), "keys know neither calls nor upstreams"),
    Row(STATE, (CANONICAL, "config"), "shared state lies below everything that uses it"),
    Row(
        TRANSPORT,
        (CANONICAL, "config", *REDIS_TOOLS, "gateway.state.liveness"),
        "frames are carried, not understood; whether their reader lives is read beside them",
    ),
    Row(EXECUTION, (CANONICAL, ROUTING), "the one loop gets everything else through its ports"),
    Row("gateway.queueing", (CANONICAL, "config"), "how a call looks to RQ, and no more"),
    Row("gateway.web", (*STAGES, "config"), "a web process's end of the stages, served by nobody"),
    Row(
        "gateway.runtime", (*STAGES, "gateway.web", "config"), "it builds the stages, not the edges"
    ),
    Row(
        "gateway.frontends",
        (*STAGES, *RUNTIME, WIRE, "config"),
        "a frontend is an edge: it knows what it serves, and nobody knows it",
    ),
    Row(
        "gateway.admin",
        (CANONICAL, STORE, "gateway.runtime", "gateway.blocking", "config"),
        "operators' pages are an edge of their own",
    ),
    Row(STORE, (CANONICAL, "config"), "SQL remembers values and knows no stage"),
    Row("gateway.blocking", (), "it knows threads and nothing else"),
    Row("gateway.logs", (), "process edges set it up before anything else"),
    Row("gateway.embedded_redis", (), "it runs a program and knows no call"),
    Row("gateway.supervisor", (), "it runs programs and knows none of them"),
    Row(
        "gateway.up",
        (
            "config",
            "backends.providers",
            "gateway.embedded_redis",
            "gateway.logs",
            "gateway.supervisor",
        ),
        "it starts processes that are configured like any others",
    ),
    Row(
        "gateway.inventory_report",
        (CANONICAL, ROUTING, "gateway.state.inventory", "config", "backends"),
        "it says what the commands print of models",
    ),
    Row(
        "gateway.cli",
        (
            *STAGES,
            STORE,
            *RUNTIME,
            "config",
            "backends",
            "gateway.__version__",
            "gateway.embedded_redis",
            "gateway.inventory_report",
            "gateway.logs",
            "gateway.up",
        ),
        "the command is an edge of its own",
    ),
    Row(
        "backends",
        (CANONICAL, WIRE, "config", *PORTS, "gateway.__version__"),
        "a backend knows its upstream and the port that it fills",
    ),
    Row(
        "workers",
        (
            *STAGES,
            STORE,
            "gateway.runtime",
            "gateway.blocking",
            "gateway.logs",
            WIRE,
            "config",
            "backends",
        ),
        "a worker runs calls and serves no client",
    ),
    Row(
        "app",
        (
            CANONICAL,
            "gateway.runtime",
            "gateway.frontends",
            "gateway.admin",
            "gateway.logs",
            "backends",
            "config",
        ),
        "it joins the parts of the web process",
    ),
    Row("wsgi", ("app", "config"), "gunicorn imports one name, and stops on a wrong configuration"),
    Row(
        "gunicorn.conf", ("config", "backends.providers"), "it runs before the application is made"
    ),
    Row("bench", (), "the benchmark measures from outside, as it does other gateways"),
)

OWNERS = (
    Owner(
        "flask",
        ("app", "gateway.frontends", "gateway.admin"),
        "HTTP to clients is the frontends' business",
    ),
    Owner("werkzeug", ("app", "gateway.frontends"), "it is Flask's"),
    Owner("click", ("gateway.cli",), "only the command has options"),
    Owner("requests", ("backends.http", "backends.connection"), "they own the upstream sockets"),
    Owner("urllib3", ("backends.http", "backends.connection"), "it is requests'"),
    Owner("sseclient", ("backends.http",), "frames are decoded where they are read"),
    Owner("rq", ("gateway.queueing", "workers"), "calls are RQ jobs at two places"),
    Owner(
        "redis",
        (CREDENTIALS, STATE, TRANSPORT, "gateway.queueing", *RUNTIME, "workers"),
        "shared state is behind the stages that own its keys",
    ),
    Owner(
        "redis.RedisError",
        ("gateway.frontends.health", "gateway.cli"),
        "they say that Redis does not answer, and send it nothing",
    ),
    Owner("hiredis", ("gateway.state.pipe",), "it writes what the pipe sends"),
    Owner("yaml", ("config",), "only the configuration is YAML"),
    Owner("sqlalchemy", (STORE,), "SQL is in one place"),
    Owner(
        "sqlalchemy.exc.SQLAlchemyError",
        ("gateway.admin", "workers"),
        "they say that the database does not answer, and send it nothing",
    ),
    Owner("sqlalchemy.Engine", ("workers",), "a worker hands it from one to the other"),
    Owner("alembic", (STORE,), "it makes the schema"),
    Owner("gevent", ("workers.__main__",), "patching is for process entry points"),
    Owner("gevent.threadpool", ("gateway.blocking",), "it is where real threads are needed"),
    Owner("psycopg", ("gateway.store.postgresql",), "SQLAlchemy knows it by its name"),
)

TABLE = Table(
    ours=frozenset({"app", "wsgi", "gateway", "backends", "workers", "config", "bench", "tests"}),
    rows=ROWS,
    owners=OWNERS,
    anywhere=frozenset({"msgspec"}),
)
SOURCES = read_sources(*PRODUCT, *BENCH)


@pytest.mark.parametrize("source", [pytest.param(each, id=each.path) for each in SOURCES])
def test_a_module_imports_what_its_row_allows(source: Source) -> None:
    assert TABLE.violations(source) == []


def test_no_modules_import_each_other() -> None:
    assert find_cycle(SOURCES) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.module)
def test_every_row_has_a_module(row: Row) -> None:
    assert any(TABLE.row(source.module) is row for source in SOURCES)


@pytest.mark.parametrize("owner", OWNERS, ids=lambda owner: owner.package)
def test_every_owner_has_a_module(owner: Owner) -> None:
    named = [f"{source.module}." for source in SOURCES]
    unknown = [o for o in owner.modules if not any(n.startswith(f"{o}.") for n in named)]
    assert unknown == []


def test_the_table_names_every_top_level_module() -> None:
    assert {source.module.partition(".")[0] for source in SOURCES} <= TABLE.ours | {"gunicorn"}
