"""Which lines a technician may type: read as a modem reads them, not as they look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems.at_rules import Danger, changes_settings, danger, fit_to_record, parts_of

HARMLESS = [
    "AT", "at", "ATI", "ATI3", "AT+CSQ", "at+csq", "AT+COPS?", "AT+COPS=?", "AT+CPIN?", "AT+CFUN?",
    "AT+CUSD?", "AT+CUSD=2", "AT+CUSD=0", "AT + CUSD = 2", "AT+CMGL=4", "AT+CMGR=1", "AT+CLCK=?",
    "AT+CREG?;+CSQ", "ATE0+CSQ", "ATE0;+CSQ", "AT&V", "AT&D0", "AT^SYSINFO", "AT^ICCID?",
    "AT+CRSM=176,12258,0,0,10", "AT+CSCS=\"GSM\"", "AT+CNETLIGHT=0", "ATS7?", "ATZ", "AT+CPMS?",
    "AT!GSTATUS?", "AT#QSS?", "AT+QENG=\"servingcell\"", "AT$QCSYSMODE?", "AT+CMGF=1",
]  # fmt: skip
REFUSED = [
    ("ATD*123#", Danger.MONEY), ("atd 112;", Danger.MONEY), ("ATE0D*123#", Danger.MONEY),
    ("AT&D0D1", Danger.MONEY), ("ATA", Danger.MONEY), ("ATS7=60D1", Danger.MONEY),
    ('AT+CUSD=1,"*777#",15', Danger.MONEY), ("AT+CUSD=1", Danger.MONEY),
    ('at+cusd = 1 , "1"', Danger.MONEY), ("AT+CUSD=01", Danger.MONEY), ("AT+CUSD", Danger.MONEY),
    ('AT+CSQ;+CUSD=1,"*1#"', Danger.MONEY), ('AT+CSQ;;+CUSD=1,"*1#"', Danger.MONEY),
    ('AT+CSCS="GSM";+CUSD=1,"*1#"', Danger.MONEY), ('ATE0+CUSD=1,"*1#"', Danger.MONEY),
    ("AT+CMSS=1", Danger.MONEY), ("AT+STGR=0,1,1", Danger.MONEY), ("AT^STGR=1", Danger.MONEY),
    ('AT+CSIM=14,"A0A40000027F20"', Danger.MONEY), ("AT+CCFC=0,3", Danger.MONEY),
    ('AT+CKPD="*123#",2', Danger.MONEY), ('AT+CGLA=1,10,"80C2000000"', Danger.MONEY),
    ('AT+CUSATT="810301"', Danger.MONEY),
    ('AT+CPIN="1234"', Danger.LOCK), ("AT+CPIN=1234", Danger.LOCK), ("AT + CPIN=1", Danger.LOCK),
    ('AT+CLCK="SC",1,"1234"', Danger.LOCK), ('AT+CPWD="SC","1","2"', Danger.LOCK),
    ("AT+CRSM=214,28480,1,4,14", Danger.LOCK), ('AT+EGMR=1,7,"350"', Danger.LOCK),
    ("AT+CMGD=1,4", Danger.LOSS), ('AT+CMGDA="DEL ALL"', Danger.LOSS), ("AT&W", Danger.LOSS),
    ('AT+CSCA="+62"', Danger.LOSS), ("AT+CFUN=1,1", Danger.AWAY), ("AT+COPS=2", Danger.AWAY),
    ("AT^RESET", Danger.AWAY), ("ATQ1", Danger.MUTE), ("ATV0", Danger.MUTE),
    ("AT+IPR=9600", Danger.MUTE), ('AT+CMGS="0812"', Danger.NEEDS_MORE),
    ("AT+CMGW=20", Danger.NEEDS_MORE), ("AT+CMUX=0", Danger.NEEDS_MORE),
    ('AT+CUSD=1;+CMGS=1', Danger.NEEDS_MORE), ("", Danger.UNREAD), ("hello", Danger.UNREAD),
    ("A/", Danger.UNREAD), ("+CSQ", Danger.UNREAD), ("AT\r+CUSD=1", Danger.UNREAD),
    ("AT+CSQ\x1a", Danger.UNREAD), ("AT+CSQ\u0130", Danger.UNREAD),
    ("AT+CSQ+CUSD=1", Danger.UNREAD), ("AT" + "E" * 300, Danger.UNREAD),
    ('AT+CSQ?+CUSD=1', Danger.UNREAD), ('AT+CSCS="GSM', Danger.UNREAD), ("AT1", Danger.UNREAD),
]  # fmt: skip


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_harmless(line: str) -> None:
    assert danger(line) is None


@pytest.mark.parametrize(("line", "why"), REFUSED)
def test_what_is_refused(line: str, why: Danger) -> None:
    assert danger(line) is why


DEADLY = ["D*1#", '+CUSD=1,"*1#"', "+CMSS=1", "+CPIN=1", "+CMGD=1", "+CFUN=1,1"]
QUIET = ["E0", "+CSQ;", "&D0", '+CSCS="G;S";', "S7=1", "^CURC=0;", ";", "I"]


@given(st.lists(st.sampled_from(QUIET), max_size=5), st.sampled_from(DEADLY), st.data())
def test_nothing_deadly_hides_behind_the_harmless(
    before: list[str], deadly: str, data: st.DataObject
) -> None:
    line = "AT" + "".join(before) + deadly
    spaced = "".join(
        char + (" " if char not in '"' and data.draw(st.booleans()) else "") for char in line[2:]
    )
    assert danger(line) is not None
    assert danger("AT" + spaced) is not None or '"' in line
    assert danger(line.lower()) is not None


@given(st.text(max_size=60))
def test_no_line_is_too_strange(text: str) -> None:
    danger(text)
    danger("AT" + text)
    changes_settings("AT" + text)


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("AT+CSQ", False), ("AT+COPS?", False), ("AT+CLCK=?", False), ("ATI", False),
        ("AT+CSCS=\"UCS2\"", True), ("ATZ", True), ("ATE1", True), ("AT+CSQ;+CMGF=1", True),
        ("nonsense", False),
    ],
)  # fmt: skip
def test_behind_which_lines_a_modem_is_set_up_anew(line: str, changes: bool) -> None:
    assert changes_settings(line) is changes


def test_blanks_in_quotes_are_kept() -> None:
    parts = parts_of('AT+X = "a b" , 1')
    assert parts is not None
    assert parts[0].value == '"a b",1'


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('AT+CPIN="1234"', "AT+CPIN="),
        ("at +cusd=1; + c pin = 1234", "AT+CUSD=;+CPIN="),
        ("AT+CUSD=1", "AT+CUSD=1"),
    ],
)
def test_what_locks_is_recorded_without_what_unlocks(line: str, shown: str) -> None:
    assert fit_to_record(line) == shown
