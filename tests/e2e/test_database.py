"""The database of a deployment: who brings it up to date, and what is said when it is not."""

import sys
from pathlib import Path

import pytest

from tests.e2e.database import upgrade
from tests.e2e.deployment import Up
from tests.support.client import chat_body
from tests.support.gateway import CHAT
from tests.support.polling import wait_for
from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.process import Process, clean_environment, free_port
from tests.support.redis_server import RedisServer

ADMIN = "/admin/attempts"
SECRET = "another-password"


def worker(folder: Path, database_url: str, redis_url: str) -> Process:
    """Start a worker by itself."""
    environment = clean_environment(DATABASE_URL=database_url, REDIS_URL=redis_url)
    return Process(
        [sys.executable, "-m", "workers"],
        environment=environment,
        folder=folder,
        log=folder / "worker.log",
    )


def test_up_brings_postgresql_up_to_date_and_uses_it(postgres_server: PostgresServer) -> None:
    with Up(DATABASE_URL=postgres_server.new_database()) as up:
        up.start()
        reply = up.client.send("POST", CHAT, chat_body("local-stub:echo"))
        wanted = f"{ADMIN}?call_id={reply.headers['X-Queueway-Call-Id']}"
        (row,) = wait_for(
            lambda: up.client.send("GET", wanted).json["data"], what="the attempt written"
        )
        assert (row["instance"], row["outcome"]) == ("local-stub", "success")
        assert up.supervisor is not None
        assert PASSWORD not in up.supervisor.output()


def test_the_release_phase_upgrades_once(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = postgres_server.new_database()
    said = [upgrade(url, tmp_path) for _ in range(2)]
    assert [(each.returncode, each.stdout) for each in said] == [
        (0, "the database has been brought up to date\n"),
        (0, "the database is up to date\n"),
    ]


def test_a_worker_on_an_old_schema_does_not_start_and_says_what_to_do(
    postgres_server: PostgresServer, redis_server: RedisServer, tmp_path: Path
) -> None:
    process = worker(tmp_path, postgres_server.new_database(), redis_server.url)
    assert process.wait() == 1
    assert process.output() == "the database is not up to date: run 'queueway db upgrade'\n"


def test_a_worker_without_its_database_does_not_start_and_shows_no_password(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    url = f"postgres://u:{SECRET}@127.0.0.1:{free_port()}/d"
    process = worker(tmp_path, url, redis_server.url)
    assert process.wait() == 1
    assert "the database does not answer" in process.output()
    assert SECRET not in process.output()


def test_a_worker_with_a_malformed_url_shows_nothing_of_it(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    process = worker(tmp_path, f"postgres://u:p@{SECRET}:{SECRET}@h/d", redis_server.url)
    assert process.wait() == 1
    assert "DATABASE_URL" in process.output()
    assert SECRET not in process.output()


@pytest.mark.parametrize("place", ["password", "malformed"])
def test_an_upgrade_that_fails_shows_no_password(
    postgres_server: PostgresServer, tmp_path: Path, place: str
) -> None:
    urls = {
        "password": postgres_server.url("postgres", password=SECRET),
        "malformed": f"postgres://u:p@{SECRET}:{SECRET}@h/d",
    }
    said = upgrade(urls[place], tmp_path)
    assert (said.returncode, len(said.stderr.splitlines())) == (1, 1), said.stderr
    assert SECRET not in said.stdout + said.stderr


def test_up_without_its_database_does_not_start_and_shows_no_password() -> None:
    with Up(DATABASE_URL=f"postgres://u:{SECRET}@127.0.0.1:{free_port()}/d") as up:
        process = up.launch()
        assert process.wait() == 1
        assert "the database is not ready" in process.output()
        assert SECRET not in process.output()
