"""What is wrong with a configuration, in words.

Owns the shape of a complaint and how it is printed. Must not know what can be wrong. No complaint
ever quotes a value: what stands where a key belongs may be a secret, wherever it was written.
"""

from msgspec import Struct


class Problem(Struct, frozen=True):
    """One thing to change before the configuration can be used."""

    path: str
    """Where: `backends[2].base_url`, the name of an environment variable, or the file."""
    message: str
    """What is wrong there: a clause without capital and full stop."""
    remedy: str
    """What to do about it: a sentence."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}. {self.remedy}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` has every reason, `str` one per line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class ReferenceProblem(ValueError):
    """A text with `${...}` in it cannot be expanded.

    `unset` has the variables that are not set and have no default; it is empty when a `${` begins
    nothing that can be read.
    """

    def __init__(self, unset: tuple[str, ...] = ()) -> None:
        super().__init__(unset)
        self.unset = unset


class Report:
    """The problems found so far, in the order found, each once."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}

    def add(self, path: str, message: str, *, remedy: str) -> None:
        """Note a problem; the same one a second time is dropped."""
        self._problems[Problem(path, message, remedy)] = None

    def clean(self, *paths: str) -> bool:
        """Tell whether these paths could be read: nothing is wrong at, below or above them.

        A check that reads others would only repeat in other words what has been said.
        """
        return not any(
            _is_within(problem.path, path) or _is_within(path, problem.path)
            for problem in self._problems
            for path in paths
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem, in the order found."""
        return tuple(self._problems)

    def raise_if_any(self) -> None:
        """Raise ConfigError with every problem, if there is one."""
        if self._problems:
            raise ConfigError(self.problems)


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))
