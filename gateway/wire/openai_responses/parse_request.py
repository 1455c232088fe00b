"""Response requests: wire -> canonical.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from gateway.canonical.content import Text
from gateway.canonical.request import (
    Choice,
    Dialect,
    Format,
    Message,
    NativeTool,
    ReasoningOptions,
    Request,
    ResponseFormat,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)
from gateway.wire.json_body import bad_request, read_body
from gateway.wire.openai_responses.envelope import Envelope, envelope_decoder
from gateway.wire.openai_responses.names import flatten
from gateway.wire.openai_responses.parse_input import InputReader
from gateway.wire.openai_responses.reading import NULL, read, read_list, typed_decoder

ENCRYPTED_REASONING = "reasoning.encrypted_content"
TEXT_LOGPROBS = "message.output_text.logprobs"

_READ = frozenset(
    {
        "model",
        "input",
        "stream",
        "instructions",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "text",
        "reasoning",
        "include",
        "temperature",
        "top_p",
        "top_logprobs",
        "max_output_tokens",
        "user",
    }
)
_REFUSED = frozenset({"prompt", "previous_response_id", "conversation", "background"})
_IDLE = {
    "background": (b"false",),
    "store": (b"false",),
    "truncation": (b'"disabled"',),
    "service_tier": (b'"auto"', b'"default"'),
    "metadata": (b"{}",),
    "text.verbosity": (b'"medium"',),
}
"""Values that leave an upstream to do what it does anyway."""


class _Function(Struct):
    name: str
    description: str | None = None
    parameters: Raw = NULL
    format: Raw = NULL
    strict: bool | None = None


class _Namespace(Struct):
    name: str
    tools: Raw = NULL


class _Named(Struct):
    type: str
    name: str | None = None
    namespace: str | None = None


class _Choice(Struct):
    type: str
    name: str | None = None
    namespace: str | None = None
    mode: str | None = None
    tools: list[_Named] | None = None


class _Format(Struct):
    type: str
    name: str | None = None
    description: str | None = None
    schema: Raw = NULL
    strict: bool | None = None


_fields_decoder = msgspec.json.Decoder(dict[str, Raw])
_function_decoder = msgspec.json.Decoder(_Function)
_namespace_decoder = msgspec.json.Decoder(_Namespace)
_choice_decoder = msgspec.json.Decoder(str | _Choice)
_format_decoder = msgspec.json.Decoder(_Format)
_string_decoder = msgspec.json.Decoder(str | None)


def parse_request(body: bytes) -> Request:
    """Read a request that `parse_envelope` accepted into the canonical model.

    Raises:
        GatewayError: 400, with the faulty field as `param`.
    """
    try:
        # The depth was bounded with the envelope.
        wire = read_body(body, envelope_decoder, max_depth=len(body))
        return _Reader(wire).request(_fields_decoder.decode(body))
    except RecursionError:
        raise bad_request("the request JSON is nested too deep") from None


class _Reader:
    def __init__(self, wire: Envelope) -> None:
        self._wire = wire
        self._dropped: set[str] = set()
        self._refused: set[str] = set()

    def request(self, fields: dict[str, Raw]) -> Request:
        wire = self._wire
        self._leave_out(fields)
        messages = self._messages()
        tools = tuple(self._tools())
        tool_choice = self._tool_choice()
        logprobs = TEXT_LOGPROBS in (wire.include or ())
        reasoning, response_format = self._reasoning(), self._response_format()
        for name in wire.include or ():
            if name not in (ENCRYPTED_REASONING, TEXT_LOGPROBS):
                self._dropped.add(f"include.{name}")
        return Request(
            messages=messages,
            tools=tools,
            tool_choice=tool_choice,
            parallel_tool_calls=wire.parallel_tool_calls,
            max_output_tokens=wire.max_output_tokens,
            sampling=Sampling(temperature=wire.temperature, top_p=wire.top_p),
            reasoning=reasoning,
            response_format=response_format,
            logprobs=logprobs,
            top_logprobs=wire.top_logprobs if logprobs else None,
            user=wire.user or wire.safety_identifier,
            dropped=tuple(sorted(self._dropped)),
            refused=tuple(sorted(self._refused)),
            stream=wire.streams,
        )

    def _leave_out(self, fields: dict[str, Raw], *, within: str = "") -> None:
        """Note the fields that have no place in the canonical model."""
        for name, value in fields.items():
            path = within + name
            if path in _READ or value == NULL or bytes(value) in _IDLE.get(path, ()):
                continue
            if path == "safety_identifier" and not self._wire.user:
                continue
            (self._refused if path in _REFUSED else self._dropped).add(path)

    def _messages(self) -> tuple[Message, ...]:
        reader = InputReader()
        messages = reader.read(self._wire.input)
        self._dropped |= reader.dropped
        self._refused |= reader.refused
        if self._wire.instructions:
            messages = (Message(Role.SYSTEM, (Text(self._wire.instructions),)), *messages)
        if not messages and not self._refused:
            raise bad_request("input is empty; send at least one message", param="input")
        return messages

    def _tools(self) -> Iterator[Tool | NativeTool]:
        for index, raw in enumerate(self._wire.tools or ()):
            path = f"tools[{index}]"
            type = read(raw, typed_decoder, path=path).type
            if type == "namespace":
                namespace = read(raw, _namespace_decoder, path=path)
                for inner, tool in enumerate(read_list(namespace.tools, f"{path}.tools")):
                    at = f"{path}.tools[{inner}]"
                    inner_type = read(tool, typed_decoder, path=at).type
                    yield _tool(tool, inner_type, path=at, namespace=namespace.name)
            else:
                yield _tool(raw, type, path=path)

    def _tool_choice(self) -> ToolChoice | None:
        if self._wire.tool_choice == NULL:
            return None
        choice = read(self._wire.tool_choice, _choice_decoder, path="tool_choice")
        if isinstance(choice, str):
            return ToolChoice(_mode(choice, "tool_choice"))
        if choice.type in ("function", "custom") and choice.name:
            return ToolChoice(Choice.NAMED, flatten(choice.name, choice.namespace))
        if choice.type == "allowed_tools":
            allowed = choice.tools or []
            if all(tool.type in ("function", "custom") and tool.name for tool in allowed):
                names = (flatten(tool.name or "", tool.namespace) for tool in allowed)
                mode = _mode(choice.mode or "auto", "tool_choice.mode")
                return ToolChoice(mode, allowed=tuple(names))
        self._refused.add("tool_choice")
        return None

    def _reasoning(self) -> ReasoningOptions | None:
        fields = {name: raw for name, raw in (self._wire.reasoning or {}).items() if raw != NULL}
        values = {
            name: read(fields.pop(name), _string_decoder, path=f"reasoning.{name}")
            for name in ("effort", "summary", "generate_summary")
            if name in fields
        }
        self._leave_out(fields, within="reasoning.")
        summary = values.get("summary") or values.get("generate_summary")
        if not summary and not values.get("effort"):
            return None
        return ReasoningOptions(
            effort=values.get("effort"), visible=True if summary else None, summary=summary
        )

    def _response_format(self) -> ResponseFormat | None:
        fields = dict(self._wire.text or {})
        raw = fields.pop("format", NULL)
        self._leave_out(fields, within="text.")
        if raw == NULL:
            return None
        wire = read(raw, _format_decoder, path="text.format")
        if wire.type == Format.JSON_OBJECT:
            return ResponseFormat(type=Format.JSON_OBJECT)
        if wire.type == Format.JSON_SCHEMA:
            if wire.schema == NULL:
                raise bad_request("text.format.schema is missing", param="text.format.schema")
            return ResponseFormat(
                type=Format.JSON_SCHEMA,
                name=wire.name,
                description=wire.description,
                schema=bytes(wire.schema),
                strict=wire.strict,
            )
        if wire.type != "text":
            self._refused.add("text.format")
        return None


def _tool(raw: Raw, type: str, *, path: str, namespace: str | None = None) -> Tool | NativeTool:
    if type not in ("function", "custom"):
        return NativeTool(Dialect.OPENAI_RESPONSES, type, bytes(raw))
    wire = read(raw, _function_decoder, path=path)
    custom = type == "custom"
    schema = wire.format if custom else wire.parameters
    return Tool(
        name=flatten(wire.name, namespace),
        description=wire.description,
        parameters=None if schema == NULL else bytes(schema),
        strict=None if custom else wire.strict,
        custom=custom,
    )


def _mode(name: str, path: str) -> Choice:
    if name not in (Choice.AUTO, Choice.NONE, Choice.REQUIRED):
        raise bad_request(f"{path} is {name!r}; it has to be auto, none or required", param=path)
    return Choice(name)
