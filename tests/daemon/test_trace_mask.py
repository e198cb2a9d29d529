"""Secrets in the lines of a trace, in every spelling; and bytes in whatever pieces."""

from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.redaction import Redactor
from pulsarack.daemon.secrets import Secret
from pulsarack.daemon.trace_mask import mask_line
from pulsarack.modems.at import gsm7
from pulsarack.modems.at.cusd import UssdEncoding, encode
from pulsarack.modems.simulator.pdu import deliver_pdus
from pulsarack.modems.trace_lines import LINE_OCTETS_MAX, TOO_LONG, TraceLines, Way
from pulsarack.modems.transport import Direction

PIN = "482913"
MASKED = Redactor([Secret(PIN), Secret("1201")]).text


def shown(line: str) -> str:
    return mask_line(line, MASKED)


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        (f'AT+CPIN="{PIN}"', "AT+CPIN=****"),
        ('AT+CPIN="77777777"', "AT+CPIN=****"),  # not registered anywhere
        ("AT+CPIN=9876", "AT+CPIN=****"),
        ('at+cpin = "9876"', "at+cpin = ****"),
        ('AT+CPWD="SC","1111","2222"', "AT+CPWD=****"),
        ('AT+CLCK="SC",1,"9876"', "AT+CLCK=****"),
        ("AT+CPIN?", "AT+CPIN?"),
        ("AT+CLCK=?", "AT+CLCK=?"),
        ("+CPIN: READY", "+CPIN: READY"),
        (f'AT+CUSD=1,"*776*{PIN}#",15', 'AT+CUSD=1,"*776*****#",15'),
        (f'AT+CUSD=1,"{PIN}",15', 'AT+CUSD=1,"****",15'),
        ('AT+CUSD=1,"1",15', 'AT+CUSD=1,"1",15'),
        ("+CSQ: 21,99", "+CSQ: 21,99"),
        ("+CCID: 8962100000000000010", "+CCID: 8962100000000000010"),
        ("^ICCID: 98260100000000000010", "^ICCID: 98260100000000000010"),
        ("351596030000018", "351596030000018"),
        ("0123456789ABCDEF" * 4, "<pdu ****>"),
    ],
)
def test_the_spellings_of_a_secret(line: str, masked: str) -> None:
    assert shown(line) == masked


@pytest.mark.parametrize("encoding", list(UssdEncoding))
@pytest.mark.parametrize("text", [f"*776*{PIN}#", f"*777*081200000012*5*{PIN}#", PIN, "1201"])
def test_no_encoding_of_a_request_shows_it(encoding: UssdEncoding, text: str) -> None:
    content = encode(text, encoding)
    line = f'AT+CUSD=1,"{content}",15'
    assert content not in shown(line)
    assert shown(line) == mask_line(shown(line), MASKED)


@pytest.mark.parametrize("text", ["*888#", "Sisa stok Anda Rp 500.000"])
def test_what_holds_no_secret_is_shown_as_it_is(text: str) -> None:
    for encoding in UssdEncoding:
        line = f'+CUSD: 0,"{encode(text, encoding)}",15'
        assert shown(line) == line


WHEN = datetime(2026, 11, 22, 14, 5)  # noqa: DTZ001 - a service centre's own time


def test_the_text_of_a_message_is_looked_into() -> None:
    (clean,) = deliver_pdus("777", "Stok Rp 500.000", WHEN, 1)
    (secret,) = deliver_pdus("6281200000012", f"S10.081200000012.{PIN}", WHEN, 2)
    assert shown(clean) == clean
    assert shown(secret) == "<pdu ****>"
    assert shown(f"> {secret}") == "> <pdu ****>"  # the echo of what was sent
    # Half a secret in each part is a secret.
    for part in deliver_pdus("777", f"{'x' * 150} {PIN} {'y' * 150}", WHEN, 3):
        assert shown(part) == "<pdu ****>"


@given(st.text('0123456789ABCDEFabcdef+CUSD:", *#=', max_size=120))
def test_no_line_is_too_strange(noise: str) -> None:
    for line in (noise, f"{noise} {PIN} {noise}", f'+CUSD: 0,"{noise}"', f"> {noise}"):
        assert f" {PIN} " not in shown(line)


def test_packed_in_seven_bits_it_is_found_at_any_length() -> None:
    for length in range(1, 30):
        packed = gsm7.pack_ussd(f"*{'1' * length}*{PIN}#").hex().upper()
        assert packed not in shown(f'AT+CUSD=1,"{packed}",15')


# --- lines ----------------------------------------------------------------------------------

SAID = (
    b"ATE0\r\r\nOK\r\n\r\n+CSQ: 21,0\r\n\r\nOK\r\n\r\n> \r\n+CMGS: 5\r\n\r\nOK\r\n"
    b'\r\n+CUSD: 1,"one\r\ntwo",15\r\n'
)
LINES = [
    (Way.RECEIVED_ON, "ATE0"),
    (Way.RECEIVED_ON, "OK"),
    (Way.RECEIVED, "+CSQ: 21,0"),
    (Way.RECEIVED, "OK"),
    (Way.PROMPT, ""),
    (Way.RECEIVED, "+CMGS: 5"),
    (Way.RECEIVED, "OK"),
    (Way.RECEIVED, '+CUSD: 1,"one'),
    (Way.RECEIVED_ON, 'two",15'),
]


@given(st.lists(st.integers(0, len(SAID)), max_size=8))
def test_lines_are_the_same_in_whatever_pieces(cuts: list[int]) -> None:
    lines, places = TraceLines(), sorted({0, len(SAID), *cuts})
    found = []
    for begin, end in pairwise(places):
        found += lines.feed(Direction.RECEIVED, SAID[begin:end])
    assert [(one.way, one.text) for one in found] == LINES


def test_what_is_sent() -> None:
    lines = TraceLines()
    found = lines.feed(Direction.SENT, b"\x1b\rAT\rAT+CMGS=20\r")
    found += lines.feed(Direction.SENT, b"0001000B91" + b"\x1a")
    found += lines.feed(Direction.SENT, b"AT+C")
    found += lines.feed(Direction.SENT, b"SQ\r")
    assert [one.text for one in found] == ["AT", "AT+CMGS=20", "<body>", "AT+CSQ"]


def test_what_never_ends_is_cut() -> None:
    lines = TraceLines()
    found = []
    for _ in range(100):
        found += lines.feed(Direction.RECEIVED, b"x" * 1000)
        found += lines.feed(Direction.SENT, b"y" * 1000)
    assert [(one.way, one.text) for one in found] == [
        (Way.RECEIVED_ON, TOO_LONG),
        (Way.SENT, TOO_LONG),
    ]
    assert len(lines._received) <= LINE_OCTETS_MAX + 1000
    assert len(lines._sent) <= LINE_OCTETS_MAX


@given(st.integers(1, LINE_OCTETS_MAX + 50), st.integers(1, 300))
def test_no_line_is_cut_in_the_middle_of_a_secret(before: int, size: int) -> None:
    for way, end in ((Direction.SENT, b"\r"), (Direction.RECEIVED, b"\r\n")):
        said = b"x" * before + b"98765432" + b"x" * 60 + end + b"AT" + end
        lines, found = TraceLines(), []
        for at in range(0, len(said), size):
            found += lines.feed(way, said[at : at + size])
        assert found[-1].text == "AT"
        for one in found:
            shown = one.text.replace("98765432", "")
            assert not any(digit in shown for digit in "98765432"), one.text[-80:]
