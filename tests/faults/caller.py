"""A client on a thread of its own, which a test can watch, wait for, and have leave."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tests.support.client import data_frames
from tests.support.gateway import CHAT
from tests.support.polling import wait_for

TIMEOUT_S = 60.0


class Caller:
    """Sends one chat completion request and gathers its answer as it comes."""

    def __init__(
        self, port: int, body: bytes, *, headers: Mapping[str, str] | None = None, path: str = CHAT
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._request = (path, body, dict(headers or {}))
        self._socket: socket.socket | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.status = 0
        """0 = there is no answer yet, or the connection closed without one."""
        self.headers: Mapping[str, str] = {}
        self._body = bytearray()
        self.broken = False
        """Whether the connection closed before the end of the answer."""
        self.began_at = time.monotonic()
        self.ended_at = 0.0
        self._thread.start()

    @property
    def body(self) -> bytes:
        """What has come of the answer."""
        return bytes(self._body)

    @property
    def call_id(self) -> str:
        """The call's id, once the answer's headers are there."""
        return self.headers["X-Queueway-Call-Id"]

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def frames(self) -> list[str]:
        """The data fields of the stream so far."""
        return data_frames(self.body)

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors in the stream so far."""
        decoded = [json.loads(frame) for frame in self.frames if frame != "[DONE]"]
        return [chunk["error"] for chunk in decoded if "error" in chunk]

    @property
    def text(self) -> str:
        """What the answer says, streamed or whole, without its errors."""
        if not self.body.startswith((b"data:", b":")):
            return str(self.json["choices"][0]["message"]["content"])
        chunks = [json.loads(frame) for frame in self.frames if frame != "[DONE]"]
        choices = [choice for chunk in chunks for choice in chunk.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def is_good(self) -> bool:
        """Whether the answer is whole, as its dialect says so, and in order."""
        if self.broken or self.status != 200:
            return False
        if self.body.startswith((b"data:", b":")):
            return self.frames[-1] == "[DONE]" and not self.errors
        return "choices" in self.json

    @property
    def duration_s(self) -> float:
        """From the request to the end of its answer."""
        return self.ended_at - self.began_at

    def leave(self) -> None:
        """Close the connection now."""
        sock = wait_for(lambda: self._socket, what="a connection")
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        self.wait()

    def wait(self, *, limit_s: float = 15.0) -> "Caller":
        """Wait for the end of the answer."""
        assert self._ended.wait(limit_s), f"no answer within {limit_s:g} s; so far {self!r}"
        return self

    def wait_text(self, text: str, *, limit_s: float = 10.0) -> "Caller":
        """Wait until some of the answer is there."""
        wait_for(lambda: text.encode() in self.body, what=f"{text!r} in {self!r}", limit_s=limit_s)
        return self

    @property
    def ended(self) -> bool:
        """Whether the answer has ended."""
        return self._ended.is_set()

    def __repr__(self) -> str:
        broken = " broken" if self.broken else ""
        return f"<{self.status}{broken} {self.body[-500:]!r}>"

    def _run(self) -> None:
        path, body, headers = self._request
        try:
            self._connection.connect()
            self._socket = self._connection.sock
            self._connection.request("POST", path, body, headers)
            response = self._connection.getresponse()
            self.headers = dict(response.headers.items())
            self.status = response.status
            while piece := response.read1(65536):
                self._body += piece
            # `read1` takes a body that is shorter than its Content-Length for whole.
            self.broken = bool(response.length)
        except (OSError, http.client.HTTPException):
            self.broken = True
        finally:
            self.ended_at = time.monotonic()
            self._connection.close()
            self._ended.set()
