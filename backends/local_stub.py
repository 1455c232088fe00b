"""A built-in upstream for demos, load and tests: its model's name says what it does.

    stub-default          answers the configured text
    echo                  answers the last user message
    slow, slow-<s>        waits, then answers (2 s)
    429-then-ok           refuses its first key for a second, answers with the next
    401                   refuses its first key for good, answers with the next
    error-before-output   answers 500
    cut-mid-stream        gives half of its text and breaks off
    tool-call             calls the request's first tool
    long-stream, long-stream-<n>   answers n words, 20 a second (100)

Opens no connection.
"""

import re
import time
from collections.abc import Callable, Iterator

from backends.task import estimate, unsupported
from gateway.canonical.call import Candidate
from gateway.canonical.errors import Failure, GatewayError, Kind, Next, UpstreamError, next_after
from gateway.canonical.events import (
    Event,
    Finished,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)
from gateway.canonical.request import Operation, Request, Tool
from gateway.execution.execution import Execution
from gateway.execution.ports import Credential
from gateway.wire.codecs import CODECS

MODELS = (
    "stub-default",
    "echo",
    "slow",
    "429-then-ok",
    "401",
    "error-before-output",
    "cut-mid-stream",
    "tool-call",
    "long-stream",
)
KEYS = ("stub-key-first", "stub-key-second")
"""What its pool holds when none is configured: two, so that a refusal can be seen to move on."""

Script = Iterator[Event | None]
"""What a scenario answers; None = nothing for now, so that a call that was ended can end."""

_STEP_S = 0.05
_MAX_SECONDS = 600
_MAX_WORDS = 100_000
_NUMBERED = re.compile(r"(slow|long-stream)(?:-(\d{1,6}))?$")


class LocalStub:
    """One configured instance of the stub."""

    def __init__(self, instance: str, *, text: str, first_key: str) -> None:
        self._instance = instance
        self._text = text
        self._first_key = first_key

    def stream(
        self, execution: Execution, candidate: Candidate, *, credential: Credential
    ) -> Iterator[Event]:
        """Play the scenario that the model names; see `Backend.stream`."""
        match execution.call.operation:
            case Operation.COUNT_TOKENS:
                yield from estimate(execution.body)
                return
            case Operation.EMBED:
                raise unsupported(execution.call, instance=self._instance, kind="local-stub")
        request = self._request(execution)
        scenario, number = _scenario(candidate.model)
        script = self._scripts.get(scenario)
        if script is None:
            raise self._refusal(404, f"no such model; it has {', '.join(MODELS)}")
        self._check_key(scenario, credential)
        yield Started(f"{self._instance}:{candidate.model}")
        for event in script(self, request, number):
            if failure := execution.cancellation.failure:
                raise UpstreamError(failure, next=Next.SURFACE)
            if event:
                yield event

    def _request(self, execution: Execution) -> Request:
        try:
            return CODECS[execution.call.dialect].parse_request(execution.body)
        except GatewayError as error:
            raise UpstreamError(error.failure, next=Next.SURFACE) from None

    def _check_key(self, scenario: str, credential: Credential) -> None:
        if credential.secret != self._first_key:
            return
        if scenario == "429-then-ok":
            raise self._refusal(429, "slow down", headers={"retry-after": "1"})
        if scenario == "401":
            raise self._refusal(401, "this key is not valid")

    def _default(self, _request: Request, _number: int | None) -> Script:
        return self._say(self._text)

    def _echo(self, request: Request, _number: int | None) -> Script:
        return self._say(request.last_user_text)

    def _slow(self, _request: Request, seconds: int | None) -> Script:
        end = time.monotonic() + min(2 if seconds is None else seconds, _MAX_SECONDS)
        while time.monotonic() < end:
            time.sleep(_STEP_S)
            yield None
        yield from self._say(self._text)

    def _error(self, _request: Request, _number: int | None) -> Script:
        raise self._refusal(500, "scripted")

    def _cut(self, _request: Request, _number: int | None) -> Script:
        yield TextDelta(self._text[: (len(self._text) + 1) // 2])
        failure = Failure(
            kind=Kind.TRUNCATED, message=f"{self._instance} broke off as scripted", status=502
        )
        raise UpstreamError(failure, next=Next.CANDIDATE)

    def _tool_call(self, request: Request, _number: int | None) -> Script:
        name = next((t.name for t in request.tools if isinstance(t, Tool)), "stub_tool")
        yield ToolCallStarted(0, "stub-tool-1", name)
        yield ToolCallDelta(0, "{}")
        yield Usage(1, 1)
        yield Finished("tool_calls")

    def _long(self, _request: Request, words: int | None) -> Script:
        count = min(100 if words is None else words, _MAX_WORDS)
        for number in range(count):
            yield TextDelta(f"{number} ")
            time.sleep(_STEP_S)
        yield Usage(1, count)
        yield Finished("stop")

    def _say(self, text: str) -> Script:
        words = re.findall(r"\S+\s*|\s+", text)
        for word in words:
            yield TextDelta(word)
        yield Usage(1, len(words))
        yield Finished("stop")

    def _refusal(
        self, status: int, words: str, *, headers: dict[str, str] | None = None
    ) -> UpstreamError:
        kinds = {404: Kind.NOT_FOUND, 429: Kind.RATE_LIMITED, 401: Kind.AUTHENTICATION}
        failure = Failure(
            kind=kinds.get(status, Kind.UPSTREAM),
            message=f"{self._instance}: {words}",
            status=502 if status >= 500 else status,
            code="model_not_found" if status == 404 else None,
            param="model" if status == 404 else None,
        )
        return UpstreamError(failure, next=next_after(status), status=status, headers=headers)

    _scripts: dict[str, Callable[["LocalStub", Request, int | None], Script]] = {
        "stub-default": _default,
        "echo": _echo,
        "slow": _slow,
        "429-then-ok": _default,
        "401": _default,
        "error-before-output": _error,
        "cut-mid-stream": _cut,
        "tool-call": _tool_call,
        "long-stream": _long,
    }


def _scenario(model: str) -> tuple[str, int | None]:
    match = _NUMBERED.match(model)
    if not match:
        return model, None
    return match[1], int(match[2]) if match[2] else None
