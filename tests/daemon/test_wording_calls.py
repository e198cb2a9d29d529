"""`wording` from the command line to the table: set, shown, tried, reset, refused; at a start."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon import log as logging
from pulsarack.daemon.calls.wording_calls import warn_of_unusable
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.control_arguments import ARGUMENTS
from pulsarack.queue import rows
from pulsarack.queue.wordings.shipped import LANGUAGES, shipped
from tests.daemon.virtual_loop import run as run_virtually
from tests.daemon.world import World, rack_plan

ADMIN = {"who": "admin1"}


async def world_of(directory: Path) -> World:
    """A daemon with one chip."""
    world = World(directory, rack_plan(("wavecom", "telkomsel")), 1)
    await world.set_up()
    return world


async def in_a_daemon(directory: Path) -> None:
    world = await world_of(directory)
    found = (await world.call("wording.list"))["wordings"]
    assert len(found) == len(LANGUAGES) * len(shipped().wordings)
    assert not any(one["changed"] for one in found)

    new = "Kosong bos, [saldo]"
    refusal = await world.refusal("wording.set", key="no_orders", template=new, **ADMIN)
    assert refusal.code == "BAD_WORDING" and "[saldo] is no variable" in refusal.message
    refusal = await world.refusal("wording.try", key="no_orders", template="x" * 200)
    assert refusal.code == "BAD_WORDING" and "2 SMS parts" in refusal.message
    assert (await world.refusal("wording.show", key="nothing")).code == "NOT_FOUND"
    assert (await world.refusal("wording.set", key="nothing", template="x", **ADMIN)).code == (
        "BAD_WORDING"
    )

    said = await world.call("wording.set", key="balance", template="Sisa {balance}", **ADMIN)
    assert said == {"template": "Sisa [saldo]", "text": "Sisa 1.989.500", "size": 14, "parts": 1}
    shown = await world.call("wording.show", key="balance")
    assert [one["who"] for one in shown["texts"]] == ["admin1", ""]
    assert {"[saldo]", "[kodereseller]"} <= {one["name"] for one in shown["variables"]}
    listed = (await world.call("wording.list"))["wordings"]
    assert [one["text"] for one in listed if one["changed"]] == ["Sisa [saldo]"]
    assert (await world.call("wording.try", key="balance"))["text"] == "Sisa 1.989.500"
    assert (await world.call("wording.reset", key="balance", **ADMIN))["changed"]
    assert not (await world.call("wording.reset", key="balance", **ADMIN))["changed"]
    await world.stop()


def test_an_operator_says_it_otherwise(tmp_path: Path) -> None:
    run_virtually(in_a_daemon(tmp_path))


async def with_a_stale_one(directory: Path) -> list[dict[str, Any]]:
    world = await world_of(directory)
    world.daemon.store.run_inline(
        lambda db: rows.execute(
            db, "INSERT INTO wording VALUES ('balance', 'id', '[baru]', 1, 0, 'x')"
        )
    )
    stream = io.StringIO()
    logging.configure("info", "json", stream)
    await warn_of_unusable(replace(world.daemon.context, log=logging.get()))
    await world.stop()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [one for one in lines if one["event"] == "wording.unusable"]


def test_what_cannot_be_used_is_logged(tmp_path: Path) -> None:
    (line,) = run_virtually(with_a_stale_one(tmp_path))
    assert line["key"] == "balance" and "no variable" in line["why"] and line["remedy"]


@pytest.fixture
def run(fake_daemon: Any, tmp_path: Path) -> Any:
    config = tmp_path / "pulsarack.toml"
    config.write_text('[daemon]\nsocket = "control.sock"\ntimezone = "Asia/Jakarta"\n')

    def run(*args: str) -> Result:
        return CliRunner().invoke(root, ["--config", str(config), *args], prog_name="pulsarack")

    return run


CALLS: list[tuple[list[str], str, dict[str, Any]]] = [
    (["show", "balance"], "wording.show", {"key": "balance"}),
    (
        ["set", "balance", "Sisa [saldo]", "--who", "me", "--language", "en", "--parts", "2"],
        "wording.set",
        {"key": "balance", "template": "Sisa [saldo]", "language": "en", "parts": 2, "who": "me"},
    ),
    (
        ["reset", "balance", "--who", "me"],
        "wording.reset",
        {"key": "balance", "language": "id", "who": "me"},
    ),
    (
        ["try", "balance"],
        "wording.try",
        {"key": "balance", "language": "id", "parts": 1},
    ),
]
ANSWERS = {
    "wording.show": {"key": "k", "when": "w", "texts": [{"language": "id"}], "variables": []},
    "wording.set": {"text": "Sisa 5", "size": 6, "parts": 1},
    "wording.reset": {"changed": True, "template": "t"},
    "wording.try": {"text": "Sisa 5", "size": 6, "parts": 1},
}


@pytest.mark.parametrize(("args", "call", "given"), CALLS)
def test_the_command_line(
    run: Any, fake_daemon: Any, args: list[str], call: str, given: dict[str, Any]
) -> None:
    fake_daemon.answers |= ANSWERS
    result = run("wording", *args)
    assert result.exit_code == 0, result.output
    assert fake_daemon.args_of(call) == given
    assert call in ARGUMENTS


def test_only_what_was_changed_is_listed(run: Any, fake_daemon: Any) -> None:
    rows_ = [
        {"key": "a", "language": "id", "text": "x", "who": "me", "changed": True},
        {"key": "b", "language": "id", "text": "y", "who": "", "changed": False},
    ]
    fake_daemon.answers["wording.list"] = {"wordings": rows_}
    everything, changed = run("wording", "list"), run("wording", "list", "--changed")
    assert "b " in everything.output and "b " not in changed.output and "me" in changed.output
