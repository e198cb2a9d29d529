"""Recorded replies and PDUs from elsewhere, given with ``--corpus DIR``.

``at_replies.jsonl`` and ``pdus.jsonl``: one JSON object a line, ``raw`` or ``pdu`` and
what it means. Collected only with the option.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulsarack.modems import identity, sms
from pulsarack.modems.at import cusd
from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.at.events import AtCommand, Event, Response, Unsolicited
from pulsarack.modems.at.machine import AtMachine
from pulsarack.modems.results import DeliveryReport

FINALS = ("OK", "ERROR", "+CME ERROR", "+CMS ERROR", "COMMAND NOT SUPPORT", "NO CARRIER")


def rows(config: pytest.Config, name: str) -> list[dict[str, Any]]:
    path = Path(config.getoption("--corpus")) / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def feed(machine: AtMachine, raw: str, bytewise: bool) -> list[Event]:
    data = (raw + "\r\n").encode("latin-1")
    pieces = [data[at : at + 1] for at in range(len(data))] if bytewise else [data]
    events = [event for piece in pieces for event in machine.feed(piece, 0.0)]
    return events + machine.expire(1000.0)


def in_flight(text: str) -> AtMachine:
    machine = AtMachine()
    machine.probe(1.0)
    machine.feed(b"OK\r\n", 0.0)
    machine.send(AtCommand(text), 900.0)
    return machine


def ussd_texts(parsed: dict[str, Any]) -> Iterator[tuple[int, str | None, int | None]]:
    for one in (parsed, *parsed.get("items", ()), parsed.get("urc_inside") or {}):
        if isinstance(one, dict) and one.get("type") == "cusd":
            yield one["m"], one["text"], one["dcs"]


def read(line: str) -> tuple[int, str | None, int | None]:
    one = cusd.parse(line)
    assert one is not None
    if one.content is None:
        return one.status, None, one.dcs
    return one.status, cusd.decode(one.content, one.dcs, UssdEncoding.PLAIN), one.dcs


@pytest.mark.parametrize("bytewise", [False, True])
def test_every_reply_is_taken(request: pytest.FixtureRequest, bytewise: bool) -> None:
    wrong: list[str] = []
    for row in rows(request.config, "at_replies.jsonl"):
        parsed = row["parsed"]
        machine = in_flight("ATD" if parsed.get("final") in FINALS[5:] else "AT+TEST")
        events = feed(machine, row["raw"], bytewise)
        notices = [event.line for event in events if isinstance(event, Unsolicited)]
        got = [read(line) for line in notices if line.startswith("+CUSD:")]
        if got != list(ussd_texts(parsed)):
            wrong.append(f"{row['id']}: {got}")
        ends = [event for event in events if isinstance(event, Response)]
        final = parsed.get("final")
        if parsed["type"] == "final" and final in FINALS and "numeric" not in parsed:
            code = parsed.get("code")
            if not ends or (code is not None and ends[0].final.code != code):
                wrong.append(f"{row['id']}: {ends}")
        if parsed["type"] == "iccid" and identity.parse_iccid((row["raw"],)) != parsed["iccid"]:
            wrong.append(f"{row['id']}: {row['raw']}")
    # One text in the corpus had its number masked after it was decoded.
    assert len(wrong) <= 1, wrong


def test_every_pdu_is_taken(request: pytest.FixtureRequest) -> None:
    wrong: list[str] = []
    for row in rows(request.config, "pdus.jsonl"):
        got = sms.decode(row["pdu"], 1)
        if row["direction"] == "deliver" and row["encoding"] in ("gsm7", "ucs2"):
            ok = isinstance(got, sms.Part) and got.text == (row["text"] or "")
        elif row["direction"] == "status-report":
            ok = isinstance(got, DeliveryReport) and got.reference == row["mr"]
        else:
            ok = True
        if not ok:
            wrong.append(f"{row['id']}: {row['text']!r}: {got}")
    assert not wrong
