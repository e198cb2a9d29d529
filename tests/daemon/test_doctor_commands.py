"""Every problem has one command, and every command of ours is one that the program knows.

The commands are taken from the source: all that is handed to `warn`, `bad` and `error` as their
command, and every table of commands; what is filled in stands there as a word.
"""

import ast
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pulsarack.daemon.cli.root import root

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "daemon").glob("doctor*.py"))
# What a place in a command may stand for, so that it fits an option's type.
FILLED_IN = "1"
PROGRAMS = {
    "adduser", "apt-get", "chmod", "chown", "df", "dmesg", "fuser", "install", "journalctl",
    "kill", "ls", "lsusb", "newgrp", "pulsarack", "rm", "sudoedit", "systemctl",
    "systemd-sysusers", "timedatectl", "udevadm",
}  # fmt: skip
_POSITION = {"warn": 2, "bad": 2, "error": 2}


def text_of(node: ast.expr, names: dict[str, ast.expr]) -> Iterator[str]:
    """The texts that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [one.value if isinstance(one, ast.Constant) else FILLED_IN for one in node.values]
        yield "".join(map(str, parts))
    elif isinstance(node, ast.Name | ast.Attribute):
        name = node.id if isinstance(node, ast.Name) else node.attr
        if name in names:
            yield from text_of(names[name], names)
    elif isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if called == "get":
            yield from text_of(node.args[-1], names)


def commands() -> dict[str, str]:
    """Every command with the place where it stands."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
    names: dict[str, ast.expr] = {}
    found: dict[str, str] = {}
    for tree in trees.values():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                names.setdefault(node.targets[0].id, node.value)
    for path, tree in trees.items():
        for function in (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)):
            inside = dict(names)
            for node in ast.walk(function):
                if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                    inside.update(_targets(node, node.value))
            for node in ast.walk(function):
                for text in _given(node, inside):
                    if text != f"sudo {FILLED_IN}":  # what an error itself says is to be run
                        found[text] = f"{path.name}, {function.name}"
    return found


def _targets(node: ast.Assign | ast.AnnAssign, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=True):
            if isinstance(one, ast.Name):
                yield one.id, its


def _given(node: ast.AST, names: dict[str, ast.expr]) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        position = _POSITION.get(node.func.id)
        if position is not None:
            # A problem without a command does not exist.
            assert len(node.args) > position, ast.unparse(node)
            yield from text_of(node.args[position], names)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from (one for one in text_of(value, names) if one.startswith("sudo "))


COMMANDS = commands()


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 30
    assert sum(one.startswith("pulsarack ") for one in COMMANDS) > 10


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_can_be_typed(command: str) -> None:
    words = shlex.split(command)
    words = words[1:] if words[0] == "sudo" else words
    assert words[0] in PROGRAMS, f"{COMMANDS[command]}: {command}"
    if words[0] == "pulsarack":
        resolve(words[1:])


def resolve(words: list[str]) -> None:
    """Parse a command line as the program would, without running it."""
    command: click.Command = root
    context = click.Context(root, info_name="pulsarack")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, name := words.pop(0))
        assert found is not None, f"there is no {name} in {context.command_path}"
        command, context = found, click.Context(found, parent=context, info_name=name)
    if isinstance(command, click.Group):
        assert command.invoke_without_command and not words
    else:
        command.make_context(context.info_name, words, parent=context.parent)
