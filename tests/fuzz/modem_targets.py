"""What comes from a modem: bytes on the port, +CUSD lines, PDUs, and a modem as a whole."""

import contextlib
from collections.abc import Callable, Sequence
from functools import cache

from pulsarack.modems import identity, sms
from pulsarack.modems.at import (
    abilities,
    cusd,
    gsm7,
    hex_text,
    message_lines,
    numbers,
    operators,
    parameters,
    registration,
    service,
    signal,
    sim_state,
    stores,
)
from pulsarack.modems.at.machine import RESPONSE_OCTETS_MAX
from pulsarack.modems.at.results import parse_final
from pulsarack.modems.at.ussd_request import UssdRequest
from pulsarack.modems.results import UssdAnswer
from tests.fuzz import at_streams, hostile_modem, seeds
from tests.fuzz.target import Target, is_printable

LINES_MAX = 64
_READER_LINES = (
    '+CREG: 2,1,"12AB","0034CDEF",2',
    "+CEREG: 1, 1F00, 20 ,79D903 ,7",
    '+COPS: (2,"NET","N","51010",2),(1,"B",,"51001"),7),,(0-4),(0-2)',
    '+COPS: 0,0,"004E00450054",7',
    "+CESQ: 99,99,255,255,20,80",
    '^HCSQ: "LTE",30,19,66,0',
    '^SYSINFOEX:2,3,0,1,,5,"WCDMA",4,"HSDPA"',
    '+ZDONR: "NET",510,10,"CS_PS","ROAM_OFF"',
    '+CPIN: "SIM PIN"',
    '+CSIM: 8,"000063C2"',
    '+CPMS: (("SM","BM","SR"),("SM"))',
    '+CPMS: "SM",3,30,"ME",0,50',
    '+CMGL: 3,1,"Mum",24\n0791',
    '+CMTI: "SM",-1',
    '+CNUM: "",+62812000000012",145\n+CNUM: ,"",145',
    "+CSCA: 002B00360032,145",
    "+CNMI: (0-2),(0,1,3),(0,2),(0),(0,1)",
    '+CSCS: ("GSM","UCS2")',
    "Manufacturer: huawei\nModel: E160\n+GCAP: +CGSM,+DS",
)
READER_WORDS = (b'"', b"(", b")", b",", b"-", b" ", b"+CREG: ", b"+COPS: ", b"0041", b"99")
AT_WORDS = (
    b"\r\nOK\r\n",
    b"\r\nERROR\r\n",
    b"\r\n> ",
    b"+CME ERROR: 25",
    b"+CMS ERROR: 500",
    b"+CUSD: 1,",
    b'",15\r\n',
    b'\r\n+CMTI: "SM",3\r\n',
    b"\r\n+CMT: ,24\r\n",
    b"+CMGL: 1,1,,24\r\n",
    b"+CREG: 0,1",
    b"\r\nRING\r\n",
    b"^RSSI:14\r\n",
    b"NO CARRIER\r\n",
    b"AT+CREG?\r",
    b"OK+CNUM",
)
# More than a USSD string can bring: a result of several lines holds half as many in hex.
OCTETS_MAX = 8 * 1024

_DELIVER = "06917228195339040B917228214365F700003130805120618005D4F29C2E03"
_REPORT = "0006D60B911326880736F4111011719551401110117195714000"
_PART = "0006400B917228214365F700003130805120618009050003CC020141E170"
_UCS2 = "0004048166660008313080512061800400530061"
_NAMED = "0004" + "0BD0C7F7FBCC2E03" + "0000" + "31308051206180" + "0141"
_SUBMIT = "0011000381616F8000000B09C2E0310982E16232"


def _machine(data: bytes) -> None:
    at_streams.events_of(data, (data[1:],))


def _machine_seeds() -> list[bytes]:
    states = range(len(at_streams.BEGINNINGS))
    return [bytes([state]) + said for state in states for said in seeds.answers()[::4]]


def _lines(data: bytes) -> None:
    """Everything that reads lines of a response, on one line and on many."""
    text = data[:RESPONSE_OCTETS_MAX].decode("latin-1")
    lines = tuple(text.split("\n"))
    final = parse_final(text)
    if final is not None:
        assert str(final)
    imei, iccid = identity.parse_imei(lines), identity.parse_iccid(lines)
    assert imei == "" or (imei.isascii() and len(imei) == 15)
    assert iccid is None or (iccid.isascii() and iccid.isalnum())
    imsi = identity.parse_imsi(lines)
    assert imsi is None or (imsi.isascii() and imsi.isdecimal())
    identity.parse_name(lines)
    sms.join(one for one in sms.read_list(lines) if isinstance(one, sms.Part))


def _readers(data: bytes) -> None:
    """Every reader of a kind of line, on one line and on many: bounded, and never an error."""
    text = data[:RESPONSE_OCTETS_MAX].decode("latin-1")
    lines = tuple(text.split("\n"))
    for line in lines[:LINES_MAX]:
        for read in _LINE_READERS:
            with contextlib.suppress(sim_state.CardBlocked):
                assert is_printable(repr(read(line)))
    assert len(operators.parse_scan(lines)) <= operators.NETWORKS_MAX
    assert len(message_lines.parse_listed(lines)) <= len(lines)
    for number in numbers.parse_own_numbers(lines):
        assert number.isascii()
    abilities.parse_commands(lines)
    assert len(identity.parse_labels(lines)) <= identity.LABELS_MAX
    assert len(identity.parse_revision(lines)) <= identity.NAME_CHARACTERS_MAX


_LINE_READERS: Sequence[Callable[[str], object]] = (
    lambda line: [(v.number, v.hexadecimal, v.spans, v.words) for v in parameters.parse(line)],
    hex_text.unfold,
    registration.parse_report,
    operators.parse_selection,
    signal.parse_quality,
    signal.parse_extended,
    signal.parse_huawei,
    service.parse_system,
    service.parse_network,
    service.parse_radio,
    sim_state.parse_pin_state,
    sim_state.is_card_out,
    sim_state.parse_card,
    sim_state.parse_tries,
    stores.parse_stores,
    stores.parse_choices,
    message_lines.parse_header,
    message_lines.parse_place,
    message_lines.parse_reference,
    numbers.parse_centre,
    abilities.parse_indications,
    abilities.parse_function,
    abilities.parse_charsets,
)


def _reader_seeds() -> list[bytes]:
    return [line.encode() for line in _READER_LINES]


def _cusd(data: bytes) -> None:
    line = data.decode("latin-1")
    read = cusd.parse(line)
    for hint in cusd.UssdEncoding:
        request = UssdRequest(10.0, hint)
        request.arrived(line, 0.0)
        request.expire(10.0)
        assert request.result is not None
        if isinstance(request.result, UssdAnswer):
            assert is_printable(request.result.text)
        if read is not None and read.content is not None:
            # One character a byte at most, and one more for each line end.
            assert len(cusd.decode(read.content, read.dcs, hint)) <= 2 * len(line)


def _gsm7(data: bytes) -> None:
    """Packing and unpacking are each other's undoing, whatever the septets are."""
    data = data[:OCTETS_MAX]
    text = gsm7.unpack_ussd(data)
    assert is_printable(text)
    assert len(gsm7.unpack(data)) == len(data) * 8 // 7
    septets = [octet & 0x7F for octet in data]
    assert gsm7.unpack(gsm7.pack(septets), len(septets)) == septets


@cache
def _strangers() -> tuple[str, ...]:
    """Messages read in between: nothing of them may show in another."""
    return (
        "0004048166660000313080512061800A" + "E8329BFD4697D9EC37",
        "000404816666000831308051206180" + "8C" + "017E" * 70,
    )


def _pdu(data: bytes) -> None:
    """The octets of a PDU, as a hostile service centre would send them."""
    _decode_alike(data.hex())


def _pdu_text(data: bytes) -> None:
    """The PDU as the modem prints it, damaged on the way."""
    _decode_alike(data.decode("latin-1"))


def _decode_alike(pdu: str) -> None:
    first = sms.decode(pdu, 1)
    for stranger in _strangers():
        sms.decode(stranger, None)
        assert sms.decode(pdu, 1) == first, "a message depends on the one before it"
    if isinstance(first, sms.Part):
        assert 1 <= first.number <= first.total
        [message] = sms.join([first])
        assert is_printable(message.text + message.sender + message.sent_at_text)
        assert "\x00" not in message.text + message.sender
        assert len(message.text) <= 160 * 2


def _pdu_seeds() -> list[bytes]:
    return [bytes.fromhex(pdu) for pdu in (_DELIVER, _REPORT, _PART, _UCS2, _NAMED)]


def _whole_modem(data: bytes) -> None:
    hostile_modem.play(data)


TARGETS: Sequence[Target] = (
    Target("at-machine", _machine, _machine_seeds, words=AT_WORDS),
    Target("at-lines", _lines, seeds.answers, words=AT_WORDS),
    Target("at-readers", _readers, _reader_seeds, words=READER_WORDS),
    Target("cusd", _cusd, lambda: [line.encode() for line in seeds.cusd_lines()], words=AT_WORDS),
    Target("gsm7", _gsm7, lambda: [bytes.fromhex("D3B29B0C0AC3DD"), b"\x1b\x65" * 8]),
    Target("pdu", _pdu, _pdu_seeds),
    Target("pdu-text", _pdu_text, lambda: [one.hex().encode() for one in _pdu_seeds()]),
    Target("modem", _whole_modem, hostile_modem.recorded_lives, words=(*AT_WORDS, b"\x00")),
)
