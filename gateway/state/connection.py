"""Connections to Redis.

Owns how a URL becomes a client. A blocking reader gets a client of its own: RQ raises the socket
timeout of the pool that it is given.
"""

from urllib.parse import urlsplit

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 5.0
MAX_CONNECTIONS = 64
"""Of one client. Whoever finds all in use waits for one, as long as for an answer."""


def connect(url: str, *, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> Redis:
    """Make a client; it connects when it is first used.

    Args:
        url: redis://, rediss:// or unix://. Heroku's rediss:// has a self-signed certificate, so
            none is verified there unless the URL says `ssl_cert_reqs`.
        answer_timeout_s: how long a command may take before `redis.TimeoutError`.
    Raises:
        ValueError: the URL is none of these.
    """
    options: dict[str, object] = {}
    if urlsplit(url).scheme == "rediss" and "ssl_cert_reqs" not in url:
        options = {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=MAX_CONNECTIONS,
        timeout=answer_timeout_s,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=answer_timeout_s,
        # A script that was sent twice would append twice: whoever calls decides about a retry.
        retry=Retry(NoBackoff(), 0),
        **options,
    )
    return Redis(connection_pool=pool)
