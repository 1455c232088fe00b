"""Google's generateContent, with a model of generation 3: it demands its signatures back.

Source: https://ai.google.dev/api/generate-content
Source: https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pydantic
from google.genai import types

from tests.support.emulators.frames import body_of, frame, stream, whole
from tests.support.emulators.said import Asked, Finish, Json, Refused, Said, Turn, Usage
from tests.support.fake_upstream import Answer, Received

NO_SIGNATURE = "skip_thought_signature_validator"
"""What the documentation says to sign another model's calls with."""
_PATH = re.compile(
    r"/v1beta/models/([^/:?]+):(?:(generateContent)|(streamGenerateContent)\?alt=sse)"
)
_UNDERSCORE = re.compile(r"_([a-z])")
_USERS = ("args", "response", "parametersJsonSchema", "responseJsonSchema")
"""Members that hold names of the client's own."""
_MEMBERS = {
    "systemInstruction": types.Content,
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
}
_LISTS = {"contents": types.Content, "tools": types.Tool, "safetySettings": types.SafetySetting}
_STANDARD = str.maketrans("-_", "+/")
_FINISH = {Finish.STOP: "STOP", Finish.LENGTH: "MAX_TOKENS", Finish.TOOL_CALLS: "STOP"}
_ERRORS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
}


class Gemini:
    """See `Wire`."""

    base_model = "gemini-3-flash-preview"
    call_prefix = ""

    def key(self, received: Received) -> str | None:
        return received.header("x-goog-api-key")

    def read(self, received: Received) -> Asked:
        target = _PATH.fullmatch(received.path)
        if target is None:
            raise Refused(f"no such path: {received.path}")
        body = _camel(body_of(received))
        _check_types(body)
        contents = body.get("contents") or []
        _check_order(contents)
        config = body.get("generationConfig", {})
        declared = [f for tool in body.get("tools", ()) for f in tool["functionDeclarations"]]
        shows = config.get("thinkingConfig", {}).get("includeThoughts") is True
        if config.get("responseJsonSchema") and config.get("responseMimeType") is None:
            raise Refused("a response schema needs the response MIME type application/json")
        asking = [c for c in contents if c.get("role", "user") == "user" and _text(c)]
        return Asked(
            model=unquote(target[1]),
            stream=target[3] is not None,
            prompt=_text(asking[-1]) if asking else "",
            system=_text(body.get("systemInstruction", {"parts": []})),
            images=tuple(image for content in contents for image in _images(content)),
            tools=tuple(
                (f["name"], f.get("description", ""), f.get("parametersJsonSchema"))
                for f in declared
            ),
            schema=config.get("responseJsonSchema"),
            max_tokens=config.get("maxOutputTokens"),
            shows_thought=shows,
            signs_thought=True,
            turns=tuple(_turns(contents)),
            results=tuple(
                (r.get("id", ""), str(r["response"].get("output", r["response"])))
                for content in contents
                for part in content["parts"]
                if (r := part.get("functionResponse"))
            ),
            body=body,
        )

    def answer(self, said: Said, asked: Asked) -> Answer:
        said = said if asked.shows_thought else replace(said, thought=())
        if asked.stream:
            return stream(frame(chunk) for chunk in _chunks(said, asked))
        texts = [{"text": "".join(said.thought), "thought": True}] if said.thought else []
        if said.text:
            texts.append({"text": "".join(said.text), **_signed(said, first=not said.calls)})
        return whole(_chunk(said, asked, [*texts, *_calls(said)], finished=True))

    def refusal(self, status: int, message: str, *, retry_after_s: int | None = None) -> Answer:
        error: Json = {"code": status, "message": message, "status": _ERRORS[status]}
        if retry_after_s:
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"] = [{"@type": kind, "retryDelay": f"{retry_after_s}s"}]
        return whole({"error": error}, status=status)


def _calls(said: Said) -> list[Json]:
    """The calls; of those that are made at once only the first is signed."""
    return [
        {
            "functionCall": {"name": call.name, "args": dict(call.arguments), "id": call.id},
            **_signed(said, first=not number),
        }
        for number, call in enumerate(said.calls)
    ]


def _signed(said: Said, *, first: bool) -> Json:
    return {"thoughtSignature": said.signature} if first and said.signature else {}


def _chunks(said: Said, asked: Asked) -> Iterator[Json]:
    for piece in said.thought:
        yield _chunk(said, asked, [{"text": piece, "thought": True}])
    for piece in said.text:
        yield _chunk(said, asked, [{"text": piece}])
    for part in _calls(said):
        yield _chunk(said, asked, [part])
    last = {"text": "", **_signed(said, first=not said.calls)}
    yield _chunk(said, asked, [last], finished=True)


def _chunk(said: Said, asked: Asked, parts: list[Json], *, finished: bool = False) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}}
    if finished:
        candidate["finishReason"] = _FINISH[said.finish]
    usage = _usage(said.usage) if finished else {"promptTokenCount": said.usage.input}
    return {
        "candidates": [{**candidate, "index": 0}],
        "usageMetadata": usage,
        "modelVersion": asked.model,
        "responseId": "emulated",
    }


def _usage(usage: Usage) -> Json:
    wire = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
        "cachedContentTokenCount": usage.cached,
    }
    return {**wire, "thoughtsTokenCount": usage.reasoning} if usage.reasoning else wire


def _camel(value: Any) -> Any:
    """JSON with its names as Google documents them; its own clients write them in snake_case."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {_UNDERSCORE.sub(lambda m: m[1].upper(), name): inner for name, inner in value.items()}
    return {name: inner if name in _USERS else _camel(inner) for name, inner in named.items()}


def _check_types(body: Json) -> None:
    for name, value in body.items():
        try:
            if name in _LISTS:
                for item in value:
                    _LISTS[name].model_validate(item)
            elif name in _MEMBERS:
                _MEMBERS[name].model_validate(value)
            else:
                raise Refused(f"unknown name {name}")
        except pydantic.ValidationError as error:
            raise Refused(f"{name}: {error}") from None


def _check_order(contents: list[Json]) -> None:
    """A turn of calls is followed by one with as many results, and its first call is signed."""
    if not contents or contents[0].get("role", "user") != "user":
        raise Refused("contents: please begin with a turn of the user")
    open_calls: list[Json] = []
    for number, (role, parts) in enumerate(_merged(contents)):
        at = f"contents[{number}]"
        calls = [part for part in parts if "functionCall" in part]
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        if not _answers(results, open_calls):
            raise Refused(f"{at}: {results} are not the results of {open_calls}")
        if role == "user" and calls:
            raise Refused(f"{at}: a user does not call")
        if calls and "thoughtSignature" not in calls[0]:
            raise Refused(f"{at}: function call is missing a thought_signature")
        open_calls = [part["functionCall"] for part in calls]
    if open_calls:
        raise Refused(f"calls without a result: {open_calls}")


def _answers(results: list[Json], calls: list[Json]) -> bool:
    """Whether these are the results of these calls; ids may be left out."""
    said = [
        (call["id"] if "id" in r else None, call["name"])
        for call, r in zip(calls, results, strict=False)
    ]
    given = [(result.get("id"), result["name"]) for result in results]
    return len(results) == len(calls) and sorted(given, key=str) == sorted(said, key=str)


def _merged(contents: list[Json]) -> list[tuple[str, list[Json]]]:
    """The turns; a turn that was handed back in pieces is one."""
    turns: list[tuple[str, list[Json]]] = []
    for content in contents:
        role = content.get("role", "user")
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(content["parts"])
        else:
            turns.append((role, list(content["parts"])))
    return turns


def _turns(contents: list[Json]) -> Iterator[Turn]:
    for role, parts in _merged(contents):
        if role == "model":
            signatures = [p["thoughtSignature"] for p in parts if "thoughtSignature" in p]
            calls = [part["functionCall"] for part in parts if "functionCall" in part]
            yield Turn(
                thought="".join(part.get("text", "") for part in parts if part.get("thought")),
                signature="".join(map(_standard, signatures)) or None,
                calls=tuple((call["id"], call["name"], call.get("args", {})) for call in calls),
            )


def _standard(signature: str) -> str:
    """A signature as it was given: Google's own clients write it in base64's other alphabet."""
    return signature if signature == NO_SIGNATURE else signature.translate(_STANDARD)


def _text(content: Json) -> str:
    return "".join(p.get("text", "") for p in content["parts"] if not p.get("thought"))


def _images(content: Json) -> Iterator[tuple[str, bytes]]:
    for part in content["parts"]:
        if blob := part.get("inlineData"):
            data = blob["data"].translate(_STANDARD)
            yield blob["mimeType"], base64.b64decode(data, validate=True)
