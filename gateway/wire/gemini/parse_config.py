"""`generationConfig`: wire -> canonical.

Source: https://ai.google.dev/api/generate-content#generationconfig
"""

from gateway.canonical.request import (
    Format,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Sampling,
)
from gateway.wire.gemini.losses import Losses
from gateway.wire.gemini.members import Members
from gateway.wire.gemini.parse_tools import convert_schema

_MODALITIES = {0: "", 1: "TEXT", 2: "IMAGE", 3: "AUDIO"}
_JSON = frozenset({"application/json", "application_json"})
_PLAIN = frozenset({"", "text/plain", "text_plain"})
_TEXT_ONLY = frozenset({"", "TEXT", "MODALITY_UNSPECIFIED"})
_EFFORTS = frozenset({"minimal", "low", "medium", "high", "xhigh"})

_NOTHING = Request(messages=())


def parse_config(config: Members | None, losses: Losses) -> Request:
    """Read the options of a request into one that has nothing else.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    if config is None:
        return _NOTHING
    sampling = Sampling(
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=config.integer("topK"),
        seed=config.integer("seed"),
        presence_penalty=config.number("presencePenalty"),
        frequency_penalty=config.number("frequencyPenalty"),
    )
    options = Request(
        messages=(),
        max_output_tokens=config.integer("maxOutputTokens"),
        sampling=sampling,
        stop=config.texts("stopSequences"),
        reasoning=_reasoning(config.members("thinkingConfig"), losses),
        response_format=_response_format(config, losses),
        logprobs=bool(config.flag("responseLogprobs")),
        top_logprobs=config.integer("logprobs"),
        choices=config.integer("candidateCount") or 1,
    )
    _refuse_other_output(config, losses)
    losses.drop_rest(config)
    return options


def _refuse_other_output(config: Members, losses: Losses) -> None:
    """Refuse what asks for something else than text."""
    if set(config.enums("responseModalities", _MODALITIES)) - _TEXT_ONLY:
        losses.refuse(config.path_of("responseModalities"))
    for name in ("speechConfig", "imageConfig"):
        if config.raw(name):
            losses.refuse(config.path_of(name))


def _reasoning(config: Members | None, losses: Losses) -> ReasoningOptions | None:
    if config is None:
        return None
    visible = config.flag("includeThoughts")
    budget = config.integer("thinkingBudget")
    effort = (config.enum("thinkingLevel", {}) or "").lower()
    if effort not in _EFFORTS:
        effort = ""
    losses.drop_rest(config)
    if visible is None and budget is None and not effort:
        return None
    return ReasoningOptions(
        effort="none" if budget == 0 else effort or None,
        budget_tokens=budget if budget is not None and budget > 0 else None,
        adaptive=budget is not None and budget < 0,
        # Thoughts are not shown unless a client asks for them.
        visible=bool(visible),
    )


def _response_format(config: Members, losses: Losses) -> ResponseFormat | None:
    mime = (config.text("responseMimeType") or "").lower()
    schema = config.raw("responseJsonSchema")
    if google := config.raw("responseSchema"):
        schema = schema or convert_schema(google)
    for value, path in config.items("responseFormat"):
        form = Members(value, path)
        if text := form.members("text"):
            mime = (text.text("mimeType") or "").lower() or mime
            schema = text.raw("schema") or schema
            losses.drop_rest(text)
        if form.names:
            losses.refuse(*form.places)
    if mime not in _JSON | _PLAIN:
        losses.refuse(config.path_of("responseMimeType"))
        return None
    if schema is not None:
        return ResponseFormat(type=Format.JSON_SCHEMA, schema=schema)
    return ResponseFormat(type=Format.JSON_OBJECT) if mime in _JSON else None
