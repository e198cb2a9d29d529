"""The commands about admins: with canned answers, and as another user over a real socket."""

import asyncio
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pulsarack.daemon.admins.admins import Admins
from pulsarack.daemon.admins.gate import Gate
from pulsarack.daemon.admins.users import MachineUsers, overflow_uid
from pulsarack.daemon.calls.admin_calls import AdminCalls
from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.control import ControlServer
from pulsarack.daemon.control_protocol import CallError, Calls
from tests.daemon.identity_house import House

AT = 1_795_366_799_000  # 2026-11-22 23:59:59 in Jakarta
SITI = {"uid": 1001, "login": "siti", "role": "cashier", "since": AT, "set_by": "root (uid 0)",
        "holds": True, "login_now": "siti"}  # fmt: skip
GONE = SITI | {"login": "budi", "holds": False, "login_now": None}
ME = {"uid": 1001, "login": "siti", "role": "viewer", "why": "no role was given",
      "rights": ["see"], "may": ["order.list", "status"]}  # fmt: skip
ACT = {"id": 7, "at": AT, "uid": 1001, "login": "siti", "role": "cashier", "call": "credit.confirm",
       "subject": "5", "arguments": {"id": 5, "who": "x\x1b[31m", "because": "y" * 200},
       "outcome": "DONE", "code": "", "reason": "", "begun": None}  # fmt: skip
NOT_DONE = ACT | {"id": 8, "outcome": "REFUSED", "code": "SAME_ADMIN"}
CUT_OFF = ACT | {"id": 9, "outcome": "BEGUN", "arguments": {"rows": [1]}}
GIVEN = {"uid": 1001, "login": "siti", "role": "cashier", "before": "viewer", "group": "pulsarack",
         "let_in": False}  # fmt: skip
TAKEN = {"uid": 1001, "login": "siti", "role": None, "before": "cashier"}

COMMANDS: list[tuple[list[str], str, dict[str, Any], Any, list[str]]] = [
    (["list"], "admin.list", {}, {"admins": [SITI, GONE]},
     ["2026-11-22 23:59:59", "root (uid 0)", "the uid is nobody now: no role"]),
    (["list"], "admin.list", {}, {"admins": []}, ["nobody has a role"]),
    (["role", "siti", "cashier"], "admin.role", {"login": "siti", "role": "cashier"}, GIVEN,
     ["siti is cashier (was viewer)", "sudo adduser siti pulsarack"]),
    (["role", "siti", "none"], "admin.role", {"login": "siti", "role": "none"}, TAKEN,
     ["siti has no role any more (was cashier)"]),
    (["log", "--login", "siti", "--call", "credit.confirm", "--since", "2026-11-22",
      "--limit", "3"], "admin.log",
     {"login": "siti", "call": "credit.confirm", "since": "2026-11-22", "limit": 3},
     {"acts": [ACT, NOT_DONE, CUT_OFF]},
     ["because=yyy", "...", "refused: SAME_ADMIN", "begun, end unknown", "rows=[1]"]),
    (["log"], "admin.log", {}, {"acts": []}, ["nothing was done"]),
    (["whoami"], "admin.whoami", {}, ME,
     ["siti (uid 1001)", "viewer: no role was given", "order.list status"]),
]  # fmt: skip


@pytest.mark.parametrize(("args", "call", "given", "answer", "words"), COMMANDS)
def test_a_command_asks_and_shows(
    fake_daemon: Any,
    tmp_path: Path,
    args: list[str],
    call: str,
    given: Any,
    answer: Any,
    words: list[str],
) -> None:
    path = tmp_path / "pulsarack.toml"
    path.write_text('[daemon]\ntimezone = "Asia/Jakarta"\n')
    line = ["--config", str(path), "--socket", str(fake_daemon.path), "admin", *args]
    fake_daemon.answers[call] = answer
    result = CliRunner().invoke(root, line)
    assert result.exit_code == 0, result.output
    assert fake_daemon.args_of(call) == given
    assert all(word in result.output for word in words), result.output
    assert "\x1b" not in result.output
    assert json.loads(CliRunner().invoke(root, [*line, "--json"]).stdout) == answer


def test_a_role_that_there_is_not_is_a_wrong_command_line(fake_daemon: Any) -> None:
    result = CliRunner().invoke(
        root, ["--socket", str(fake_daemon.path), "admin", "role", "siti", "boss"]
    )
    assert result.exit_code == 2 and "technician" in result.output


def test_what_is_not_allowed_is_said_with_the_remedy(fake_daemon: Any) -> None:
    remedy = "a role that may (admin) is given by: sudo pulsarack admin role siti admin"
    fake_daemon.answers["admin.log"] = CallError("NOT_ALLOWED", "siti is viewer here", remedy)
    result = CliRunner().invoke(root, ["--socket", str(fake_daemon.path), "admin", "log"])
    assert result.exit_code == 1 and remedy in result.output


# --- over a real socket -------------------------------------------------------------------

STRANGER = 64_999


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every user of the machine may enter."""
    place = Path(tempfile.mkdtemp(prefix="pulsarack-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


async def ask(path: Path, uid: int) -> list[dict[str, Any]]:
    """Who that user is to us, and whether he may read the log.

    The kernel notes who connects in the moment he does (unix(7), SO_PEERCRED).
    """
    connection = socket.socket(socket.AF_UNIX)
    was = os.geteuid()
    os.seteuid(uid)
    try:
        connection.connect(str(path))
    finally:
        os.seteuid(was)
    connection.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    said = []
    for call in ("admin.whoami", "admin.log"):
        writer.write(json.dumps({"id": 1, "call": call}).encode() + b"\n")
        said.append(json.loads(await reader.readline()))
    writer.close()
    await writer.wait_closed()
    return said


async def test_the_kernel_says_who_calls(tmp_path: Path, open_place: Path) -> None:
    house = await House(tmp_path).open()
    known = Admins(house.context, house.pressure)
    calls = Calls(Gate(known, house.clock).before)
    nothing: Any = None
    office = Office(house.context, nothing, nothing, nothing, nothing, house.pressure)
    AdminCalls(office.counter(), known).register(calls)
    server = ControlServer(open_place / "control.sock", calls, house.clock, house.pressure)
    await server.start()
    try:
        path = open_place / "control.sock"
        path.chmod(0o666)
        mine, log = await ask(path, os.geteuid())
        assert (mine["result"]["uid"], mine["result"]["role"]) == (os.getuid(), "admin")
        assert log["result"] == {"acts": []}
        if os.geteuid() != 0:
            pytest.skip("only root can ask as somebody else")
        other, log = await ask(path, STRANGER)
        assert (other["result"]["login"], other["result"]["role"]) == ("uid 64999", "viewer")
        assert log["error"]["code"] == "NOT_ALLOWED"
        (act,) = (await ask(path, 0))[1]["result"]["acts"]
        assert (act["uid"], act["call"], act["outcome"]) == (STRANGER, "admin.log", "REFUSED")
    finally:
        await server.close()
        house.leave()


async def test_the_users_of_this_machine(tmp_path: Path) -> None:
    users = MachineUsers()
    assert await users.login_of(0) == "root" and await users.uid_of("root") == 0
    assert await users.login_of(STRANGER) is None and await users.uid_of("no such user") is None
    assert await users.login_of(2**40) is None and await users.uid_of("a\0b") is None
    entry = await users.entry("root", tmp_path)
    assert entry is not None and entry.let_in == (tmp_path.stat().st_gid == 0)
    assert await users.entry("root", tmp_path / "none") is None
    assert overflow_uid(tmp_path / "none") == 65_534
    (tmp_path / "uid").write_text("77\n")
    assert overflow_uid(tmp_path / "uid") == 77
