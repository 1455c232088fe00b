"""`generationConfig`: canonical -> wire.

Source: https://ai.google.dev/api/generate-content#generationconfig
"""

from typing import Any

from msgspec import Raw

from gateway.canonical.request import Format, Request
from gateway.wire.gemini.thinking import render_thinking

_JSON = "application/json"


def render_config(request: Request, model: str) -> dict[str, Any]:
    """Write the options of a request; only those that the client set."""
    sampling = request.sampling
    config: dict[str, Any] = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "seed": sampling.seed,
        "presencePenalty": sampling.presence_penalty,
        "frequencyPenalty": sampling.frequency_penalty,
        "maxOutputTokens": request.max_output_tokens,
        "stopSequences": request.stop or None,
        "candidateCount": request.choices if request.choices > 1 else None,
        "responseLogprobs": True if request.logprobs else None,
        "logprobs": request.top_logprobs if request.logprobs else None,
        "thinkingConfig": render_thinking(request.reasoning, model) if request.reasoning else None,
    }
    if request.response_format:
        config |= {"responseMimeType": _JSON}
        schema = request.response_format.schema
        if request.response_format.type is Format.JSON_SCHEMA and schema is not None:
            config |= {"responseJsonSchema": Raw(schema)}
    return {name: value for name, value in config.items() if value is not None and value != {}}
