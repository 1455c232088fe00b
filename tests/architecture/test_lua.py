"""The reader of scripts sees keys that a script makes up."""

import pytest

from tests.architecture.lua import parse_script


@pytest.mark.parametrize(
    ("code", "keys"),
    [
        pytest.param("redis.call('GET', 'qw:x')", ["'qw:x'"], id="literal"),
        pytest.param("redis.call('GET', 'qw:' .. ARGV[1])", ["'qw:' .. ARGV[1]"], id="built"),
        pytest.param("redis.call('GET', KEYS[1] .. ':x')", ["KEYS[1] .. ':x'"], id="extended"),
        pytest.param("redis.call('DEL', KEYS[1], ARGV[1])", ["ARGV[1]"], id="second-of-many"),
        pytest.param("redis.call('LMOVE', KEYS[1], 'y', 'LEFT', 'LEFT')", ["'y'"], id="target"),
        pytest.param("redis.pcall('GET', key)", ["key"], id="unknown-variable"),
        pytest.param("local k = ARGV[1]\nredis.call('GET', k)", ["k"], id="variable-of-argv"),
        pytest.param(
            "local k = KEYS[1]\nk = k .. ':x'\nredis.call('GET', k)", ["k"], id="reassigned"
        ),
        pytest.param(
            "redis.call('SET', KEYS[1], redis.call('GET', 'x'))", ["'x'"], id="inside-a-call"
        ),
        pytest.param(
            "local function f(k)\n  redis.call('GET', k)\nend\nf(KEYS[1])\nf(ARGV[1])",
            ["k"],
            id="parameter",
        ),
        pytest.param("redis.call(ARGV[1], 'x')", ["'x'"], id="unknown-command"),
    ],
)
def test_a_key_that_was_not_given_is_found(code: str, keys: list[str]) -> None:
    assert parse_script(code).made_up_keys == keys


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("redis.call('GET', KEYS[1])", id="key"),
        pytest.param("redis.call('GET', KEYS[base + 2])", id="counted-key"),
        pytest.param("local a, b = KEYS[i], KEYS[i + 1]\nredis.call('DEL', a, b)", id="variables"),
        pytest.param(
            "local function f(k, v)\n  redis.call('SET', k, v)\nend\nf(KEYS[1], g(1, 2))",
            id="parameter",
        ),
        pytest.param("redis.call('HSET', KEYS[1], 'a,b(', ARGV[1] .. 'x')", id="values"),
        pytest.param("local now = redis.call('TIME')", id="no-key"),
        pytest.param("-- redis.call('GET', 'x')", id="comment"),
        pytest.param("if redis.call('GET', KEYS[1]) == 'x' then\nend", id="comparison"),
    ],
)
def test_a_script_with_given_keys_alone_passes(code: str) -> None:
    assert parse_script(code).made_up_keys == []


def test_a_header_is_the_comment_that_a_script_begins_with() -> None:
    script = parse_script("-- Does it.\n-- KEYS: 1 a\nlocal x = 1\n-- not this\n")
    assert script.header == "Does it.\nKEYS: 1 a"
