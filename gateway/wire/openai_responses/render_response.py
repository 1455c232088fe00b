"""A collected answer -> a whole response."""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.canonical.collect import Answer
from gateway.canonical.content import (
    AnyPart,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from gateway.canonical.events import TokenLogprob
from gateway.canonical.request import Dialect
from gateway.wire.codec import Reply
from gateway.wire.openai_responses.envelope import Envelope
from gateway.wire.openai_responses.names import namespaced
from gateway.wire.openai_responses.parse_items import CALLS
from gateway.wire.openai_responses.render_items import (
    Items,
    encrypted_signature,
    encrypted_thought,
    refusal_part,
    text_part,
)
from gateway.wire.openai_responses.resource import Resource, final_status


def render_response(answer: Answer, reply: Reply) -> bytes:
    """Render a collected canonical answer."""
    resource = Resource(reply)
    output = _Output(reply, answer.logprobs)
    for part in answer.parts:
        output.add(part)
    return msgspec.json.encode(
        resource.finished(
            output.whole(final_status(answer.finish_reason)),
            usage=answer.usage,
            reason=answer.finish_reason,
        )
    )


def items_of(reply: Reply) -> Items:
    """Make the maker of an answer's items."""
    tools = reply.envelope.tools if isinstance(reply.envelope, Envelope) else None
    return Items(reply.id, namespaced(tools or ()))


class _Output:
    """The items of an answer in the making."""

    def __init__(self, reply: Reply, logprobs: tuple[TokenLogprob, ...]) -> None:
        self._items = items_of(reply)
        self._logprobs = logprobs
        self._output: list[Any] = []
        self._content: list[dict[str, Any]] = []

    def add(self, part: AnyPart) -> None:
        """Add a part; text and refusals that follow each other are one message."""
        match part:
            case Text(text, citations, signature):
                # They are of the whole answer, and an answer seldom has two parts of text.
                self._content.append(text_part(text, citations, logprobs=self._logprobs))
                self._logprobs = ()
                self._sign(signature)
            case Refusal(text):
                self._content.append(refusal_part(text))
            case Reasoning(text=text):
                self._thought(text, encrypted_thought(part))
            case ToolCall(id, name, arguments, signature, custom):
                self._sign(signature, belongs_to=id)
                self._put(self._items.call(self._place(), (id, name, custom), arguments=arguments))
            case Media(kind=MediaKind.IMAGE, data=str(), signature=signature):
                # The item that signs it comes first and takes a place.
                image = self._items.image_id(self._place() + (signature is not None))
                self._sign(signature, belongs_to=image)
                self._put(self._items.image(self._place(), part))
            case NativePart(dialect=Dialect.OPENAI_RESPONSES, data=data):
                self._put(Raw(data))
            case _:
                pass

    def whole(self, status: str) -> list[Any]:
        """All items; the last of them has the answer's own status."""
        self._close()
        last = self._output[-1] if self._output else None
        if isinstance(last, dict) and last["type"] in ("message", *CALLS):
            last["status"] = status
        return self._output

    def _place(self) -> int:
        """The place of the next item, once the open message is closed."""
        self._close()
        return len(self._output)

    def _put(self, item: Any) -> None:
        self._close()
        self._output.append(item)

    def _close(self) -> None:
        if self._content:
            content, self._content = self._content, []
            self._output.append(self._items.message(len(self._output), content))

    def _thought(self, text: str, encrypted: str) -> None:
        self._put(self._items.reasoning(self._place(), text, encrypted=encrypted))

    def _sign(self, signature: Opaque | None, belongs_to: str | None = None) -> None:
        if signature:
            self._thought("", encrypted_signature(signature, belongs_to))
