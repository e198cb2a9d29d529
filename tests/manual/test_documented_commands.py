"""Every `pulsarack ...` that a document names is a command that there is, with these options.

So is every document that another one names.

Commands stand in the documents between backticks, in boxes behind `$ `, or on indented lines.
Words in capitals stand for what the reader puts there.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pulsarack.daemon.cli.root import root

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
_SPAN = re.compile(r"`(?:sudo )?pulsarack ([^`]+)`")
_LINE = re.compile(r"^(?:    |\$ )(?:sudo )?pulsarack (.+)$", re.M)
_WORD = re.compile(r"[a-z][a-z-]*")
_OPTION = re.compile(r"--[a-z][a-z-]*")


def commands(text: str) -> Iterator[str]:
    """What stands behind the name of the program."""
    for match in (*_SPAN.finditer(text), *_LINE.finditer(text)):
        yield " ".join(match[1].split())


def problem(line: str) -> str | None:
    """What is wrong with a command line; None if nothing is."""
    command: click.Command = root
    context = click.Context(root, info_name="pulsarack")
    words = re.split(r" #|; | && | \| ", line)[0].split()
    while isinstance(command, click.Group) and words and _WORD.fullmatch(words[0]):
        name = words.pop(0)
        found = command.get_command(context, name)
        if found is None:
            if command.invoke_without_command or (command is root and not words):
                break
            return f"{context.command_path} has no {name}"
        command, context = found, click.Context(found, parent=context, info_name=name)
    takes = any(isinstance(one, click.Argument) for one in command.params)
    if words and _WORD.fullmatch(words[0]) and not takes:
        return f"{context.command_path} has no {words[0]}"
    known = {"--help", "--json"} if isinstance(command, click.Group) else {"--help"}
    for one in (*root.params, *command.params):
        known.update((*one.opts, *one.secondary_opts))
    for option in _OPTION.findall(" ".join(words)):
        if option not in known:
            return f"{context.command_path} has no {option}"
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_is_written_can_be_typed(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    wrong = {line: why for line in commands(text) if (why := problem(line)) is not None}
    assert not wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_that_are_named_are_there(document: Path) -> None:
    named = set(re.findall(r"`(?:docs/)?([a-z-]+\.md)`", document.read_text(encoding="utf-8")))
    # A report is written by the run that it tells of.
    named = {name for name in named if not name.endswith("-report.md")}
    assert {name for name in named if not (ROOT / "docs" / name).exists()} == set()


def test_what_cannot_be_typed_is_seen() -> None:
    text = "see `pulsarack unparsed list`, or\n    pulsarack chip lst\n$ pulsarack audit --tru\n"
    assert [problem(line) for line in commands(text)] == [
        "pulsarack unparsed has no list",
        "pulsarack chip has no lst",
        "pulsarack audit has no --tru",
    ]
