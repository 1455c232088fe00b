"""The sockets of upstream calls, so that one can be shut down from another thread.

Connections are kept and used again. Each knows the exchange that it carries now: an exchange that
is over can no longer touch the connection, which may carry another's by then.
"""

import socket
import threading
from contextvars import ContextVar
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

MAX_IDLE = 4096
"""Connections that are kept for the next call, as many as a worker may have slots."""

MAX_KNOWN_URLS = 256
"""What was worked out for a URL is kept for so many; some have the model's name in them."""

K = TypeVar("K")
V = TypeVar("V")

_ownership = threading.Lock()


class Exchange:
    """One request and its answer; `abort` ends it from any thread."""

    def __init__(self) -> None:
        self.connected = False
        """Whether TCP and TLS are up."""
        self._connection: _Carrier | None = None
        self._socket: socket.socket | None = None
        self._aborted = False

    def carried_by(
        self, connection: "_Carrier", sock: socket.socket | None, *, connected: bool
    ) -> None:
        """Take note of the connection, and of its socket once it has one.

        Args:
            connected: whether a request could be sent now.
        Raises:
            ConnectionAbortedError: the exchange was ended meanwhile.
        """
        with _ownership:
            connection.exchange = self
            self._connection = connection
            self._socket = sock
            aborted = self._aborted
        self.connected = connected
        if aborted:
            raise ConnectionAbortedError("the call was ended")

    def abort(self) -> None:
        """Shut the socket down: whoever reads or writes it returns at once."""
        with _ownership:
            self._aborted = True
            sock = self._owned()
            if sock is not None:
                _shut_down(sock)

    def read_timeout(self, seconds: float) -> None:
        """Bound each further read of the answer."""
        with _ownership:
            sock = self._owned()
            if sock is not None and sock.fileno() >= 0:
                sock.settimeout(seconds)

    def _owned(self) -> socket.socket | None:
        """The socket, as long as the connection carries this exchange."""
        connection = self._connection
        return self._socket if connection and connection.exchange is self else None


current_exchange: ContextVar[Exchange | None] = ContextVar("current_exchange", default=None)
"""The exchange that this thread is about to send."""


class _Carrier(HTTPConnection):
    """A connection that knows the exchange it carries."""

    exchange: Exchange | None = None

    def _new_conn(self) -> socket.socket:
        """Connect over TCP as urllib3 does, but let the exchange have the socket before."""
        try:
            return self._connect_to_any()
        except (socket.gaierror, UnicodeError) as error:
            fault = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, fault) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the connection timed out") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection: {error}") from error

    def _connect_to_any(self) -> socket.socket:
        """Try the host's addresses in their order.

        Raises:
            OSError: of the last one; of the name when it has none.
        """
        fault: OSError = socket.gaierror("the host has no address")
        found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(self.timeout)
                if exchange := current_exchange.get():
                    exchange.carried_by(self, sock, connected=False)
                sock.connect(address)
            except OSError as error:
                fault = error
                sock.close()
            else:
                return sock
        raise fault

    def connect(self) -> None:
        exchange = current_exchange.get()
        super().connect()
        if exchange:
            exchange.carried_by(self, self.sock, connected=self.sock is not None)

    def request(self, *args: Any, **options: Any) -> None:
        exchange = current_exchange.get()
        if exchange:
            exchange.carried_by(self, self.sock, connected=self.sock is not None)
        super().request(*args, **options)


class _TlsCarrier(_Carrier, HTTPSConnection):
    """The same over TLS.

    The socket object is another one behind the handshake, so a handle of its own stands for the
    connection during it.
    """

    _handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        exchange = current_exchange.get()
        if exchange:
            self._handle = sock.dup()
            try:
                exchange.carried_by(self, self._handle, connected=False)
            except ConnectionAbortedError:
                sock.close()
                raise
        return sock

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            if self._handle:
                self._handle.close()
                self._handle = None


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Carrier

    def _put_conn(self, conn: Any) -> None:
        _disown(conn)
        super()._put_conn(conn)


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsCarrier

    def _put_conn(self, conn: Any) -> None:
        _disown(conn)
        super()._put_conn(conn)


def _disown(connection: "_Carrier | None") -> None:
    """Take a connection from its exchange, which may be ended later than it is over.

    Done before the connection is free: whoever gets it next has not said yet that it is theirs.
    """
    if connection is not None:
        with _ownership:
            connection.exchange = None


def remember(known: dict[K, V], key: K, *, value: V) -> None:
    """Keep a value that is cheap to make again, and no more than `MAX_KNOWN_URLS` of them."""
    if len(known) >= MAX_KNOWN_URLS:
        known.clear()
    known[key] = value


class _BareResponse(requests.Response):
    """What a call reads of a response; no cookies, no encoding, which cost as much as the rest."""

    def __init__(self, request: requests.PreparedRequest, raw: Any) -> None:
        self.request = request
        self.status_code = raw.status
        self.headers = raw.headers
        self.raw = raw
        self._content_consumed = False


class Adapter(HTTPAdapter):
    """Sends each request once, over connections that know what they carry.

    What requests works out anew for every request to the same URL is kept.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=4, pool_maxsize=MAX_IDLE, max_retries=0)
        self._pools: dict[str | None, Any] = {}
        self._paths: dict[str | None, str] = {}

    # Narrower than requests' own: whoever sends a request names the last two.
    def get_connection_with_tls_context(  # type: ignore[override]
        self, request: requests.PreparedRequest, verify: Any, *, proxies: Any, cert: Any
    ) -> Any:
        pool: Any = None if proxies else self._pools.get(request.url)
        if pool is None:
            pool = super().get_connection_with_tls_context(
                request, verify, proxies=proxies, cert=cert
            )
            super().cert_verify(pool, request.url, verify=verify, cert=cert)  # type: ignore[no-untyped-call]
            if not proxies:
                remember(self._pools, request.url, value=pool)
        return pool

    def cert_verify(self, *_: Any) -> None:
        """Do nothing: a pool's TLS is set up when the pool is first used."""

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        path = None if proxies else self._paths.get(request.url)
        if path is None:
            path = super().request_url(request, proxies)
            if not proxies:
                remember(self._paths, request.url, value=path)
        return path

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        return _BareResponse(req, resp)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        _with_carriers(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        known = proxy in self.proxy_manager
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        if not known:
            _with_carriers(manager)
        return manager


def _with_carriers(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def _shut_down(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
