"""What a cell is played with: its client, its upstream, and what each must see of the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.canonical.request import Dialect
from tests.conformance.asking import PROMPT, SYSTEM, Ask, Client, Failure, Heard
from tests.conformance.cells import Cell
from tests.support.emulators.emulator import WIRES, Emulator, model_of
from tests.support.emulators.said import Asked, Said

Clients = Mapping[Dialect, Client]


@dataclass(frozen=True)
class Stage:
    """One cell's."""

    cell: Cell
    clients: Clients
    emulator: Emulator

    @property
    def client(self) -> Client:
        """The client."""
        return self.clients[self.cell.client]

    @property
    def asked(self) -> Asked:
        """The only request that the upstream got."""
        [asked] = self.emulator.asked
        return asked

    def ask(self, scene: str, **options: Any) -> Ask:
        """Make a request to a scene's model."""
        model = f"{self.cell.wire}:{model_of(self.cell.wire, scene)}"
        return Ask(model=model, stream=self.cell.stream, **options)

    def hear(self, ask: Ask) -> Heard:
        """Send a request that begins a conversation."""
        return self.client.send(ask, self.client.open(ask))

    def check_answer(self, heard: Heard, said: Said, *, thought: str = "") -> None:
        """Check that a client heard what the upstream said.

        Args:
            thought: what it must have heard of the thoughts.
        """
        assert heard.failure is None
        assert heard.text == "".join(said.text)
        assert heard.thought == thought
        prefix = WIRES[self.cell.wire].call_prefix
        calls = [(prefix + call.id, call.name, dict(call.arguments)) for call in said.calls]
        assert list(heard.calls) == calls
        assert heard.finish == self.client.finishes[said.finish]
        assert heard.usage == said.usage

    def check_question(self) -> None:
        """Check that the upstream was asked what the client asks everywhere."""
        for asked in self.emulator.asked:
            assert asked.prompt == PROMPT
            assert asked.system == SYSTEM
            assert asked.stream is self.cell.stream
            assert asked.wants_usage

    def check_failure(self, heard: Heard, status: int) -> Failure:
        """Check that a client's SDK raised what it raises for a status; 0 = in a stream."""
        assert heard.failure is not None
        assert heard.failure.error == self.client.errors[status]
        if status:
            assert heard.failure.status == status
            assert heard.text == ""
        return heard.failure
