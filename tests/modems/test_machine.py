"""The AT machine against exact bytes: whole, byte by byte, and with bytes behind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems.at.events import (
    AtCommand,
    Discarded,
    Event,
    Expired,
    PromptSeen,
    Response,
    Stray,
    Unsolicited,
)
from pulsarack.modems.at.machine import CTRL_Z, TABLE, AtMachine, Move, State
from pulsarack.modems.at.results import FinalKind, parse_final
from pulsarack.modems.errors import IllegalMove

NOW = 100.0


def idle() -> AtMachine:
    machine = AtMachine()
    machine.probe(NOW + 1)
    machine.feed(b"\r\nOK\r\n", NOW)
    assert machine.state is State.IDLE
    return machine


def whole(machine: AtMachine, data: bytes) -> list[Event]:
    return machine.feed(data, NOW)


def bytewise(machine: AtMachine, data: bytes) -> list[Event]:
    events: list[Event] = []
    for place in range(len(data)):
        events += machine.feed(data[place : place + 1], NOW)
    return events


def followed(machine: AtMachine, data: bytes) -> list[Event]:
    """The same bytes with the beginning of another line behind them."""
    return machine.feed(data + b"\r\n+CMT", NOW)


@pytest.mark.parametrize(
    ("said", "word", "ok"),
    [(b"0\r", "OK", True), (b"AT\r4\r", "ERROR", False), (b"2\r0\r", "OK", True)],
)
def test_a_probe_is_answered_in_numbers(said: bytes, word: str, ok: bool) -> None:
    for feed in (whole, bytewise):
        machine = AtMachine()
        machine.probe(NOW + 1)
        *before, response = feed(machine, said)
        assert isinstance(response, Response)
        assert (response.final.kind, response.final.said) == (FinalKind.NUMERIC, word)
        assert response.final.ok is ok
        assert before in ([], [Unsolicited("RING")])


def test_a_number_answers_a_command() -> None:
    machine = idle()
    machine.send(AtCommand("AT+CGMM"), NOW + 9)
    [response] = whole(machine, b"0\r\n\r\nOK\r\n")
    assert isinstance(response, Response)
    assert (response.lines, response.final.kind) == (("0",), FinalKind.OK)


def test_a_call_for_data_is_connected() -> None:
    final = parse_final("CONNECT 115200", dialling=True)
    assert final is not None and final.ok
    assert parse_final("CONNECT 115200") is None
    final = parse_final("NO CARRIER", dialling=True)
    assert final is not None and not final.ok


def test_a_broadcast_is_not_taken_for_an_answer() -> None:
    machine = idle()
    machine.send(AtCommand("AT+CMGL=4", expects=("+CMGL:",)), NOW + 9)
    said = b"+CMGL: 1,1,,24\r\n+CBM: 88\r\n00101122\r\n0791\r\nOK\r\n"
    broadcast, response = whole(machine, said)
    assert broadcast == Unsolicited("+CBM: 88\n00101122")
    assert isinstance(response, Response)
    assert response.lines == ("+CMGL: 1,1,,24", "0791")


def test_a_notice_between_a_header_and_its_pdu_is_no_pdu() -> None:
    events = whole(idle(), b'\r\n+CMT: ,24\r\n+CMTI: "SM",3\r\nRING\r\n0791\r\n')
    assert events == [
        Unsolicited('+CMTI: "SM",3'),
        Unsolicited("RING"),
        Unsolicited("+CMT: ,24\n0791"),
    ]


FEEDS = [whole, bytewise, followed]

# command, expected prefixes, bytes, lines, final kind, code, unsolicited
VECTORS = [
    ("ATE0", (), b"ATE0\r\r\nOK\r\n", (), FinalKind.OK, None, ()),
    ("AT+CMEE=1", (), b"\r\nOK\r\n", (), FinalKind.OK, None, ()),
    ("AT+CSQ", ("+CSQ:",), b"\n+CSQ: 31,0\nOK\n", ("+CSQ: 31,0",), FinalKind.OK, None, ()),
    ("AT+CGMI", (), b"AT+CGMI\r\r\nhuawei\r\n\r\nOK\r\n", ("huawei",), FinalKind.OK, None, ()),
    ("AT+X", (), b"\r\nCOMMAND NOT SUPPORT\r\n", (), FinalKind.ERROR, None, ()),
    ("AT+X", (), b"\r\n+CME ERROR: 30\r\n", (), FinalKind.CME, 30, ()),
    ("AT+X", (), b"\r\n+CME ERROR: SIM busy\r\n", (), FinalKind.CME, 14, ()),
    ("AT+X", (), b"\r\n+CME ERROR: \r\n", (), FinalKind.CME, None, ()),
    ("AT+X", (), b"\r\n+CME ERROR: 15790320\r\n", (), FinalKind.CME, 15790320, ()),
    ("AT+X", (), b"\r\n+CMS ERROR: 321\r\n", (), FinalKind.CMS, 321, ()),
    ("AT+X", (), b"CMS ERROR: 321 Invalid message index\r\n", (), FinalKind.CMS, 321, ()),
    ("AT+X", (), b"error: retry operation\r\n", (), FinalKind.CME, None, ()),
    ("ATD*100#", (), b"\r\nNO CARRIER\r\n", (), FinalKind.CALL, None, ()),
    ("AT+X", (), b"\r\nNO CARRIER\r\n\r\nOK\r\n", (), FinalKind.OK, None, ("NO CARRIER",)),
    (
        "AT+CNUM",
        ("+CNUM:",),
        b'AT+CNUM\r\r\n+CMTI: "SM",26\r\n\r\n^RSSI:99\r\n\r\n+CME ERROR: 25+CIEV: 1,2\r\n\r\n',
        (),
        FinalKind.CME,
        25,
        ('+CMTI: "SM",26', "^RSSI:99", "+CIEV: 1,2"),
    ),
    (
        "AT+CREG?",
        ("+CREG:",),
        b"\r\n+WIND: 4\r\n\r\n+CREG: 0,1\r\n\r\nRING\r\n\r\nOK\r\n",
        ("+CREG: 0,1",),
        FinalKind.OK,
        None,
        ("+WIND: 4", "RING"),
    ),
    (
        "AT+CUSD=1",
        (),
        b'\r\n+CUSD: 1,"Menu\r\n\r\n1. Isi\r\nOK deh",15\r\n\r\nOK\r\n',
        (),
        FinalKind.OK,
        None,
        ('+CUSD: 1,"Menu\n\n1. Isi\nOK deh",15',),
    ),
]


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize(("text", "expects", "data", "lines", "kind", "code", "notices"), VECTORS)
def test_vectors(feed, text, expects, data, lines, kind, code, notices) -> None:
    machine = idle()
    assert machine.send(AtCommand(text, expects), NOW + 5) == text.encode() + b"\r"
    events = feed(machine, data)
    [response] = [event for event in events if isinstance(event, Response)]
    assert response.lines == lines
    assert (response.final.kind, response.final.code) == (kind, code)
    assert tuple(e.line for e in events if isinstance(e, Unsolicited)) == notices
    assert machine.state is State.IDLE


@pytest.mark.parametrize("feed", [whole, bytewise])
@pytest.mark.parametrize(
    "prompt", [b"\r\n> ", b"> \r\n", b"\n>", b"\r> ", b"AT+CMGS=18\r\r\n> ", b"\r\n^MODE:3\r\n> "]
)
def test_prompt_forms_and_body(feed, prompt: bytes) -> None:
    machine = idle()
    machine.send(AtCommand("AT+CMGS=18", ("+CMGS:",), prompted=True), NOW + 5)
    events = feed(machine, prompt)
    assert any(isinstance(event, PromptSeen) for event in events)
    assert machine.deadline is None
    assert machine.send_body("0011AA", NOW + 40) == b"0011AA" + CTRL_Z
    [response] = feed(machine, b"\r\n> 0011AA\r\n> \r\n+CMGS: 183\r\n\r\nOK\r\n")
    assert isinstance(response, Response)
    assert response.with_prefix("+CMGS:") == ["183"]


@pytest.mark.parametrize("feed", FEEDS)
def test_a_line_can_be_the_final_result(feed) -> None:
    machine = idle()
    machine.send(AtCommand("AT+CPIN?", ("+CPIN:",), final_prefixes=("+CPIN:",)), NOW + 5)
    [response] = feed(machine, b"\r\n+CPIN: READY\r\n")
    assert isinstance(response, Response)
    assert response.final.ok
    assert response.with_prefix("+CPIN:") == ["READY"]


@pytest.mark.parametrize("feed", FEEDS)
def test_text_with_quotes_breaks_and_blank_lines(feed) -> None:
    text = b'+CUSD: 1,"Sisa Rp.1.\nTarif "Mega"\n\n2.Info\n",0            \n'
    [event] = feed(idle(), text)
    assert event == Unsolicited('+CUSD: 1,"Sisa Rp.1.\nTarif "Mega"\n\n2.Info\n",0')


def test_notice_inside_a_text_does_not_spoil_it() -> None:
    events = idle().feed(b'+CUSD: 1,"a\r\n+CMTI: "SM",1\r\nb",15\r\n', NOW)
    assert events == [Unsolicited('+CMTI: "SM",1'), Unsolicited('+CUSD: 1,"a\nb",15')]


def test_truncated_text_ends_at_its_deadline_or_the_awaited_final() -> None:
    machine = idle()
    assert machine.feed(b'+CUSD: 2,"Vash balans\n', NOW) == []
    assert machine.deadline == NOW + 2
    assert machine.expire(NOW + 2) == [Unsolicited('+CUSD: 2,"Vash balans')]
    machine.send(AtCommand("AT+CUSD=1"), NOW + 5)
    events = machine.feed(b'+CUSD: 2,"Vash\r\nOK\r\n', NOW)
    assert events[0] == Unsolicited('+CUSD: 2,"Vash')
    assert isinstance(events[1], Response)


def test_direct_message_keeps_its_pdu() -> None:
    assert idle().feed(b"\r\n+CMT: ,30\r\n0791AA\r\n", NOW) == [Unsolicited("+CMT: ,30\n0791AA")]


def test_deadline_loses_the_place_and_late_answers_are_strays() -> None:
    machine = idle()
    machine.send(AtCommand("AT+CSQ", ("+CSQ:",)), NOW + 5)
    assert machine.expire(NOW + 4) == []
    [event] = machine.expire(NOW + 5)
    assert isinstance(event, Expired)
    with pytest.raises(IllegalMove):
        machine.send(AtCommand("AT"), NOW)
    events = machine.feed(b"+CSQ: 3,0\r\nOK\r\n", NOW)
    assert all(isinstance(one, Stray) for one in events)
    machine.probe(NOW + 1)
    [response] = machine.feed(b"OK\r\n", NOW)
    assert isinstance(response, Response)
    assert machine.state is State.IDLE


def test_illegal_moves_change_nothing() -> None:
    for state in State:
        for move in Move:
            if (state, move) in TABLE:
                continue
            machine = AtMachine()
            machine.state = state
            with pytest.raises(IllegalMove):
                machine._apply(move)
            assert machine.state is state


def test_garbage_without_line_end_is_bounded_and_said_once() -> None:
    machine = idle()
    events: list[Event] = []
    for _ in range(100):
        events += machine.feed(b"x" * 1000, NOW)
        assert machine.buffered_octets <= 5000
    assert [type(event) for event in events] == [Discarded]
    machine.send(AtCommand("AT"), NOW + 1)
    [response] = machine.feed(b"tail of it\r\nOK\r\n", NOW)
    assert isinstance(response, Response)
    assert response.lines == ()


def test_endless_response_is_bounded() -> None:
    machine = idle()
    machine.send(AtCommand("AT+CMGL=4", ("+CMGL:",)), NOW + 1)
    events = machine.feed(b"+CMGL: 1,1,,20\r\n" * 100_000, NOW)
    assert [type(event) for event in events] == [Discarded]
    assert machine.buffered_octets < 300_000
    [response] = machine.feed(b"OK\r\n", NOW)
    assert isinstance(response, Response)
    assert response.truncated


def test_endless_ussd_text_is_bounded() -> None:
    machine = idle()
    events = machine.feed(b'+CUSD: 1,"' + b"line\r\n" * 20_000, NOW)
    assert isinstance(events[0], Unsolicited)
    assert machine.buffered_octets <= 4200


PIECES = st.sampled_from(
    [b"\r", b"\n", b"> ", b'"', b"OK\r\n", b"+CUSD: 1,", b"+CMT: ,1\r\n", b"ERROR", b"\x00", b"AT"]
)


@given(st.lists(st.one_of(st.binary(max_size=40), PIECES), max_size=60), st.booleans())
def test_no_bytes_ever_raise(pieces: list[bytes], prompted: bool) -> None:
    machine = idle()
    machine.send(AtCommand("AT+CMGS=1", prompted=prompted), NOW + 5)
    together = idle()
    together.send(AtCommand("AT+CMGS=1", prompted=prompted), NOW + 5)
    apart = [event for piece in pieces for event in machine.feed(piece, NOW)]
    apart += machine.expire(NOW + 50)
    joined = together.feed(b"".join(pieces), NOW) + together.expire(NOW + 50)
    assert apart == joined
    assert machine.buffered_octets <= 5000


def test_final_results_say_their_name() -> None:
    final = parse_final("+CME ERROR: 30")
    assert final is not None
    assert str(final) == "+CME ERROR: 30 (no network service)"
    assert str(parse_final("+CMS ERROR: 330")) == "+CMS ERROR: 330 (SMSC address unknown)"
    assert str(parse_final("ERROR")) == "ERROR"
    assert parse_final("UNKNOWN COMMAND") is None


def test_secret_commands_do_not_show() -> None:
    command = AtCommand('AT+CPIN="1234"', shown="AT+CPIN=****")
    assert "1234" not in repr(command)
    assert "1234" not in repr(Expired(command, ()))
