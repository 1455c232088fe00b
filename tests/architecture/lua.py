"""Reads a Redis script as far as its header and the keys that it passes to Redis."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CALL = re.compile(r"redis\.p?call\s*\(")
_KEY = re.compile(r"KEYS\[[^\[\]]+\]")
_ASSIGNED = re.compile(r"^\s*(?:local\s+)?([\w\s,]+?)\s*=(?!=)\s*(.+)$", re.MULTILINE)
_FUNCTION = re.compile(r"\bfunction\s+(\w+)\s*\(([^)]*)\)")
_COMMENT = re.compile(r"--[^\n]*")

_KEYLESS = {"TIME", "INFO", "PING"}
_ALL_KEYS = {"DEL", "EXISTS", "UNLINK", "TOUCH", "MGET"}
_TWO_KEYS = {"LMOVE", "RPOPLPUSH", "SMOVE", "RENAME", "COPY"}


@dataclass(frozen=True)
class Script:
    """A script's header, and the keys in it that it was not given."""

    header: str
    made_up_keys: list[str]


def parse_script(text: str) -> Script:
    """Read a script."""
    lines = text.splitlines()
    end = next((i for i, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header = "\n".join(line.removeprefix("--").strip() for line in lines[:end])
    code = _COMMENT.sub("", text)
    given = _given_names(code)
    keys = [key for command, arguments in _calls(code) for key in _keys(command, arguments)]
    return Script(header, [key for key in keys if not _KEY.fullmatch(key) and key not in given])


def _given_names(code: str) -> set[str]:
    """The variables, and parameters, that are given elements of KEYS and nothing else."""
    given: set[str] = set()
    others: set[str] = set()
    for names, values in _ASSIGNED.findall(code):
        pairs = zip(names.split(","), _split(values), strict=False)
        for name, value in pairs:
            (given if _KEY.fullmatch(value.strip()) else others).add(name.strip())
    for function, parameters in _FUNCTION.findall(code):
        for call in re.finditer(rf"(?<!function )\b{function}\s*\(", code):
            values = _split(code[call.end() : _closing(code, call.end())])
            for name, value in zip(parameters.split(","), values, strict=False):
                (given if _KEY.fullmatch(value.strip()) else others).add(name.strip())
    return given - others


def _calls(code: str) -> Iterator[tuple[str, list[str]]]:
    """Every command and its arguments; one that is no literal is the argument before the keys."""
    for match in _CALL.finditer(code):
        command, *arguments = _split(code[match.end() : _closing(code, match.end())])
        yield command.strip("'\" ").upper(), [argument.strip() for argument in arguments]


def _keys(command: str, arguments: list[str]) -> list[str]:
    if command in _KEYLESS:
        return []
    if command in _ALL_KEYS:
        return arguments
    return arguments[: 2 if command in _TWO_KEYS else 1]


def _closing(code: str, start: int) -> int:
    depth = 1
    for position in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        if not depth:
            return position
    return len(code)


def _split(arguments: str) -> list[str]:
    """Split at the commas that are in no bracket and in no string."""
    parts, depth, quote = [""], 0, ""
    for character in arguments:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts
