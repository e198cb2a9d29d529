"""The conformance run itself, on entries of our own: it counts, it lists, and it is not fooled."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.__main__ import Report, main, run, show
from tests.conformance.reviewed import Reviewed

NOTHING = Reviewed({}, {})
UCS2 = "Stok".encode("utf-16-be").hex().upper()


def reply(name: str, command: str | None, raw: str, **parsed: Any) -> dict[str, Any]:
    return {"id": name, "command": command, "raw": raw, "parsed": parsed}


REPLIES = [
    reply("one", "AT+CREG?", '\r\n+CREG: 2,1,"12AB","34CD"\r\n\r\nOK\r\n', type="creg", n=2, stat=1,
          lac=0x12AB, ci=0x34CD, act=None, solicited=True, state="HOME", final="OK"),
    reply("two", None, "\r\n+CREG: 5\r\n", type="creg", stat=5, solicited=False),
    reply("three", None, f'+CUSD: 0,"{UCS2}",15', type="cusd", m=0, text="Stok", dcs=15,
          encoding="ucs2-hex"),
    reply("four", None, "\r\n+XYZZY: 1,2\r\n", type="xyzzy", values=[1, 2]),
    reply("five", "AT+XYZZY?", "+XYZZY: (0-3)\r\nOK\r\n", type="xyzzy_list", first=0, last=3),
    reply("six", "any after ATV0", "4\r", type="final", final="ERROR", ok=False, numeric=4),
    reply("seven", "AT+CSCA?", '+CSCA: "+6281100000000",145', type="csca", number="+6281107777777",
          toa=145),
]  # fmt: skip
PDU = {
    "id": "pdu",
    "pdu": "000100038116F6000005C8329BFD06",
    "smsc_included": True,
    "direction": "submit",
    "encoding": "gsm7",
    "recipient": "616",
    "text": "Hello",
    "dcs": 0,
    "mr": 0,
}
SESSION = {
    "id": "talk",
    "steps": [
        {"tx": 'AT+CUSD=1,"*1#",15', "rx": ["OK", '+CUSD: 1,"Menu",15'], "m": 1, "text": "Menu",
         "dcs": 15},
        {"tx": 'AT+CUSD=1,"1",15', "rx": ["+CUSD: 4", "+CME ERROR: 3"], "m": 4, "text": None,
         "dcs": None},
        {"tx": "AT+CUSD=2", "rx": ["ERROR"], "m": None, "text": None, "dcs": None},
        {"tx": 'AT+CUSD=1,"*1#",15', "rx": ["OK"], "m": None, "text": None, "dcs": None},
    ],
}  # fmt: skip


def corpus(directory: Path, **files: list[dict[str, Any]]) -> Path:
    for name, rows in files.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (directory / f"{name}.jsonl").write_text(lines, "utf-8")
    return directory


def ran(directory: Path, reviewed: Reviewed = NOTHING, **files: list[dict[str, Any]]) -> Report:
    return run(corpus(directory, **files), reviewed)


def test_what_is_right_is_understood(tmp_path: Path) -> None:
    report = ran(tmp_path, at_replies=REPLIES, ussd_sessions=[SESSION])
    assert report.failed == []
    assert report.ok
    assert sum(count.understood for count in report.counts.values()) == len(REPLIES) + 1
    assert "at_replies.jsonl: 7 of 7 understood" in show(report)


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, {"stat": 2}),
        (0, {"ci": 1}),
        (0, {"final": "ERROR"}),
        (0, {"unheard_of": 1}),
        (1, {"solicited": True}),
        (2, {"text": "stok"}),
        (2, {"m": 1}),
        (3, {"values": [1, 3]}),
        (4, {"last": 4}),
        (5, {"ok": True}),
        # Seven digits at the end may be masked, those before may not.
        (6, {"number": "+6281117777777"}),
        (6, {"toa": 129}),
    ],
)
def test_what_is_wrong_fails(tmp_path: Path, number: int, change: dict[str, Any]) -> None:
    row = REPLIES[number]
    wrong = row | {"parsed": row["parsed"] | change}
    report = ran(tmp_path, at_replies=[wrong])
    assert not report.ok
    [failed] = report.failed
    assert failed.startswith(row["id"])


@pytest.mark.parametrize(
    ("step", "change"),
    [
        (0, {"text": "menu"}),
        (0, {"m": 0}),
        (0, {"dcs": 0}),
        (1, {"m": 0, "text": "done"}),
        (3, {"m": 0, "text": "done"}),
    ],
)
def test_a_wrong_dialogue_fails(tmp_path: Path, step: int, change: dict[str, Any]) -> None:
    steps = [*SESSION["steps"]]
    steps[step] = steps[step] | change
    assert not ran(tmp_path, ussd_sessions=[SESSION | {"steps": steps}]).ok


def test_what_nobody_can_read_is_listed(tmp_path: Path) -> None:
    shortened = {"tx": 'AT+CUSD=1,"*1#",15', "rx": ['+CUSD: 0,"0053...",72'], "m": 0, "text": "S"}
    nothing = {"tx": "ATD*1#", "rx": ["NO CARRIER"], "m": None, "text": None}
    talks = [{"id": str(n), "steps": [step]} for n, step in enumerate((shortened, nothing))]
    report = ran(tmp_path, ussd_sessions=talks)
    assert report.ok
    assert len(report.listed) == 2
    assert all("undecidable" in one for one in report.listed)


def test_pdus(tmp_path: Path) -> None:
    assert ran(tmp_path, pdus=[PDU]).ok
    assert not ran(tmp_path, pdus=[PDU | {"text": "Hallo"}]).ok
    assert not ran(tmp_path, pdus=[PDU | {"recipient": "617"}]).ok
    assert not ran(tmp_path, pdus=[PDU | {"pdu": "zz"}]).ok


def test_the_list_excuses_and_is_kept_true(tmp_path: Path) -> None:
    wrong = REPLIES[0] | {"parsed": REPLIES[0]["parsed"] | {"stat": 2}}
    reviewed = Reviewed({}, {"one": "wrong in the corpus: the state is another"})
    report = ran(tmp_path, reviewed, at_replies=[wrong, REPLIES[1]])
    assert report.ok
    assert report.listed == ["one (creg): wrong in the corpus: the state is another"]
    assert not ran(tmp_path, reviewed, at_replies=[REPLIES[0]]).ok
    of_kind = Reviewed({"creg": "out of scope: no reason"}, {})
    report = ran(tmp_path, of_kind, at_replies=[wrong, REPLIES[0]])
    assert report.ok
    assert len(report.listed) == 2


def test_the_list_of_the_repository_gives_reasons(tmp_path: Path) -> None:
    Reviewed.load()
    path = tmp_path / "list.toml"
    path.write_text('[entries]\none = "because"\n', "utf-8")
    with pytest.raises(ValueError, match="a reason begins with"):
        Reviewed.load(path)


def test_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def code(directory: Path) -> int:
        monkeypatch.setattr("sys.argv", ["conformance", str(directory)])
        return main()

    assert code(tmp_path / "absent") == 0
    assert "is left out" in capsys.readouterr().out
    assert code(corpus(tmp_path, at_replies=REPLIES)) == 0
    wrong = REPLIES[0] | {"parsed": REPLIES[0]["parsed"] | {"stat": 2}}
    assert code(corpus(tmp_path, at_replies=[wrong])) == 1
    assert "stat: read 1, recorded 2" in capsys.readouterr().out
