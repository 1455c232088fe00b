"""Upstreams that are reached over HTTP in one of the dialects, whoever runs them.

What differs between them is data: see `providers` and `wires`.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from backends.http import Answer, HttpUpstream
from backends.providers import Provider
from backends.redaction import redact
from backends.task import Task, estimate, make_task, unsupported
from backends.wires import WIRES, Wire
from config.schema import Backend as BackendConfig
from config.schema import HttpClient, Timeouts
from gateway import __version__
from gateway.canonical.call import Call, Candidate
from gateway.canonical.errors import MAX_REASON, Failure, Kind, Next, UpstreamError
from gateway.canonical.events import Dropped, Event
from gateway.canonical.request import Operation
from gateway.execution.execution import Execution
from gateway.execution.ports import Credential
from gateway.wire.codec import ErrorResponse

log = logging.getLogger(__name__)


class HostedBackend:
    """One configured instance of a provider."""

    def __init__(
        self,
        config: BackendConfig,
        provider: Provider,
        *,
        timeouts: Timeouts,
        client: HttpClient,
    ) -> None:
        self._instance = config.id
        self._provider = provider
        self._base_url = config.base_url or provider.base_url or ""
        self._models = frozenset(config.models)
        self._wires = {
            dialect: replace(WIRES[dialect], members=provider.members)
            for dialect in provider.dialects
        }
        self._static_headers = {
            # http.client writes a header as Latin-1; this makes that the value's UTF-8.
            name: value.encode().decode("latin-1")
            for name, setting in provider.static_headers.items()
            if (value := getattr(config, setting))
        }
        self._upstream = HttpUpstream(
            config.id, timeouts=config.timeouts or timeouts, client=client
        )

    def stream(
        self, execution: Execution, candidate: Candidate, *, credential: Credential
    ) -> Iterator[Event]:
        """Call the upstream once and yield its answer; see `Backend.stream`."""
        call = execution.call
        model = self._upstream_model(candidate.model)
        wire = self._wires[self._provider.dialect_for(call.dialect, model)]
        url = wire.url(self._base_url, model=model, operation=call.operation, stream=call.stream)
        if url is None:
            yield from self._without_upstream(call, execution.body)
            return
        task = make_task(call, execution.body, wire=wire, model=model, instance=self._instance)
        if task.dropped:
            yield Dropped(task.dropped)
        headers = self._headers(call, wire, credential=credential)
        with self._upstream.post(
            url, headers=headers, body=task.body, execution=execution
        ) as answer:
            if not 200 <= answer.status < 300:
                raise self._refused(answer, wire, credential=credential)
            yield from self._read(task, answer, credential=credential)

    def _upstream_model(self, name: str) -> str:
        """Return the upstream's id of a model; one that the configuration lists stays as it is."""
        return name if name in self._models else self._provider.model_names.upstream(name)

    def _read(self, task: Task, answer: Answer, *, credential: Credential) -> Iterator[Event]:
        try:
            yield from task.read(answer)
        except UpstreamError as error:
            raise _redacted(error, credential) from None

    def _without_upstream(self, call: Call, body: bytes) -> Iterator[Event]:
        """Answer what the upstream's dialect has no question for."""
        if call.operation is Operation.COUNT_TOKENS:
            return estimate(body)
        raise unsupported(call, instance=self._instance, kind=self._provider.kind)

    def _headers(self, call: Call, wire: Wire, *, credential: Credential) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream" if call.stream else "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"queueway/{__version__}",
            **wire.headers,
            **self._static_headers,
        }
        for name, aliases in self._provider.client_headers.items():
            value = next((call.headers[alias] for alias in aliases if alias in call.headers), None)
            if value:
                headers[name] = value
        key = credential.secret or self._provider.placeholder_key
        if key:
            headers[wire.key_header] = f"{wire.key_prefix}{key}"
        return headers

    def _refused(self, answer: Answer, wire: Wire, *, credential: Credential) -> UpstreamError:
        body = redact(answer.error_body(), credential.secret)
        if 300 <= answer.status < 400:
            return self._redirected(answer.status)
        log.info(
            "%s answered %d: %s",
            self._instance,
            answer.status,
            body[:MAX_REASON].decode(errors="replace"),
        )
        return wire.codec.parse_error(
            ErrorResponse(
                instance=self._instance, status=answer.status, headers=answer.headers, body=body
            )
        )

    def _redirected(self, status: int) -> UpstreamError:
        failure = Failure(
            kind=Kind.UPSTREAM,
            message=f"{self._instance} answered with a redirect ({status}); its base_url is wrong",
            status=502,
        )
        return UpstreamError(failure, next=Next.CANDIDATE, status=status)


def _redacted(error: UpstreamError, credential: Credential) -> UpstreamError:
    """Take the key out of an error that came inside an answer."""
    failure = error.failure
    message = redact(failure.message.encode(), credential.secret).decode()
    native = failure.native
    if native:
        native = msgspec.structs.replace(native, data=redact(native.data, credential.secret))
    error.failure = msgspec.structs.replace(failure, message=message, native=native)
    return error
