"""Upstreams that speak OpenAI's chat completions, whoever runs them.

What differs between them is data: see `providers`.
"""

import logging
from collections.abc import Iterator

import msgspec

from backends.http import Answer, HttpUpstream
from backends.providers import Provider
from backends.redaction import redact
from config.schema import Backend as BackendConfig
from config.schema import HttpClient, Timeouts
from gateway import __version__
from gateway.canonical.call import Candidate
from gateway.canonical.errors import MAX_REASON, Failure, Kind, Next, UpstreamError
from gateway.canonical.events import Event
from gateway.execution.execution import Execution
from gateway.execution.ports import Credential
from gateway.wire.openai_chat.errors import parse_error
from gateway.wire.openai_chat.request import render_native
from gateway.wire.openai_chat.response import parse_native
from gateway.wire.openai_chat.stream import NativeStream

log = logging.getLogger(__name__)


class OpenAICompatible:
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
        self._url = f"{config.base_url or provider.base_url}/chat/completions"
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
        body = render_native(execution.body, model=candidate.model)
        headers = self._headers(call.headers, credential, stream=call.stream)
        with self._upstream.post(
            self._url, headers=headers, body=body, execution=execution
        ) as answer:
            if not 200 <= answer.status < 300:
                raise self._refused(answer, credential)
            if call.stream:
                yield from self._events(answer, credential)
            else:
                yield from self._whole(answer, credential)

    def _events(self, answer: Answer, credential: Credential) -> Iterator[Event]:
        stream = NativeStream(self._instance)
        try:
            if answer.is_json:
                raise self._not_streamed(answer)
            for event in answer.events():
                yield stream.read(event.frame, event.data)
                if stream.done:
                    break
        except UpstreamError as error:
            raise _redacted(error, credential) from None
        yield from stream.end()
        answer.finish()

    def _whole(self, answer: Answer, credential: Credential) -> Iterator[Event]:
        try:
            yield from parse_native(answer.body(), instance=self._instance)
        except UpstreamError as error:
            raise _redacted(error, credential) from None

    def _headers(
        self, client: dict[str, str], credential: Credential, *, stream: bool
    ) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream" if stream else "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"queueway/{__version__}",
            **self._static_headers,
        }
        for name, aliases in self._provider.client_headers.items():
            value = next((client[alias] for alias in aliases if alias in client), None)
            if value:
                headers[name] = value
        if credential.secret:
            headers["Authorization"] = f"Bearer {credential.secret}"
        return headers

    def _refused(self, answer: Answer, credential: Credential) -> UpstreamError:
        body = redact(answer.error_body(), credential.secret)
        if 300 <= answer.status < 400:
            return self._redirected(answer.status)
        log.info(
            "%s answered %d: %s",
            self._instance,
            answer.status,
            body[:MAX_REASON].decode(errors="replace"),
        )
        return parse_error(
            instance=self._instance, status=answer.status, headers=answer.headers, body=body
        )

    def _not_streamed(self, answer: Answer) -> UpstreamError:
        """Make the error for a whole answer where a stream was asked for.

        Some upstreams refuse a stream with status 200 and an error in JSON.

        Raises:
            UpstreamError: the answer is such an error, or no completion.
        """
        for _ in parse_native(answer.body(), instance=self._instance):
            pass
        failure = Failure(
            kind=Kind.UPSTREAM,
            message=f"{self._instance} did not stream its answer",
            status=502,
        )
        return UpstreamError(failure, next=Next.CANDIDATE)

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
