"""One server that is an upstream of every dialect; its models are in `scenes`."""

import dataclasses
from collections.abc import Mapping

from gateway.canonical.request import Dialect
from tests.support.emulators.anthropic_messages import AnthropicMessages
from tests.support.emulators.gemini import NO_SIGNATURE, Gemini
from tests.support.emulators.openai_chat import OpenAIChat
from tests.support.emulators.openai_responses import OpenAIResponses
from tests.support.emulators.said import Asked, Refused, Said, Turn, Wire
from tests.support.emulators.scenes import FIRST, SCENES, SECOND, Cut, Scene
from tests.support.fake_upstream import Answer, FakeUpstream, Received

WIRES: Mapping[Dialect, Wire] = {
    Dialect.OPENAI_CHAT: OpenAIChat(),
    Dialect.OPENAI_RESPONSES: OpenAIResponses(),
    Dialect.ANTHROPIC_MESSAGES: AnthropicMessages(),
    Dialect.GEMINI: Gemini(),
}

CLIENT_KEY = "the-client-key-that-no-upstream-may-see"

_BASE_PATHS = {Dialect.OPENAI_CHAT: "/v1", Dialect.OPENAI_RESPONSES: "/v1"}


def key_of(dialect: Dialect, key: str) -> str:
    """The secret that an upstream knows as its first or second key."""
    return f"secret-of-{dialect.value}-{key}"


def model_of(dialect: Dialect, scene: str) -> str:
    """The id that an upstream has for a scene's model."""
    return f"{WIRES[dialect].base_model}-{scene}"


class Emulator:
    """Answers by the rules of each dialect, and keeps what it was asked."""

    def __init__(self) -> None:
        self._upstream = FakeUpstream()
        self.reset()

    def reset(self) -> None:
        """Forget what came."""
        self._upstream.reset()
        self._upstream.script = self._answer
        self.asked: list[Asked] = []
        """The requests that were in order, also those that were refused for their key."""
        self.keys: list[str] = []
        """The keys of all requests, as `scenes` names them."""
        self.complaints: list[str] = []
        """What was wrong with those that were not in order."""

    def close(self) -> None:
        """Stop."""
        self._upstream.close()

    @property
    def faults(self) -> list[BaseException]:
        """What went wrong in the emulator itself."""
        return self._upstream.faults

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._upstream.port

    def base_url(self, dialect: Dialect) -> str:
        """What an instance of a dialect is configured with."""
        return f"{self._upstream.url}/{dialect.value}{_BASE_PATHS.get(dialect, '')}"

    def _answer(self, received: Received) -> Answer:
        _, name, path = received.path.split("/", 2)
        wire = WIRES[Dialect(name)]
        received = dataclasses.replace(received, path=f"/{path}")
        try:
            key = _read_key(Dialect(name), received)
            asked = wire.read(received)
            scene = _scene(asked, wire)
            self.keys.append(key)
            self.asked.append(asked)
            if scene.status != 200 and key in scene.refuses:
                return wire.refusal(scene.status, scene.message, retry_after_s=scene.retry_after_s)
            answer = wire.answer(_next(scene, asked), asked)
        except Refused as refused:
            self.complaints.append(f"{name}: {refused}")
            return wire.refusal(400, f"emulator: {refused}")
        return _cut(answer, scene) if scene.cut else answer


def _read_key(dialect: Dialect, received: Received) -> str:
    """Read the key, from where it belongs and from nowhere else."""
    given = WIRES[dialect].key(received)
    key = next((key for key in (FIRST, SECOND) if given == key_of(dialect, key)), None)
    if given is None or key is None:
        raise Refused(f"the key is {given}")
    if given in received.path or "key=" in received.path:
        raise Refused("the key is in the URL")
    headers = [value for _, value in received.headers]
    if sum(given in value for value in headers) != 1 or CLIENT_KEY in str(headers):
        raise Refused("a key is where none belongs")
    return key


def _scene(asked: Asked, wire: Wire) -> Scene:
    scene = SCENES.get(asked.model.removeprefix(f"{wire.base_model}-"))
    if scene is None:
        raise Refused(f"no such model: {asked.model}")
    return scene


def _next(scene: Scene, asked: Asked) -> Said:
    """What a model says now."""
    for number, turn in enumerate(asked.turns):
        if scene.takes_over:
            _check_foreign(turn, asked)
        elif fault := _fault(turn, scene.script[number], asked):
            raise Refused(f"turn {number}: {fault}")
    said = scene.script[0 if scene.takes_over else len(asked.turns)]
    return said if asked.signs_thought else dataclasses.replace(said, signature="")


def _fault(turn: Turn, before: Said, asked: Asked) -> str | None:
    """What of a turn is not as the model said it."""
    if asked.signs_thought and turn.signature != before.signature:
        return f"{turn.signature} is not my signature"
    if asked.wants_thought and turn.thought != "".join(before.thought):
        return f"{turn.thought!r} is not my thought"
    names = [(name, arguments) for _, name, arguments in turn.calls]
    if names != [(call.name, dict(call.arguments)) for call in before.calls]:
        return f"{turn.calls} are not my calls"
    return None


def _check_foreign(turn: Turn, asked: Asked) -> None:
    """Another model's turn has no signature, as only its maker can read one."""
    if turn.signature and turn.signature != NO_SIGNATURE:
        raise Refused(f"invalid signature {turn.signature}")
    if asked.wants_thought and asked.signs_thought and turn.thought:
        raise Refused("a thought without a signature")


def _cut(answer: Answer, scene: Scene) -> Answer:
    """End a stream after its first piece of text."""
    pieces: list[bytes] = []
    for piece in answer.body:
        assert isinstance(piece, bytes)
        pieces.append(piece)
        if scene.script[0].text[0].encode() in piece:
            break
    size = sum(map(len, pieces)) if scene.cut is Cut.BROKEN else None
    return dataclasses.replace(answer, body=pieces, cut_at=size)
