"""Messages requests: wire -> canonical.

Source: https://platform.claude.com/docs/en/api/messages
"""

from msgspec import Raw
from msgspec.structs import replace

from gateway.canonical.request import (
    Choice,
    Dialect,
    Format,
    NativeTool,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.wire.anthropic_messages.fields import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    STRINGS,
    Fields,
    decode,
    is_string,
)
from gateway.wire.anthropic_messages.parse_content import ContentParser, parse_cache
from gateway.wire.json_body import bad_request

_REFUSED = ("container", "mcp_servers")
"""Fields that bring tools or files of the provider's into the answer."""

_EMPTY = (Raw(b"[]"), Raw(b"{}"))
_CHOICES = {"auto": Choice.AUTO, "any": Choice.REQUIRED, "tool": Choice.NAMED, "none": Choice.NONE}
_VISIBLE = {"summarized": True, "omitted": False}


def parse_request(body: bytes) -> Request:
    """Read a request that `parse_envelope` accepted into the canonical model.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    try:
        return _parse(Fields(body, ""))
    except RecursionError:
        raise bad_request("the request JSON is nested too deep") from None


def _parse(top: Fields) -> Request:
    top.raw("model")
    content = ContentParser()
    content.system(top)
    for raw, path in top.items("messages"):
        content.message(raw, path)
    options = _Options(top, content.dropped)
    choice, parallel = options.tool_choice()
    stop = top.read("stop_sequences", STRINGS)
    request = Request(
        messages=content.finish(),
        tools=options.tools(),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        max_output_tokens=options.max_tokens(),
        sampling=Sampling(
            temperature=top.read("temperature", NUMBER),
            top_p=top.read("top_p", NUMBER),
            top_k=top.read("top_k", INTEGER),
        ),
        stop=tuple(stop or ()),
        reasoning=options.reasoning(),
        response_format=options.response_format(),
        user=options.user(),
        stream=top.read("stream", BOOLEAN) or False,
    )
    dropped, refused = options.lost()
    return replace(request, dropped=dropped, refused=refused)


class _Options:
    """Reads what a request says besides its messages, and notes what has no place."""

    def __init__(self, top: Fields, dropped: set[str]) -> None:
        self._top = top
        self._config = top.object("output_config")
        self._dropped = dropped
        self._refused = {name for name in _REFUSED if (top.raw(name) or _EMPTY[0]) not in _EMPTY}

    def lost(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is dropped and what is refused, once all else has been read."""
        self._lose(self._config, "output_config")
        self._dropped.update(self._top.rest())
        return tuple(sorted(self._dropped)), tuple(sorted(self._refused))

    def tools(self) -> tuple[Tool | NativeTool, ...]:
        """The client's own tools and those that run at the provider."""
        return tuple(self._tool(raw, path) for raw, path in self._top.items("tools"))

    def tool_choice(self) -> tuple[ToolChoice | None, bool | None]:
        """Which tools are to be called, and whether several at once may be."""
        raw = self._top.raw("tool_choice")
        if raw is None:
            return None, None
        if is_string(raw):
            return ToolChoice(self._mode(decode(raw, STRING, path="tool_choice"))), None
        choice = Fields(raw, "tool_choice")
        mode = self._mode(choice.need("type", STRING), "tool_choice.type")
        serial = choice.read("disable_parallel_tool_use", BOOLEAN)
        name = choice.need("name", STRING) if mode is Choice.NAMED else None
        self._lose(choice, "tool_choice")
        return ToolChoice(mode, name), None if serial is None else not serial

    def max_tokens(self) -> int | None:
        """The bound of the answer; 0 asks for none, so that only the cache is filled."""
        value = self._top.read("max_tokens", INTEGER)
        if value is not None and value < 0:
            raise bad_request("max_tokens is negative", param="max_tokens")
        return value

    def reasoning(self) -> ReasoningOptions | None:
        """How much the model is to think.

        An effort says how much even where the model decides when, so `adaptive` is for its absence.
        """
        effort = self._config.read("effort", STRING) if self._config else None
        thinking = self._top.object("thinking")
        if thinking is None:
            return ReasoningOptions(effort=effort) if effort else None
        type = thinking.need("type", STRING)
        budget = thinking.read("budget_tokens", INTEGER)
        visible = _VISIBLE.get(thinking.read("display", STRING) or "")
        self._lose(thinking, "thinking")
        match type:
            case "enabled" if budget is None:
                raise bad_request(
                    "missing required field `budget_tokens`", param="thinking.budget_tokens"
                )
            case "enabled":
                # Models that take a budget show what they think unless they are told not to; what
                # an adaptive one does unasked is its own matter.
                shown = visible is not False
                return ReasoningOptions(effort=effort, budget_tokens=budget, visible=shown)
            case "adaptive":
                return ReasoningOptions(effort=effort, adaptive=effort is None, visible=visible)
            case "disabled":
                if effort:
                    self._dropped.add("output_config.effort")
                return ReasoningOptions(effort="none")
            case _:
                self._dropped.add("thinking.type")
                return ReasoningOptions(effort=effort) if effort else None

    def response_format(self) -> ResponseFormat | None:
        """The form of the answer's text; `output_format` is its older place."""
        for holder, name in ((self._config, "format"), (self._top, "output_format")):
            form = holder.object(name) if holder else None
            if form is None:
                continue
            if form.need("type", STRING) != "json_schema":
                self._refused.add(form.path)
                return None
            schema = form.raw("schema")
            if schema is None:
                raise bad_request("missing required field `schema`", param=form.at("schema"))
            Fields(schema, form.at("schema"))
            self._lose(form, form.path)
            return ResponseFormat(type=Format.JSON_SCHEMA, schema=bytes(schema))
        return None

    def user(self) -> str | None:
        """The client's own id for its end user."""
        metadata = self._top.object("metadata")
        user = metadata.read("user_id", STRING) if metadata else None
        self._lose(metadata, "metadata")
        return user or None

    def _tool(self, raw: Raw, path: str) -> Tool | NativeTool:
        tool = Fields(raw, path)
        type = tool.read("type", STRING) or "custom"
        if type != "custom":
            return NativeTool(Dialect.ANTHROPIC_MESSAGES, type, bytes(raw))
        schema = tool.raw("input_schema")
        if schema is not None:
            Fields(schema, tool.at("input_schema"))
        made = Tool(
            name=tool.need("name", STRING),
            description=tool.read("description", STRING),
            parameters=None if schema is None else bytes(schema),
            strict=tool.read("strict", BOOLEAN),
            cache=parse_cache(tool),
        )
        self._lose(tool, "tools")
        return made

    def _mode(self, name: str, path: str = "tool_choice") -> Choice:
        mode = _CHOICES.get(name)
        if mode is None or (mode is Choice.NAMED and path == "tool_choice"):
            raise bad_request(f"{name!r} is no choice; use auto, any, tool or none", param=path)
        return mode

    def _lose(self, fields: Fields | None, path: str) -> None:
        if fields:
            self._dropped.update(f"{path}.{name}" for name in fields.rest())
