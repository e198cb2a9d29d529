"""The operator's manual as a program reads it: its blocks of commands, with what they show.

A fenced block is one of

    ```console run        commands that the test of the manual plays, in order
    ```console machine    commands that need a machine (apt, systemd, users): run by the tests in
                          a virtual machine, and by a stand-in of stage.py if that has one
    ```toml file=PATH     a file that the reader makes (any language)

In a console block a line that begins with `$ ` is a command (`\\` at its end: it goes on), every
other line is a part of what it shows: it must come, in this order; spaces and lines of tables
count once, and `...` stands for anything. An HTML comment in front of the block says more:

    <!-- block: install -->     its name; every block of commands has one
    <!-- stdin: 271828 -->      what is typed when the command asks; several: one comment each
    <!-- status: 1 -->          how the command ends, if not with 0
    <!-- until: shown -->       it only looks: repeat it until it shows what stands there
    <!-- beside: next -->       it goes on showing while the next block is played
    <!-- drawn: 500.925 -->     drawn anew each time, here and wherever it stands later
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "manual.md"
NOTES = frozenset({"block", "stdin", "status", "until", "beside", "drawn"})
_NOTE = re.compile(r"<!-- ([a-z]+): (.*?) -->")
_FENCE = re.compile(r"```(\S+)(?: (.*))?")
_FILE = re.compile(r"file=(\S+)")
_PROMPT = "$ "


class ManualError(Exception):
    """The manual is not written as this file says."""


@dataclass(frozen=True)
class Step:
    """A command, and the lines that it must show."""

    command: str
    shown: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """One block. `kind`: run, machine or file; `path` and `text` are those of a file."""

    kind: str
    line: int
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    path: str = ""
    text: str = ""

    @property
    def name(self) -> str:
        """What it is called; a file by its path."""
        return self.notes.get("block", (self.path,))[0]

    def says(self, note: str) -> str | None:
        """The one value of a note."""
        return self.notes[note][0] if note in self.notes else None


def read(path: Path = MANUAL) -> list[Block]:
    """All blocks that are more than prose, in the order in which they stand."""
    return list(_blocks(path.read_text(encoding="utf-8").splitlines()))


def machine(name: str, path: Path = MANUAL) -> list[str]:
    """The commands of the machine block of that name; raises ManualError if there is none."""
    for block in read(path):
        if block.kind == "machine" and block.name == name:
            return [step.command for step in block.steps]
    raise ManualError(f"{path} has no block 'console machine' named {name}")


def machine_names(path: Path = MANUAL) -> list[str]:
    """The names of all machine blocks."""
    return [block.name for block in read(path) if block.kind == "machine"]


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    notes: dict[str, tuple[str, ...]] = {}
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if match := _NOTE.fullmatch(line.strip()):
            key, value = match.groups()
            if key not in NOTES:
                raise ManualError(f"line {number}: no note is called {key}")
            notes[key] = (*notes.get(key, ()), value)
        elif fence := _FENCE.fullmatch(line):
            first = number
            while number < len(lines) and lines[number] != "```":
                number += 1
            made = _block(fence[1], fence[2] or "", first, lines[first:number], notes)
            number += 1
            if made is not None:
                yield made
            notes = {}
        elif line.strip() and notes:
            raise ManualError(f"line {number}: a note must stand right before its block")


def _block(
    language: str, info: str, line: int, lines: Sequence[str], notes: dict[str, tuple[str, ...]]
) -> Block | None:
    if match := _FILE.fullmatch(info):
        return Block("file", line, notes, path=match[1], text="\n".join(lines) + "\n")
    if language != "console":
        return None
    if info not in ("run", "machine"):
        raise ManualError(f"line {line}: a console block is `console run` or `console machine`")
    if "block" not in notes:
        raise ManualError(f"line {line}: the block has no name, <!-- block: NAME -->")
    return Block(info, line, notes, tuple(_steps(line, lines)))


def _steps(line: int, lines: Sequence[str]) -> Iterator[Step]:
    command: str | None = None
    shown: list[str] = []
    goes_on = False
    for text in lines:
        if goes_on:
            assert command is not None
            command = f"{command[:-1].rstrip()} {text.strip()}"
        elif text.startswith(_PROMPT):
            if command is not None:
                yield Step(command, tuple(shown))
            command, shown = text.removeprefix(_PROMPT), []
        elif command is None:
            raise ManualError(f"line {line}: a block begins with a command")
        elif text.strip():
            shown.append(text)
        goes_on = command is not None and not shown and command.endswith("\\")
    if command is None:
        raise ManualError(f"line {line}: the block is empty")
    yield Step(command, tuple(shown))


def missing(shown: Sequence[str], said: str) -> str | None:
    """The first line that was to be shown and was not; None if all came, in their order."""
    left = [plain(line) for line in said.splitlines()]
    for line in shown:
        pattern = ".*".join(map(re.escape, re.split(r" ?\.\.\. ?", plain(line))))
        for number, candidate in enumerate(left):
            if re.fullmatch(pattern, candidate):
                del left[: number + 1]
                break
        else:
            return line
    return None


def plain(line: str) -> str:
    """A line as it is compared."""
    return re.sub(r"\u2500+", "\u2500", " ".join(line.split()))
