"""The technician's commands against canned answers: what is asked, shown, saved and refused."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon.cli import racks
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.control_protocol import CallError
from tests.trace_player import Recording

AT = 1_795_366_799_000  # 2026-11-22 23:59:59 in Jakarta
SLOT = {
    "slot": "left-3",
    "path": "usb-0000:00:14.0-2.1",
    "state": "ready",
    "chip": "8962100000000000012",
    "name": "tsel [bold]1",
    "operator": "telkomsel",
    "network": "TELKOMSEL",
    "signal": 21,
    "stock": 490000,
    "doing": "idle",
    "last_fault": "no answer to AT\x1b[31m",
    "last_fault_at": AT,
    "remedies": "retry 1, usb 2",
    "do": None,
}


@pytest.fixture
def run(fake_daemon: Any, tmp_path: Path) -> Any:
    config = tmp_path / "pulsarack.toml"
    config.write_text('[daemon]\nsocket = "control.sock"\ntimezone = "Asia/Jakarta"\n')

    def run(*args: str) -> Result:
        result = CliRunner().invoke(root, ["--config", str(config), *args], prog_name="pulsarack")
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


def test_the_rack_is_a_table_or_json(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["rack.show"] = {"slots": [SLOT], "now": AT}
    shown = run("rack")
    assert shown.exit_code == 0
    for word in (
        "left-3",
        "TELKOMSEL",
        "tsel [bold]1",
        "490.000",
        "retry 1, usb 2",
        "2026-11-22 23:59:59",
    ):
        assert word in shown.stdout
    assert "\x1b" not in shown.stdout
    assert json.loads(run("rack", "--json").stdout) == {"slots": [SLOT], "now": AT}


def test_an_empty_rack_says_where_to_look(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["rack.show"] = {"slots": []}
    assert "is a port named in the configuration" in run("rack").stdout


def test_the_rack_is_watched(run: Any, fake_daemon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(racks, "LOOK_SECONDS", 0.0)
    looks: list[Any] = [{"slots": [SLOT]}, {"slots": []}]

    def look(_: Any) -> Any:
        if not looks:
            raise CallError("STOPPING", "the daemon is stopping", "")
        return looks.pop(0)

    fake_daemon.answers["rack.show"] = look
    watched = run("rack", "--watch", "--json")
    assert [json.loads(line)["slots"] for line in watched.stdout.splitlines()] == [[SLOT], []]
    assert watched.stderr == "pulsarack: the daemon is stopping\n"


CALLS: list[tuple[list[str], str, dict[str, Any], str]] = [
    (["slot", "name", "modem0", "left-3"], "slot.name", {"slot": "modem0", "name": "left-3"},
     "slot modem0 is called left-3"),
    (["modem", "at", "left-3", "AT+CSQ", "--who", "ani"], "modem.at",
     {"slot": "left-3", "command": "AT+CSQ", "force": False, "because": "", "who": "ani"},
     "+CSQ: 21,99\nOK"),
    (["modem", "at", "left-3", "AT+CFUN=1", "--force", "--because", "x", "--who", "ani",
      "--seconds", "30"], "modem.at",
     {"slot": "left-3", "command": "AT+CFUN=1", "force": True, "because": "x", "who": "ani",
      "seconds": 30.0}, "OK"),
    (["modem", "reset", "left-3", "--how", "usb", "--who", "ani"], "modem.reset",
     {"slot": "left-3", "how": "usb", "who": "ani", "because": ""}, "slot left-3: usb done"),
    (["modem", "find", "left-3"], "modem.find", {"slot": "left-3"}, "has blinked"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "call", "given", "words"), CALLS)
def test_options_become_arguments(
    run: Any, fake_daemon: Any, args: list[str], call: str, given: dict[str, Any], words: str
) -> None:
    fake_daemon.answers["modem.at"] = {
        "lines": ["+CSQ: 21,99"], "final": "OK", "ok": True, "note": "it was set up anew",
    }  # fmt: skip
    fake_daemon.answers["modem.reset"] = {"slot": "left-3", "how": "usb", "outcome": "done"}
    result = run(*args)
    assert result.exit_code == 0, result.output
    assert fake_daemon.args_of(call) == given
    assert words in result.stdout


def test_what_was_forced_is_listed(run: Any, fake_daemon: Any) -> None:
    act = {"at": AT, "slot": "left-3", "act": "at AT+CFUN=1", "who": "ani (uid 0)", "because": "x"}
    fake_daemon.answers["modem.acts"] = {"acts": [act]}
    shown = run("modem", "acts", "--limit", "5").stdout
    assert "ani (uid 0)" in shown
    assert "2026-11-22 23:59:59" in shown
    assert fake_daemon.args_of("modem.acts") == {"limit": 5}


def test_an_error_of_the_modem_is_a_status(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["modem.at"] = {"lines": [], "final": "+CME ERROR: 10", "ok": False}
    result = run("modem", "at", "left-3", "AT+CIMI")
    assert result.exit_code == 1
    assert result.stdout == "+CME ERROR: 10\n"


def test_a_refusal_is_one_line(run: Any, fake_daemon: Any) -> None:
    fake_daemon.answers["modem.reset"] = CallError("NOT_RESET", "order 7 is past it; wait")
    result = run("modem", "reset", "left-3")
    assert result.exit_code == 1
    assert result.stderr == "pulsarack: order 7 is past it; wait\n"
    assert run("modem", "reset", "left-3", "--how", "hammer").exit_code == 2


# --- trace ----------------------------------------------------------------------------------

HEARD = [
    {"at": AT, "way": "#", "text": "slot left-3"},
    {"at": AT, "way": "<", "text": "^RSSI: 14"},
    {"at": AT + 10, "way": ">", "text": "AT+CSQ"},
    {"at": AT + 20, "way": "<", "text": "+CSQ: 21,99"},
    {"at": AT + 21, "way": "<", "text": "OK"},
    {"at": AT + 900, "way": ">", "text": 'AT+CUSD=1,"*776*****#",15'},
    {"at": AT + 3400, "way": "<", "text": '+CUSD: 0,"Sisa (1) \x1b[2J",15'},
    {"at": AT + 3400, "way": "lost", "text": "", "count": 12},
    {"at": AT + 3500, "way": ">", "text": "AT+CMGS=20"},
    {"at": AT + 3600, "way": "<>", "text": ""},
    {"at": AT + 3610, "way": ">", "text": "<body>"},
    {"at": AT + 4610, "way": "<", "text": "+CMGS: 5"},
]


async def stream(_: Any) -> AsyncGenerator[Any, None]:
    for line in HEARD:
        yield line
    raise CallError("STOPPING", "the daemon is stopping", "try again")


def test_a_trace_is_shown_and_saved(run: Any, fake_daemon: Any, tmp_path: Path) -> None:
    fake_daemon.answers["modem.trace"] = stream
    file = tmp_path / "left.trace"
    shown = run("modem", "trace", "left-3", "--out", str(file))
    assert shown.stderr.startswith("pulsarack: the daemon is stopping")
    assert "23:59:59 >  AT+CSQ\n" in shown.stdout
    assert "# 12 lines were lost" in shown.stdout
    assert "\x1b" not in shown.stdout
    saved = Recording(file)
    assert saved.feed(b"AT+CSQ\r") == [(0.0, b"\r\n+CSQ: 21,99\r\n"), (0.0, b"\r\nOK\r\n")]
    # Any PIN does; the pause is kept; nothing in the text can end a line of the file.
    assert saved.feed(b'AT+CUSD=1,"*776*4711#",15\r') == [
        (2.5, b'\r\n+CUSD: 0,"Sisa (1) ?[2J",15\r\n')
    ]
    assert saved.feed(b"AT+CMGS=20\r") == [(0.1, b"\r\n> ")]
    assert saved.feed(b"0001\x1a") == [(1.0, b"\r\n+CMGS: 5\r\n")]
    assert saved.unknown == []


def test_a_trace_never_writes_over_a_file(run: Any, fake_daemon: Any, tmp_path: Path) -> None:
    fake_daemon.answers["modem.trace"] = stream
    file = tmp_path / "left.trace"
    file.write_text("mine")
    result = run("modem", "trace", "left-3", "--out", str(file))
    assert result.exit_code == 1
    assert "File exists; name a file that is not there yet" in result.stderr
    assert file.read_text() == "mine"
    result = run("modem", "trace", "left-3", "--out", str(tmp_path / "no" / "x"))
    assert "No such file or directory" in result.stderr


# --- probe ----------------------------------------------------------------------------------


def test_a_probe_needs_no_daemon(tmp_path: Path) -> None:
    socket = str(tmp_path / "none.sock")
    result = CliRunner().invoke(root, ["--socket", socket, "modem", "probe", "/dev/null"])
    assert result.exit_code == 1
    assert "! /dev/null: not a serial port; correct the configured path" in result.stdout
    missing = str(tmp_path / "ttyUSB0")
    result = CliRunner().invoke(root, ["--socket", socket, "modem", "probe", missing, "--json"])
    (problem,) = json.loads(result.stdout)["problems"]
    assert problem["what"] == f"{missing}: no such port"
    assert problem["remedy"].startswith("check the cable")


def test_a_port_of_the_daemon_is_named_with_its_slot(
    run: Any, fake_daemon: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pulsarack.modems import port
    from pulsarack.modems.errors import PortBusy

    link = tmp_path / "by-path"
    link.symlink_to("/dev/null")

    async def busy(path: str, baud: int) -> Any:
        raise PortBusy(path, "pulsarack (pid 42)")

    monkeypatch.setattr(port, "open_port", busy)
    fake_daemon.answers["modem.list"] = {"modems": [{"slot": "left-3", "port": str(link)}]}
    result = run("modem", "probe", "/dev/null")
    assert "stop it" not in result.stdout
    assert "! the daemon uses this port for slot left-3; see: pulsarack rack" in result.stdout
    fake_daemon.answers["modem.list"] = {"modems": []}
    assert "in use by pulsarack (pid 42)" in run("modem", "probe", "/dev/null").stdout
