"""The response resource: what every answer says beside its output.

Every field of the specification is there, null where nothing is set. The request's settings are
told back as the API does, with its defaults.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw

from gateway.canonical.events import Usage
from gateway.wire.codec import Reply
from gateway.wire.openai_responses.envelope import Envelope
from gateway.wire.openai_responses.reading import NULL

_tool_decoder = msgspec.json.Decoder(dict[str, Raw])

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Resource:
    """Makes the response resource of one answer, as often as a stream tells it."""

    def __init__(self, reply: Reply) -> None:
        """
        Raises:
            TypeError: the request was of another dialect.
        """
        if not isinstance(reply.envelope, Envelope):
            raise TypeError("the envelope is of another dialect")
        self._head = {
            "id": f"resp_{reply.id}",
            "object": "response",
            "created_at": reply.created,
        }
        self._settings = _settings(reply.envelope, model=reply.model)

    def begun(self) -> dict[str, Any]:
        """The resource before there is any output."""
        return self._resource("in_progress", [])

    def finished(
        self, output: Iterable[Any], *, usage: Usage | None, reason: str
    ) -> dict[str, Any]:
        """The resource of a whole answer.

        Args:
            reason: why it finished, as `Finished` has it.
        """
        resource = self._resource(final_status(reason), list(output))
        if reason in _INCOMPLETE:
            resource["incomplete_details"] = {"reason": _INCOMPLETE[reason]}
        resource["usage"] = render_usage(usage) if usage else None
        return resource

    def _resource(self, status: str, output: list[Any]) -> dict[str, Any]:
        return {
            **self._head,
            "status": status,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "output": output,
            "usage": None,
            **self._settings,
        }


def final_status(reason: str) -> str:
    """The status of an answer that finished for this reason."""
    return "incomplete" if reason in _INCOMPLETE else "completed"


def _settings(envelope: Envelope, *, model: str) -> dict[str, Any]:
    return {
        "model": model,
        "background": False,
        "conversation": None,
        "frequency_penalty": 0.0,
        "instructions": envelope.instructions,
        "max_output_tokens": envelope.max_output_tokens,
        "max_tool_calls": envelope.max_tool_calls,
        "metadata": envelope.metadata or {},
        "moderation": None,
        "parallel_tool_calls": _or(envelope.parallel_tool_calls, True),
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt": None,
        "prompt_cache_key": envelope.prompt_cache_key,
        "prompt_cache_retention": None,
        "reasoning": {"effort": None, "summary": None} | (envelope.reasoning or {}),
        "safety_identifier": envelope.safety_identifier,
        "service_tier": "default",
        "store": _or(envelope.store, True),
        "temperature": _or(envelope.temperature, 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium"} | _set(envelope.text or {}),
        "tool_choice": "auto" if envelope.tool_choice == NULL else envelope.tool_choice,
        "tools": [_tool(tool) for tool in envelope.tools or ()],
        "top_logprobs": envelope.top_logprobs or 0,
        "top_p": _or(envelope.top_p, 1.0),
        "truncation": envelope.truncation or "disabled",
        "user": envelope.user,
    }


def render_usage(usage: Usage) -> dict[str, Any]:
    """Render a usage object."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def _tool(raw: Raw) -> Any:
    """A tool with the members that the API adds when it tells it back."""
    try:
        tool = _tool_decoder.decode(raw)
    except msgspec.DecodeError:
        return raw
    if bytes(tool.get("type", NULL)) != b'"function"':
        return raw
    return {"description": None, "parameters": None, "strict": True} | _set(tool)


def _set(fields: dict[str, Raw]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value != NULL}


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
