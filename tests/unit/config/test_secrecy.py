"""No secret in what is printed: neither in problems nor in the configuration itself."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import ConfigError, Problem
from config.kinds import KindRules
from config.loader import load_config
from config.schema import Config, safe_url

Load = Callable[..., Config]
Problems = Callable[..., Mapping[str, Problem]]

CANARY = "sk-Canary-4242"
LONG = f"{CANARY}-0123456789"

FULL = f"""
secret: {LONG}
redis: {{url: 'redis://user:{LONG}@h:6379/0'}}
http_client: {{proxy: 'http://user:{LONG}@h:3128'}}
access: {{client_keys: [{{id: a, key: {LONG}}}]}}
backends:
- {{id: a, kind: nvidia, api_key: {LONG}, api_keys: [{LONG}2]}}
- {{id: b, kind: nvidia, credentials: [{{id: x, api_key: {LONG}3}}]}}
- {{id: c, enabled: false, base_url: 'https://u:{LONG}@h/?key={LONG}'}}
"""


@pytest.mark.parametrize("shown", [repr, str, lambda config: f"{config.__rich_repr__()}"])
def test_a_configuration_does_not_show_its_secrets(
    load: Load, shown: Callable[[Config], str]
) -> None:
    text = shown(load(FULL, QUEUEWAY_CLIENT_KEYS=f"{LONG}4"))
    assert "h:6379" in text
    assert CANARY not in text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://:pw@h:1/0", "redis://***@h:1/0"),
        ("rediss://h/0?password=pw", "rediss://h/0"),
        ("https://h/v1#pw", "https://h/v1"),
        ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock"),
        ("redis://:p/w@h:1", "***"),
        ("user:pw@h", "***"),
        ("pw", "***"),
        ("http://[pw", "***"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert safe_url(url) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"secret: [{CANARY}]",
        f"secret: {CANARY[:9]}",
        f"{CANARY}: 1",
        f"{CANARY}: 1\n{CANARY}: 2",
        f"concurrency: {CANARY}",
        f"server: {{address: {CANARY}, web_threads: {CANARY}}}",
        f"redis: {{url: {CANARY}, prefix: '{CANARY}!'}}",
        f"http_client: {{proxy: {CANARY}, ca_bundle: {CANARY}}}",
        f"access: {{client_keys: [{{id: '{CANARY} !', key: {CANARY}}}]}}",
        f"access: {{client_keys: [{CANARY}, {{{CANARY}: x}}]}}",
        f"access: {{client_keys: [{{id: a, key: {LONG}}}, {{id: b, key: {LONG}}}]}}",
        f"backends: [{{id: {CANARY}}}, {{id: {CANARY}, kind: {CANARY}}}]",
        f"backends: [{{id: nvidia, api_keys: {CANARY}}}]",
        f"backends: [{{id: nvidia, api_key: ['{CANARY}']}}]",
        f'backends: [{{id: nvidia, api_key: "{CANARY}\\n{CANARY}"}}]',
        f"backends: [{{id: nvidia, api_keys: [{{{CANARY}: x}}]}}]",
        f"backends: [{{id: nvidia, api_key: '${{{CANARY}}}'}}]",
        f"backends: [{{id: local-stub, base_url: 'https://u:{CANARY}@h'}}]",
        f"a: !{CANARY} x",
        f"a: *{CANARY}",
        f"a: &{CANARY} 1\nb: &{CANARY} 2\nc: %{CANARY}",
        f"a: '{CANARY}",
        f"a: x\n {CANARY}: y: z",
        f"? {{{CANARY}: 1}}\n: 1",
    ],
)
def test_a_problem_does_not_quote_the_file(load: Load, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "PORT",
        "REDIS_URL",
        "WEB_CONCURRENCY",
        "QUEUEWAY_CLIENT_KEYS",
        "QUEUEWAY_CONCURRENCY",
        "QUEUEWAY_LOG_LEVEL",
    ],
)
def test_a_problem_does_not_quote_a_variable(problems: Problems, name: str) -> None:
    found = problems("", **{name: CANARY})
    assert list(found) == [name]
    assert CANARY not in str(found[name])


@settings(deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=9))
def test_no_value_of_the_environment_is_quoted(noise: str) -> None:
    names = ["PORT", "WEB_CONCURRENCY", "QUEUEWAY_CONCURRENCY", "QUEUEWAY_LOG_LEVEL", "REDIS_URL"]
    environ = {name: f"{noise}{CANARY}{noise}" for name in names}
    with pytest.raises(ConfigError) as caught:
        load_config(None, environ, kinds={"local-stub": KindRules()})
    assert [problem.path for problem in caught.value.problems if CANARY in str(problem)] == []
