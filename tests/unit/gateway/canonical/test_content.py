"""The parts of messages and answers."""

from typing import get_args

import msgspec
import pytest

from gateway.canonical.content import (
    AnyPart,
    Citation,
    Media,
    MediaKind,
    NativePart,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

SIGNATURE = Opaque("gemini", "sig")
FULL: dict[type[Part], Part] = {
    Text: Text("é", (Citation(url="u", title="t", quote="q", start=0, end=1),), SIGNATURE, "5m"),
    Refusal: Refusal("no"),
    Media: Media(
        kind=MediaKind.IMAGE, mime="image/png", data="aGk=", detail="low", signature=SIGNATURE
    ),
    Reasoning: Reasoning(text="hm", signature=SIGNATURE, redacted=True, id="r1"),
    ToolCall: ToolCall("c1", "f", "{}", SIGNATURE, custom=True, cache="1h"),
    ToolResult: ToolResult(
        call_id="c1",
        parts=(Text("a"), Media(kind=MediaKind.AUDIO, url="u"), NativePart("gemini", "t", b"{}")),
        name="f",
        is_error=True,
    ),
    NativePart: NativePart("gemini", "executableCode", b'{"a":1}'),
}
_decoder: msgspec.msgpack.Decoder[AnyPart] = msgspec.msgpack.Decoder(AnyPart)


def test_every_part_is_tested_here() -> None:
    assert set(FULL) == set(get_args(AnyPart))


@pytest.mark.parametrize("part", FULL.values(), ids=lambda part: type(part).__name__)
def test_a_part_can_be_written_down_and_read_again(part: Part) -> None:
    assert _decoder.decode(msgspec.msgpack.encode(part)) == part


def test_what_is_unknown_is_not_written_down() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Text("a"))) == {"part": "Text", "text": "a"}


def test_the_text_of_a_result_is_that_of_its_text_parts() -> None:
    image = Media(kind=MediaKind.IMAGE, data="aGk=")
    assert ToolResult(call_id="c", parts=(Text("a"), image, Text("b"))).text == "ab"
