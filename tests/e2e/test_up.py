"""`queueway up`: from an empty folder to the first answer, and to nothing again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.deployment import Up
from tests.support.client import chat_body
from tests.support.gateway import CHAT, QUEUEWAY
from tests.support.polling import wait_for

SECOND_START_S = 2.5
STOP_S = 15.0
RESTART_S = 15.0

PARTS = {"web": "gunicorn", "worker": "workers", "redis": "redis-server"}
"""What tells the children of a deployment apart."""


@pytest.fixture(scope="module")
def running() -> Iterator[Up]:
    """A deployment that the tests leave as it is."""
    with Up() as up:
        up.start()
        yield up


def echo(up: Up) -> int:
    """The status of a small call."""
    try:
        return up.client.send("POST", CHAT, chat_body("local-stub:echo")).status
    except OSError:
        return 0


def test_it_starts_in_an_empty_folder_and_its_greeting_can_be_pasted() -> None:
    with Up() as up:
        assert list(up.folder.iterdir()) == []
        url, line = up.start()
        pasted = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, timeout=20, check=True
        )
    assert url == f"http://127.0.0.1:{up.port}"
    assert json.loads(pasted.stdout)["choices"][0]["message"]["content"] == "Hello"


def test_its_greeting_can_be_pasted_where_client_keys_are_needed() -> None:
    key = "a-client-key-of-16-characters"
    with Up(QUEUEWAY_CLIENT_KEYS=key) as up:
        _, line = up.start()
        pasted = subprocess.run(
            ["bash", "-c", line],
            env={**os.environ, "CLIENT_KEY": key},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        assert echo(up) == 401
    assert key not in line
    assert json.loads(pasted.stdout)["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_a_signal_stops_everything(concurrency: str, signum: signal.Signals) -> None:
    with Up(QUEUEWAY_CONCURRENCY=concurrency) as up:
        up.start()
        assert all(up.ids(part) for part in PARTS.values())
        assert up.stop(signum) == 0
        assert up.processes() == {}


def test_a_second_start_is_quick() -> None:
    def start_s(up: Up) -> float:
        up.stop()
        begun = time.monotonic()
        up.start()
        return time.monotonic() - begun

    with Up() as up:
        up.start()
        # The best of some: a machine that is busy with other things makes a single one slow.
        assert any(start_s(up) < SECOND_START_S for _ in range(4))


def test_what_its_redis_knew_survives_a_restart() -> None:
    with Up() as up:
        up.start()
        with closing(up.redis()) as redis:
            redis.set("remember", "me")
        up.stop()
        up.start()
        with closing(up.redis()) as redis:
            assert redis.get("remember") == b"me"


def test_a_killed_supervisor_leaves_no_process_behind(concurrency: str) -> None:
    with Up(QUEUEWAY_CONCURRENCY=concurrency) as up:
        up.start()
        assert up.supervisor is not None
        up.supervisor.signal(signal.SIGKILL)
        wait_for(lambda: not up.processes(), what="the end of every child", limit_s=STOP_S)


def test_an_open_call_does_not_keep_a_second_signal_from_stopping_everything() -> None:
    with Up() as up:
        up.start()
        with up.client.open("POST", CHAT, chat_body("local-stub:long-stream-9999", stream=True)):
            assert up.supervisor is not None
            up.supervisor.signal(signal.SIGINT)
            up.stop(signal.SIGTERM)
        assert up.processes() == {}


@pytest.mark.parametrize("name", PARTS)
def test_a_killed_child_is_started_again(name: str) -> None:
    with Up() as up:
        up.start()
        before = up.ids(PARTS[name])
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_for(
            lambda: up.ids(PARTS[name]) - before and up.is_ready() and echo(up) == 200,
            what="an answer after the restart",
            limit_s=RESTART_S,
        )
        assert not up.ids(PARTS[name]) & before


def test_a_taken_port_is_said_so_and_nothing_is_left() -> None:
    with Up() as up, closing(socket.create_server(("127.0.0.1", up.port))):
        process = up.launch()
        assert process.wait() == 1
        assert f"127.0.0.1:{up.port}" in process.output()
        assert "PORT" in process.output()
        assert "Traceback" not in process.output()
        assert up.processes() == {}


def test_a_second_one_in_the_same_folder_is_refused(running: Up) -> None:
    with Up(QUEUEWAY_STATE_DIR=str(running.folder / "var")) as second:
        process = second.launch()
        assert process.wait() == 1
        assert "another 'queueway up' runs on" in process.output()
    assert echo(running) == 200


def test_a_faulty_configuration_is_said_so(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("backends: [{id: nope}]\nserver: {adress: x}\n")
    with Up(QUEUEWAY_CONFIG=str(config)) as up:
        process = up.launch()
        assert process.wait() == 1
        assert "backends[0].id" in process.output()
        assert "server.adress" in process.output()
        assert "Traceback" not in process.output()


def test_keys_are_shown_from_the_folder_of_a_running_one(running: Up) -> None:
    done = subprocess.run(
        [QUEUEWAY, "keys"],
        cwd=running.folder,
        env=running.environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "local-stub" in done.stdout


def test_rq_info_shows_the_queue_and_the_worker(running: Up) -> None:
    wait_for(lambda: echo(running) == 200, what="an answer")
    rq = str(Path(sys.executable).parent / "rq")
    done = subprocess.run(
        [rq, "info", "--url", running.redis_url],
        cwd=running.folder,
        env=running.environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert "qw.interactive" in done.stdout
    assert "1 workers, 1 queues" in done.stdout
