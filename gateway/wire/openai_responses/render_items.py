"""The output items of an answer, whole or as they begin.

Their ids are made of the answer's and of their place in it.
"""

from collections.abc import Sequence
from typing import Any

from gateway.canonical.content import Citation, Media, Opaque, Reasoning
from gateway.canonical.events import ReasoningEnded, TokenLogprob
from gateway.canonical.request import Dialect
from gateway.wire.opaque import UNSIGNED, wrap
from gateway.wire.openai_responses.output_text import render_annotations, render_logprobs

_OWN = Dialect.OPENAI_RESPONSES

CallOf = tuple[str, str, bool]
"""A call's id, the tool's name and whether the tool is a custom one."""


class Items:
    """Makes the items of one answer."""

    def __init__(self, id: str, namespaces: dict[str, tuple[str, str]]) -> None:
        """
        Args:
            id: the answer's own.
            namespaces: by the flat names of tools, their namespace and their name in it.
        """
        self._id = id
        self._namespaces = namespaces

    def message(
        self, index: int, content: list[dict[str, Any]], *, status: str = "completed"
    ) -> dict[str, Any]:
        """A message; `index` counts the items of the answer from 0."""
        return {
            "id": f"msg_{self._id}_{index}",
            "type": "message",
            "status": status,
            "content": content,
            "role": "assistant",
        }

    def reasoning(
        self, index: int, text: str = "", *, encrypted: str | None = None
    ) -> dict[str, Any]:
        """A summary of reasoning, or only its encrypted form; None while it is not known."""
        item = {
            "id": f"rs_{self._id}_{index}",
            "type": "reasoning",
            "summary": [summary_part(text)] if text else [],
        }
        return item if encrypted is None else {**item, "encrypted_content": encrypted}

    def call(
        self, index: int, call: CallOf, *, arguments: str, status: str = "completed"
    ) -> dict[str, Any]:
        """A call of a client's tool."""
        call_id, name, custom = call
        namespace, name = self._namespaces.get(name, (None, name))
        prefix, member = ("ctc", "input") if custom else ("fc", "arguments")
        item = {
            "id": f"{prefix}_{self._id}_{index}",
            "type": "custom_tool_call" if custom else "function_call",
            "status": status,
            member: arguments,
            "call_id": call_id,
            "name": name,
        }
        return item if namespace is None else {**item, "namespace": namespace}

    def image(self, index: int, media: Media, *, status: str = "completed") -> dict[str, Any]:
        """An image that the model made."""
        item = {"id": self.image_id(index), "type": "image_generation_call", "status": status}
        if status != "completed":
            return {**item, "result": None}
        format = (media.mime or "image/png").removeprefix("image/")
        return {**item, "output_format": format, "result": media.data}

    def image_id(self, index: int) -> str:
        """The id of an image at this place."""
        return f"ig_{self._id}_{index}"


def text_part(
    text: str = "",
    citations: Sequence[Citation] = (),
    *,
    logprobs: Sequence[TokenLogprob] = (),
) -> dict[str, Any]:
    """A part of a message that is text."""
    return {
        "type": "output_text",
        "annotations": render_annotations(citations, text),
        "logprobs": render_logprobs(logprobs),
        "text": text,
    }


def refusal_part(text: str = "") -> dict[str, Any]:
    """A part of a message that is a refusal."""
    return {"type": "refusal", "refusal": text}


def summary_part(text: str = "") -> dict[str, Any]:
    """A part of a summary of reasoning."""
    return {"type": "summary_text", "text": text}


def encrypted_thought(thought: Reasoning | ReasoningEnded) -> str:
    """What of a piece of reasoning the client is to hand back with its next request."""
    signature = thought.signature or UNSIGNED
    return wrap(signature, own=_OWN, redacted=thought.redacted, id=thought.id)


def encrypted_signature(signature: Opaque, belongs_to: str | None = None) -> str:
    """What the client is to hand back with its next request.

    Args:
        belongs_to: the id of the call or the image that it signs; None = the text before it.
    """
    return wrap(signature, own=_OWN, call_id=belongs_to, of_text=belongs_to is None)
