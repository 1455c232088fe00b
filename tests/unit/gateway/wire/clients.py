"""Clients of each dialect: what they make of an answer and send back with their next request."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gateway.canonical.collect import Answer, collect
from gateway.canonical.content import ToolCall
from gateway.canonical.events import Event
from gateway.canonical.request import Dialect, Message, Role
from gateway.wire.codec import Codec, Reply
from gateway.wire.codecs import CODECS
from gateway.wire.sse import FrameSplitter

Wire = dict[str, Any]
Turn = list[Wire]
"""What a client puts into its conversation, in the form that the dialect has for it."""


@dataclass(frozen=True)
class Client:
    """One dialect's client and, with the same codec, an upstream that speaks it."""

    dialect: Dialect
    ask: Wire
    turn_of: Callable[[Wire], Turn]
    turn_of_stream: Callable[[list[Wire]], Turn]
    result: Callable[[ToolCall], Wire]
    conversation: Callable[[Turn, Turn], Wire]
    """A request from what the model said and from what the tools answered."""

    @property
    def codec(self) -> Codec:
        """The dialect."""
        return CODECS[self.dialect]

    @property
    def reply(self) -> Reply:
        """What is known of the answer to the first question."""
        body = json.dumps(self.ask).encode()
        envelope = self.codec.parse_envelope(body, max_depth=64)
        return Reply(id="r1", created=7, model="m", envelope=envelope)

    def whole(self, events: Iterable[Event]) -> bytes:
        """The answer as it gets it without a stream."""
        return self.codec.render_response(collect(events), self.reply)

    def stream(self, batches: Iterable[Iterable[Event]]) -> bytes:
        """The answer as it gets it in a stream."""
        renderer = self.codec.renderer(self.reply)
        return b"".join(renderer.render(batch) for batch in batches)

    def turn(self, events: Iterable[Event], *, streams: bool) -> Turn:
        """What it keeps of an answer."""
        if streams:
            return self.turn_of_stream(list(payloads(self.stream([events]))))
        return self.turn_of(json.loads(self.whole(events)))

    def next_body(self, turn: Turn, calls: Iterable[ToolCall] = ()) -> bytes:
        """Its next request, which answers the tool calls."""
        results = [self.result(call) for call in calls]
        return json.dumps(self.conversation(turn, results), separators=(",", ":")).encode()

    def read_whole(self, body: bytes) -> Answer:
        """Read an answer as an upstream's."""
        return collect(self.codec.parse_answer(body, instance="up"))

    def read_stream(self, stream: bytes) -> Answer:
        """Read a stream as an upstream's."""
        parser = self.codec.stream_parser("up")
        events: list[Event] = []
        for data in datas(stream):
            events += parser.read(data)
            if parser.done:
                break
        return collect([*events, *parser.end()])


def said(messages: Iterable[Message]) -> Message:
    """The only turn of the model."""
    (message,) = (message for message in messages if message.role is Role.ASSISTANT)
    return message


def datas(stream: bytes) -> Iterator[str]:
    """The data fields of a stream's frames."""
    splitter = FrameSplitter()
    for frame in [*splitter.feed(stream), splitter.flush()]:
        lines = [line[5:] for line in frame.decode().split("\n") if line.startswith("data:")]
        if lines:
            yield "\n".join(line.removeprefix(" ").removesuffix("\r") for line in lines)


def payloads(stream: bytes) -> Iterator[Wire]:
    """The objects of a stream."""
    return (json.loads(data) for data in datas(stream) if data != "[DONE]")


def _chat_stream(chunks: list[Wire]) -> Turn:
    """Entries of one type and index are put together, as OpenRouter's own client does."""
    message: Wire = {"role": "assistant", "content": None}
    details: Turn = []
    calls: dict[int, Wire] = {}
    for delta in (choice["delta"] for chunk in chunks for choice in chunk["choices"]):
        for name in ("content", "refusal", "reasoning_content"):
            if delta.get(name):
                message[name] = (message.get(name) or "") + delta[name]
        for name in ("images", "annotations"):
            if name in delta:
                message[name] = [*message.get(name, ()), *delta[name]]
        for entry in delta.get("reasoning_details", ()):
            _add_detail(details, entry)
        for piece in delta.get("tool_calls", ()):
            _add_call(calls, piece)
    if details:
        message["reasoning_details"] = details
    if calls:
        message["tool_calls"] = list(calls.values())
    return [message]


def _add_detail(details: Turn, entry: Wire) -> None:
    last = details[-1] if details else {}
    if "text" in last and all(last[key] == entry[key] for key in ("type", "index")):
        last |= {**entry, "text": last["text"] + entry.get("text", "")}
    else:
        details.append(dict(entry))


def _add_call(calls: dict[int, Wire], piece: Wire) -> None:
    index = piece.pop("index")
    if index in calls:
        calls[index]["function"]["arguments"] += piece["function"]["arguments"]
    else:
        calls[index] = piece


def _chat_turn(answer: Wire) -> Turn:
    message = answer["choices"][0]["message"]
    return [{name: value for name, value in message.items() if value is not None}]


_CHAT_ASK: Wire = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def _chat_conversation(turn: Turn, results: Turn) -> Wire:
    return {**_CHAT_ASK, "messages": [*_CHAT_ASK["messages"], *turn, *results]}


def _chat_result(call: ToolCall) -> Wire:
    return {"role": "tool", "tool_call_id": call.id, "content": "done"}


_RESPONSES_HI: Wire = {"role": "user", "content": "hi"}


def _responses_stream(frames: list[Wire]) -> Turn:
    return _responses_turn(frames[-1]["response"])


def _responses_turn(answer: Wire) -> Turn:
    output: Turn = answer["output"]
    return output


def _responses_conversation(turn: Turn, results: Turn) -> Wire:
    return {"model": "m", "store": False, "input": [_RESPONSES_HI, *turn, *results]}


def _responses_result(call: ToolCall) -> Wire:
    type = "custom_tool_call_output" if call.custom else "function_call_output"
    return {"type": type, "call_id": call.id, "output": "done"}


def _anthropic_stream(frames: list[Wire]) -> Turn:
    blocks: Turn = []
    inputs: dict[int, str] = {}
    for frame in frames:
        if frame["type"] == "content_block_start":
            blocks.append(frame["content_block"])
        elif frame["type"] == "content_block_delta":
            index, delta = frame["index"], frame["delta"]
            match delta["type"]:
                case "signature_delta":
                    blocks[index]["signature"] = delta["signature"]
                case "thinking_delta":
                    blocks[index]["thinking"] += delta["thinking"]
                case "text_delta":
                    blocks[index]["text"] += delta["text"]
                case "citations_delta":
                    blocks[index].setdefault("citations", []).append(delta["citation"])
                case "input_json_delta":
                    inputs[index] = inputs.get(index, "") + delta["partial_json"]
    for index, text in inputs.items():
        blocks[index]["input"] = json.loads(text)
    return blocks


def _anthropic_turn(answer: Wire) -> Turn:
    content: Turn = answer["content"]
    return content


def _anthropic_conversation(turn: Turn, results: Turn) -> Wire:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": turn}]
    if results:
        messages.append({"role": "user", "content": results})
    return {"model": "m", "max_tokens": 9, "messages": messages}


def _anthropic_result(call: ToolCall) -> Wire:
    return {"type": "tool_result", "tool_use_id": call.id, "content": "done"}


def _gemini_stream(chunks: list[Wire]) -> Turn:
    """Every chunk's content stays as it came, as in the chats of Google's own client."""
    return [chunk["candidates"][0]["content"] for chunk in chunks]


def _gemini_turn(answer: Wire) -> Turn:
    return _gemini_stream([answer])


def _gemini_conversation(turn: Turn, results: Turn) -> Wire:
    contents = [{"role": "user", "parts": [{"text": "hi"}]}, *turn]
    if results:
        contents.append({"role": "user", "parts": results})
    return {"contents": contents}


def _gemini_result(call: ToolCall) -> Wire:
    answer = {"id": call.id, "name": call.name, "response": {"output": "done"}}
    return {"functionResponse": answer}


CLIENTS = {
    client.dialect: client
    for client in (
        Client(
            dialect=Dialect.OPENAI_CHAT,
            ask={**_CHAT_ASK, "stream": True, "stream_options": {"include_usage": True}},
            turn_of=_chat_turn,
            turn_of_stream=_chat_stream,
            result=_chat_result,
            conversation=_chat_conversation,
        ),
        Client(
            dialect=Dialect.OPENAI_RESPONSES,
            ask={"model": "m", "input": "hi"},
            turn_of=_responses_turn,
            turn_of_stream=_responses_stream,
            result=_responses_result,
            conversation=_responses_conversation,
        ),
        Client(
            dialect=Dialect.ANTHROPIC_MESSAGES,
            ask={"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
            turn_of=_anthropic_turn,
            turn_of_stream=_anthropic_stream,
            result=_anthropic_result,
            conversation=_anthropic_conversation,
        ),
        Client(
            dialect=Dialect.GEMINI,
            ask={"contents": [{"parts": [{"text": "hi"}]}]},
            turn_of=_gemini_turn,
            turn_of_stream=_gemini_stream,
            result=_gemini_result,
            conversation=_gemini_conversation,
        ),
    )
}
"""All of them."""
