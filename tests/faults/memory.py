"""How much memory a process has had."""

from pathlib import Path


class Peak:
    """The most memory of a process since this was made, above what it had then."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # sets the peak back to what it has now
        self.before_mb = self._read("VmRSS")

    @property
    def grown_mb(self) -> float:
        """In MB."""
        return self._read("VmHWM") - self.before_mb

    def _read(self, name: str) -> float:
        lines = self._status.read_text().splitlines()
        [line] = [line for line in lines if line.startswith(f"{name}:")]
        return int(line.split()[1]) / 1024


def only_child(pid: int) -> int:
    """The id of a process's one child."""
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)
