"""Answers with notices in between, cut anywhere: the machine makes the same of all of them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems.at.events import Event, Response, Unsolicited, question
from pulsarack.modems.at.machine import AtMachine
from pulsarack.modems.at.results import FinalKind

ANSWERS = {
    "AT+CREG?": ('+CREG: 2,1,"12AB","34CD"', "+CREG: 0,1"),
    "AT+COPS=?": ('+COPS: (1,"A","A","51001",0)', "+COPS: (0-4)"),
    "AT+CMGL=4": ("+CMGL: 1,1,,24", "0791261229064012040C"),
    "AT+CGMM": ("E1550", " MULTIBAND  900E  1800 "),
    "AT+CNUM": ('+CNUM: "","+62812000000012",145', '+CNUM: "","",145'),
}
NOTICES = (
    '+CMTI: "SM",3',
    "^RSSI:14",
    "RING",
    "+CGREG: 1",
    '+CUSD: 0,"Stok 5.000",15',
    '+CUSD: 2,"satu\n\ndua "tiga"",0',
    "+CMT: ,24\n0791261229064012040C",
    "+QIND: SMS DONE",
    "NO CARRIER",
)
FINALS = {
    "OK": FinalKind.OK,
    "ERROR": FinalKind.ERROR,
    "+CME ERROR: 30": FinalKind.CME,
    "+CMS ERROR: 500": FinalKind.CMS,
    "COMMAND NOT SUPPORT": FinalKind.ERROR,
}


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, list[str], list[str], str, bytes, list[int]]:
    """A command, its lines, the notices in between, its end, the bytes, and where they are cut."""
    command = draw(st.sampled_from(sorted(ANSWERS)))
    lines = draw(st.lists(st.sampled_from(ANSWERS[command]), max_size=4))
    notices = draw(st.lists(st.sampled_from(NOTICES), max_size=3))
    final = draw(st.sampled_from(sorted(FINALS)))
    mixed = [*lines]
    for notice in notices:
        mixed.insert(draw(st.integers(0, len(mixed))), notice)
    # One notice may overtake another; what counts is which are there.
    ends = draw(st.sampled_from(["\r\n", "\r\r\n", "\n"]))
    echo = draw(st.sampled_from([f"{command}\r{ends}", ""]))
    text = echo + "".join(f"{ends}{one}{ends}" for one in [*mixed, final])
    data = text.encode("latin-1")
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return command, lines, notices, final, data, cuts


def fed(command: str, data: bytes, cuts: list[int]) -> list[Event]:
    machine = AtMachine()
    machine.probe(1.0)
    machine.feed(b"OK\r\n", 0.0)
    machine.send(question(command), 900.0)
    edges = [0, *cuts, len(data)]
    events: list[Event] = []
    for start, end in pairwise(edges):
        events += machine.feed(data[start:end], 0.0)
    return events + machine.expire(100.0)


@given(streams())
def test_the_machine_parts_answers_from_notices(
    stream: tuple[str, list[str], list[str], str, bytes, list[int]],
) -> None:
    command, lines, notices, final, data, cuts = stream
    events = fed(command, data, cuts)
    [response] = [event for event in events if isinstance(event, Response)]
    assert response.lines == tuple(line.strip() for line in lines)
    assert response.final.kind is FINALS[final]
    heard = [event.line for event in events if isinstance(event, Unsolicited)]
    assert sorted(_flat(one) for one in heard) == sorted(_flat(one) for one in notices)
    assert events == fed(command, data, [])


def _flat(notice: str) -> str:
    """Without the line breaks of a USSD text, which the line ends of a stream multiply."""
    return "".join(notice.split("\n")) if notice.startswith("+CUSD") else notice
