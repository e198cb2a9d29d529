"""Reading PDUs: against a writer of our own, against python-gammu, and cut short anywhere."""

from datetime import datetime

import gammu
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsarack.modems import tpdu
from pulsarack.modems.at import gsm7
from pulsarack.modems.national_languages import LOCKING_SHIFT, SINGLE_SHIFT
from pulsarack.modems.tpdu import Alphabet, Concatenation, DeliveryState, Kind
from tests.modems import pdu_writer
from tests.modems.pdu_writer import Body

WHEN = pdu_writer.stamp("261122140506", 28)
FROM = pdu_writer.address("168")

numbers = st.builds(
    lambda plus, digits: plus + digits,
    st.sampled_from(["", "+"]),
    st.text("0123456789", min_size=1, max_size=20),
)
dates = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001 - drawn so
quarters = st.integers(-79, 79)
septets = st.binary(max_size=160).map(lambda octets: bytes(one & 0x7F for one in octets))
elements = st.lists(
    st.tuples(st.integers(0x0A, 0x1F), st.binary(max_size=12)), min_size=0, max_size=3
).map(tuple)


def read(pdu: str) -> tpdu.Deliver:
    got = tpdu.read_pdu(pdu)
    assert isinstance(got, tpdu.Deliver), got
    return got


def spelt(quarters: int) -> str:
    return f"{'-' if quarters < 0 else '+'}{abs(quarters) // 4:02}:{abs(quarters) % 4 * 15:02}"


@given(
    numbers,
    st.none() | numbers.map(lambda one: one[:13]).filter(lambda one: one != "+"),
    st.integers(0, 255),
    st.integers(0, 255),
    dates,
    quarters,
    st.binary(max_size=100),
    elements,
)
@settings(max_examples=150, deadline=None)
def test_a_deliver_is_read_as_it_was_written(
    sender: str,
    centre: str | None,
    dcs: int,
    pid: int,
    date: object,
    zone: int,
    octets: bytes,
    header: tuple[tuple[int, bytes], ...],
) -> None:
    alphabet, compressed, message_class = pdu_writer.meaning_of(dcs)
    as_septets = alphabet == "gsm7" and not compressed
    units = bytes(one & 0x7F for one in octets) if as_septets else octets[: len(octets) & ~1]
    body = Body(units, as_septets, header)
    stamp = pdu_writer.stamp(f"{date:%y%m%d%H%M%S}", zone)
    pdu = pdu_writer.deliver(pdu_writer.address(sender), dcs, stamp, body, centre=centre, pid=pid)
    got = read(pdu)
    assert got.sender.text == sender and got.protocol_identifier == pid
    assert (got.service_centre and got.service_centre.text) == centre
    assert got.timestamp == f"{date:%Y-%m-%dT%H:%M:%S}{spelt(zone)}"
    data = got.user_data
    assert (data.coding.alphabet.value, data.coding.compressed) == (alphabet, compressed)
    assert data.coding.message_class == message_class
    assert data.data == units and data.fault == ""
    assert tuple((one.identifier, one.data) for one in data.header) == header
    assert (data.text is None) == (compressed or alphabet == "8bit")


def test_every_coding_scheme() -> None:
    for dcs in range(256):
        coding = tpdu.read_coding_scheme(dcs)
        found = coding.alphabet.value, coding.compressed, coding.message_class
        assert (coding.octet, found) == (dcs, pdu_writer.meaning_of(dcs))


# Where gammu knows the scheme as the standard has it: not the reserved groups, no compression.
GAMMU_KNOWS = [*range(0x0C), *range(0x10, 0x1C), 0xC0, 0xC8, 0xD0, 0xD8, 0xE0, 0xE8]
GAMMU_KNOWS += range(0xF0, 0xF8)


@given(
    st.sampled_from(GAMMU_KNOWS),
    st.text(st.characters(codec="utf-16-be", exclude_characters="\0\1~"), max_size=35)
    | st.text(st.sampled_from(gsm7.ALPHABET.replace("\x1b", "") + "€[]{}"), max_size=80),
    numbers,
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_gammu_reads_the_same(dcs: int, text: str, sender: str, long: bool) -> None:
    alphabet, _, message_class = pdu_writer.meaning_of(dcs)
    if alphabet == "gsm7":
        text = "".join(one for one in text if gsm7.is_encodable(one)) + "."
        units = bytes(gsm7.encode(text))
    else:
        units = text.encode("utf-16-be")
    header = ((0x08, bytes([1, 2, 3, 2])),) if long else ()
    body = Body(units, alphabet == "gsm7", header)
    pdu = pdu_writer.deliver(pdu_writer.address(sender), dcs, WHEN, body)
    got, theirs = read(pdu), gammu.DecodePDU(bytes.fromhex(pdu), True)
    assert theirs["Number"] == got.sender.text
    assert (theirs["Class"], theirs["DateTime"].isoformat()) == (
        -1 if message_class is None else message_class,
        got.timestamp,
    )
    if alphabet == "8bit":
        assert theirs["Text"] == got.user_data.data
    else:
        # Behind extension characters gammu shows foreign memory; a ~ in UCS2 it doubles.
        assert theirs["Text"].split("\0")[0] == got.user_data.text == text
    if long:
        assert got.user_data.concatenation == Concatenation(0x0102, 16, 3, 2)
        assert (theirs["UDH"]["ID16bit"], theirs["UDH"]["AllParts"]) == (0x0102, 3)


@given(numbers, st.integers(0, 255), st.integers(0, 255), septets, st.sampled_from(["", "A7"]))
@settings(deadline=None)
def test_a_submit_is_read_as_it_was_written(
    to: str, reference: int, flags: int, units: bytes, validity: str
) -> None:
    pdu = pdu_writer.submit(pdu_writer.address(to), 0, Body(units, True), reference, validity)
    first = int(pdu[2:4], 16) | flags & 0xA4  # reject duplicates, status report, reply path
    got = tpdu.read_pdu(f"00{first:02X}{pdu[4:]}", Kind.SUBMIT)
    assert isinstance(got, tpdu.Submit)
    assert (got.recipient.text, got.reference) == (to, reference)
    assert got.validity == (int(validity, 16) if validity else None)
    assert got.status_report_wanted == bool(flags & 0x20)
    assert got.user_data.data == units


def test_the_forms_of_validity() -> None:
    absolute = pdu_writer.submit(FROM, 0, Body(b"a", True), 0, pdu_writer.stamp("270101000000", 28))
    got = tpdu.read_pdu(absolute)
    assert isinstance(got, tpdu.Submit) and got.validity == "2027-01-01T00:00:00+07:00"
    enhanced = absolute[:2] + "09" + absolute[4:]
    got = tpdu.read_pdu(enhanced)
    assert isinstance(got, tpdu.Submit)
    assert got.validity == bytes.fromhex(pdu_writer.stamp("270101000000", 28))


# What stands behind TP-ST in the field: nothing, TP-PI alone, all three parameters, one that
# goes on in a second octet, and rubbish.
MORE = {
    "": (None, None),
    "00": (None, None),
    "0700000361F118": (0, "abc"),
    "03" + "3908": (0x39, None),
    "04" + "0361F118": (None, "abc"),
    "8700" + "00" + "08" + "020041": (0, "A"),
    "9FD6E494": (None, None),
    "07": (None, None),
    "FF" * 12: (None, None),
}


@given(
    numbers, st.integers(0, 255), dates, dates, st.integers(0, 255), st.sampled_from(sorted(MORE))
)
@settings(deadline=None)
def test_a_status_report_is_read_as_it_was_written(
    to: str, reference: int, sent: object, done: object, status: int, more: str
) -> None:
    first, second = (pdu_writer.stamp(f"{one:%y%m%d%H%M%S}", 28) for one in (sent, done))
    pdu = pdu_writer.status_report(pdu_writer.address(to), reference, first, second, status, more)
    got = tpdu.read_pdu(pdu, Kind.STATUS_REPORT)
    assert isinstance(got, tpdu.StatusReport)
    assert (got.recipient.text, got.reference, got.status) == (to, reference, status)
    assert got.discharged_at == f"{done:%Y-%m-%dT%H:%M:%S}+07:00"
    text = got.user_data.text if got.user_data else None
    assert (got.protocol_identifier, text) == MORE[more]


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ([0x00], DeliveryState.DELIVERED),
        ([0x01, 0x02], DeliveryState.FORWARDED),
        (range(0x20, 0x40), DeliveryState.TRYING),
        ([*range(0x03, 0x20), *range(0x40, 0x100)], DeliveryState.FAILED),
    ],
)
def test_only_one_status_means_delivered(statuses: list[int], state: DeliveryState) -> None:
    assert {tpdu.delivery_state(one) for one in statuses} == {state}


# --- alphabets ----------------------------------------------------------------------------


def test_a_long_name_and_one_that_counts_its_spare_bits() -> None:
    for said in ("M-KIOS", "TELKOMSEL", "Operator", "12345678901"):
        pdu = pdu_writer.deliver(pdu_writer.name(said.encode()), 0, WHEN, Body(b"a", True))
        assert read(pdu).sender.text == said
    seven = pdu_writer.name(b"Megafon")
    assert seven.startswith("0D")
    counted = "0E" + seven[2:]
    assert read(pdu_writer.deliver(counted, 0, WHEN, Body(b"a", True))).sender.text == "Megafon"


def test_a_number_may_hold_other_keys() -> None:
    pdu = pdu_writer.deliver(pdu_writer.address("*123#"), 0, WHEN, Body(b"a", True))
    assert read(pdu).sender.text == "*123#"


@given(st.sampled_from(sorted({*LOCKING_SHIFT, *SINGLE_SHIFT})), septets)
@settings(deadline=None)
def test_national_languages(language: int, units: bytes) -> None:
    header = ((0x25, bytes([language])), (0x24, bytes([language])))
    got = read(pdu_writer.deliver(FROM, 0, WHEN, Body(units[:145], True, header))).user_data
    assert got.language == (language, language) and got.data == units[:145]
    plain = [one for one in units[:145] if one != gsm7.ESCAPE]
    if len(plain) == len(units[:145]) and language in LOCKING_SHIFT:
        assert got.text == "".join(LOCKING_SHIFT[language][one] for one in plain)


@pytest.mark.parametrize(
    ("language", "units", "text"),
    [
        (1, b"\x0b\x07\x1b\x69", "Ğıı"),  # Turkish A.3.1, A.2.1
        (3, b"\x14\x1b\x19", "ÀΘ"),  # Portuguese A.3.3, A.2.3
        (4, b"\x00\x1b\x19\x2c", "\u0981\u09e6,"),  # Bengali
        (6, b"\x16\x5f\x37", "\u0916\u094d7"),  # Hindi
        (7, b"\x24", "\u0ca1"),  # Kannada
        (12, b"\x1b\x65", "€"),  # Telugu
        (13, b"\x00\x01\x5d\x5e", "\u0627\u0622\u0650\u064f"),  # Urdu
        (200, b"\x00A", "@A"),  # one that nobody knows: the default alphabet
    ],
)
def test_characters_of_national_languages(language: int, units: bytes, text: str) -> None:
    header = ((0x25, bytes([language])), (0x24, bytes([language])))
    got = read(pdu_writer.deliver(FROM, 0, WHEN, Body(units, True, header))).user_data
    assert got.text == text


def test_spanish_has_a_single_shift_only() -> None:
    header = ((0x25, b"\x02"), (0x24, b"\x02"))
    got = read(pdu_writer.deliver(FROM, 0, WHEN, Body(b"a\x1ba\x1bo", True, header))).user_data
    assert got.text == "aáó"


def test_every_table_is_whole() -> None:
    assert sorted(LOCKING_SHIFT) == [1, *range(3, 14)]
    assert sorted(SINGLE_SHIFT) == list(range(1, 14))
    for table in LOCKING_SHIFT.values():
        assert len(table) == 128 and table[0x0A] == "\n" and table[0x0D] == "\r"
        assert table[0x30:0x3A] == "0123456789" and table[0x61:0x7B].isascii()
    for extension in SINGLE_SHIFT.values():
        assert extension[0x65] == "€" and extension[0x0A] == "\f" and 0x1B not in extension


@pytest.mark.parametrize(
    ("elements", "place"),
    [
        (((0x00, b"\x07\x02\x01"),), Concatenation(7, 8, 2, 1)),
        (((0x08, b"\x01\x07\x02\x02"),), Concatenation(0x107, 16, 2, 2)),
        (((0x00, b"\x07\x02\x01"), (0x00, b"\x08\x03\x03")), Concatenation(8, 8, 3, 3)),
        (((0x00, b"\x07\x00\x00"),), None),
        (((0x00, b"\x07\x02\x03"),), None),
        (((0x00, b"\x07\x02"),), None),
        (((0x05, b"\x0b\x84\x00\x00"),), None),
    ],
)
def test_concatenation(
    elements: tuple[tuple[int, bytes], ...], place: Concatenation | None
) -> None:
    got = read(pdu_writer.deliver(FROM, 8, WHEN, Body(b"\0A", False, elements))).user_data
    assert (got.concatenation, got.text, got.fault) == (place, "A", "")


# --- what is wrong ------------------------------------------------------------------------

LONG = pdu_writer.deliver(FROM, 0, WHEN, Body(bytes(range(1, 27)) * 4, True))
WIDE = pdu_writer.deliver(FROM, 8, WHEN, Body("Saldo Rp1.000".encode("utf-16-be"), False))


@pytest.mark.parametrize("pdu", [LONG, WIDE])
def test_a_text_that_is_cut_short_says_so(pdu: str) -> None:
    whole = read(pdu).user_data
    assert whole.fault == "" and whole.text
    for octets in range(len(pdu) // 2):
        got = tpdu.read_pdu(pdu[: 2 * octets])
        if isinstance(got, tpdu.Deliver):
            assert got.user_data.fault
            assert got.user_data.text is not None and got.user_data.text != whole.text
        else:
            assert isinstance(got, tpdu.Unreadable)


def test_half_a_character_and_a_header_longer_than_its_text() -> None:
    odd = read(pdu_writer.deliver(FROM, 8, WHEN, Body(b"\0A\0", False))).user_data
    assert odd.fault == "half a character stands at its end"
    body = Body(b"\x7fABC", False)
    pdu = pdu_writer.deliver(FROM, 4, WHEN, body)
    got = read("0044" + pdu[4:]).user_data
    assert got.fault == "its header cannot be read" and got.data == b""
    got = read("0044" + pdu_writer.deliver(FROM, 4, WHEN, Body(b"\x03\x00\x09ABC", False))[4:])
    assert got.user_data.fault == "its header cannot be read" and got.user_data.header == ()


def test_stamps_that_are_no_dates() -> None:
    for stamp in ("00" * 7, "FF" * 7, "62312241506082", "6211224150608A"[:12] + "AA"):
        assert read(pdu_writer.deliver(FROM, 0, stamp, Body(b"a", True))).timestamp is None
    zone = read(pdu_writer.deliver(FROM, 0, "62112241506008"[:14], Body(b"a", True)))
    assert zone.timestamp == "2026-11-22T14:05:06-00:00"


@pytest.mark.parametrize(
    ("pdu", "reason"),
    [
        ("", "hex"),
        ("0", "hex"),
        ("zz", "hex"),
        ("00 04", "hex"),
        ("٠٠", "hex"),
        ("00", "ends within its type"),
        ("07911234", "ends within the service centre"),
        ("0004038161", "ends within the sender"),
        ("00" * 177, "longer than 176 octets"),
        ("0001000381" + "61F8" + "00000141", "a submit, not a deliver"),
    ],
)
def test_what_is_no_pdu(pdu: str, reason: str) -> None:
    got = tpdu.read_pdu(pdu, Kind.DELIVER)
    assert isinstance(got, tpdu.Unreadable) and reason in got.reason


@given(st.binary(max_size=200), st.sampled_from([None, *Kind]), st.booleans())
@settings(deadline=None)
def test_nothing_raises(octets: bytes, kind: Kind | None, included: bool) -> None:
    got = tpdu.read_pdu(octets.hex(), kind, smsc_included=included)
    if isinstance(got, tpdu.Deliver) and got.user_data.text:
        got.user_data.text.encode("utf-8")
        assert got.user_data.coding.alphabet is not Alphabet.EIGHT_BIT


def test_without_a_service_centre_in_front() -> None:
    got = tpdu.read_pdu(LONG[2:], smsc_included=False)
    assert got == tpdu.read_pdu(LONG)
