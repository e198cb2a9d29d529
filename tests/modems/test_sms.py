"""SMS PDUs: exact bytes, gammu's bugs, hostile PDUs, joining."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsarack.modems import sms, tpdu
from pulsarack.modems.at import gsm7
from pulsarack.modems.results import DeliveryReport
from pulsarack.modems.sms import Part, Undecodable
from pulsarack.modems.tpdu import Concatenation, DeliveryState, Kind, Submit
from tests.modems import pdu_writer
from tests.modems.pdu_writer import Body

DELIVER = "06917228195339040B917228214365F700003130805120618005D4F29C2E03"
REPORT = "0006D60B911326880736F4111011719551401110117195714000"


def test_submit_is_exact() -> None:
    [pdu] = sms.encode_submit("168", "BAGI 0812")
    # service centre of the modem, SUBMIT with relative validity, 168, one hour, 9 septets
    assert pdu.hex == "00" + "1100" + "038161F8" + "0000" + "0B" + "09" + "C2E0310982E16232"
    assert pdu.length == 18


def test_submit_addresses() -> None:
    [international] = sms.encode_submit("6281200000012", "a")
    assert international.hex[6:24] == "0D91" + "261802000010F2"
    [national] = sms.encode_submit("081200000012", "a")
    assert national.hex[6:22] == "0C81" + "802100000021"


def test_submit_in_ucs2_and_in_parts() -> None:
    [pdu] = sms.encode_submit("168", "zażółć")
    assert pdu.hex.endswith("zażółć".encode("utf-16-be").hex().upper())
    assert len(sms.encode_submit("168", "x" * 160)) == 1
    assert len(sms.encode_submit("168", "x" * 161)) == 2


texts = st.text(st.characters(codec="utf-16-be", exclude_characters="\0"), max_size=400)
plain_texts = st.text(
    st.sampled_from(gsm7.ALPHABET.replace("\x1b", "") + "".join(gsm7.EXTENSION.values())),
    max_size=500,
)


@given(texts | plain_texts, st.integers(0, 255), st.booleans())
@settings(deadline=None)
def test_what_is_sent_says_what_it_should(text: str, reference: int, report: bool) -> None:
    pdus = sms.encode_submit("6281200000012", text, reference=reference, status_report=report)
    said = b""
    for number, pdu in enumerate(pdus, 1):
        assert len(pdu.hex) == 2 * pdu.length + 2 and pdu.length <= 164
        got = tpdu.read_pdu(pdu.hex, Kind.SUBMIT)
        assert isinstance(got, Submit) and got.user_data.fault == ""
        assert (got.service_centre, got.recipient.text) == (None, "+6281200000012")
        assert got.validity == 11 and got.status_report_wanted == report
        assert got.user_data.coding.message_class is None
        place = Concatenation(reference, 8, len(pdus), number) if len(pdus) > 1 else None
        assert got.user_data.concatenation == place
        # No character is parted, so each part can be shown by itself.
        said += (got.user_data.text or "").encode("utf-16-be")
        assert "\ufffd" not in (got.user_data.text or "") or "\ufffd" in text
    assert said.decode("utf-16-be") == text
    single = (len(gsm7.encode(text)) <= 160) if gsm7.is_encodable(text) else len(said) <= 140
    assert (len(pdus) == 1) == single


def test_a_text_that_is_too_long_is_refused() -> None:
    assert len(sms.encode_submit("168", "x" * 153 * 255)) == 255
    with pytest.raises(ValueError, match="256 messages"):
        sms.encode_submit("168", "x" * (153 * 255 + 1))


@pytest.mark.parametrize(
    ("hours", "validity"), [(1, 11), (12, 143), (13, 145), (24, 167), (25, 168), (720, 196)]
)
def test_how_long_it_is_valid(hours: int, validity: int) -> None:
    """23.040 9.2.3.12.1: 5 minutes each to 12 hours, then half hours to 24, then days."""
    (one,) = sms.encode_submit("6281200000012", "x", valid_hours=hours)
    got = tpdu.read_pdu(one.hex, Kind.SUBMIT)
    assert isinstance(got, Submit) and got.validity == validity


@pytest.mark.parametrize("to", ["", "+", "M-KIOS", "1" * 21, "08\r12", "٣"])
def test_nobody_to_send_to(to: str) -> None:
    with pytest.raises(ValueError, match="recipient"):
        sms.encode_submit(to, "a")


def test_deliver() -> None:
    part = sms.decode(DELIVER.lower(), 7)
    assert isinstance(part, Part)
    assert (part.index, part.sender, part.text, part.pdu) == (7, "27821234567", "Test2", DELIVER)
    assert (part.sent_at_text, part.number, part.total) == ("2013-03-08T15:02:16+02:00", 1, 1)


def test_status_report() -> None:
    at = "2011-01-11T17:59:17+01:00"
    state = DeliveryState.DELIVERED
    assert sms.decode(REPORT, 1) == DeliveryReport(1, 214, "31628870634", state, 0, at, REPORT)


def test_extension_characters_bring_no_foreign_memory() -> None:
    pdu = (
        "07912104442961F4040B916171957291F800001120821105050A6AC8B2BC7C9A83C220F6DB7D2ECB41EDF27C1E"
        "3E97411BDE06754FD3D1A0F9BB5D0695F1F4B29B5C2683C6E8B03C3CA697E5F34D6AE303D1D1F2F7DD0D4ABB59"
        "A0797D8C0685E7A00028EC26832A960B28EC2683BE6050780EBA97D96C17"
    )
    part = sms.decode(pdu, 1)
    assert isinstance(part, Part)
    assert part.text.endswith("§¿ as well.")
    assert "[{with some extended characters}]" in part.text


@pytest.mark.parametrize("pdu", ["", "0", "00", "zz", "07", "0791", "FF" * 100, "00" * 5000])
def test_hostile_pdus_are_values(pdu: str) -> None:
    assert isinstance(sms.decode(pdu, 3), Undecodable)


@given(st.binary(max_size=200))
def test_no_pdu_raises(octets: bytes) -> None:
    sms.decode(octets.hex(), 1)


@given(st.binary(max_size=60))
def test_no_damaged_deliver_raises(octets: bytes) -> None:
    sms.decode("0004038161F8" + octets.hex(), 1)


def test_reading_a_list() -> None:
    lines = ["+CMGL: 1,1,,24", DELIVER, "+CMGL: 12,0,,24", "nonsense", "+CMGL: x", DELIVER]
    one, two = sms.read_list(lines)
    assert isinstance(one, Part)
    assert one.index == 1
    assert isinstance(two, Undecodable)
    assert two.index == 12


def part(index: int, number: int, total: int = 2, reference: int = 5, sender: str = "168") -> Part:
    return Part(index, sender, f"<{number}>", "", reference, number, total, f"{index:04X}")


def test_parts_are_joined_in_their_order() -> None:
    [message] = sms.join([part(4, 2), part(1, 1)])
    assert (message.text, message.indices, message.complete) == ("<1><2>", (1, 4), True)
    [again] = sms.join([part(1, 1), part(4, 2)])
    assert message.fingerprint == again.fingerprint


def test_what_is_not_together_is_not_joined() -> None:
    messages = sms.join([part(1, 1), part(2, 2, reference=6), part(3, 2, sender="151")])
    assert [message.complete for message in messages] == [False, False, False]
    first, second = sms.join([part(1, 1), part(2, 1), part(3, 2)])
    assert (first.text, first.indices) == ("<1><2>", (1, 3))
    assert (second.text, second.complete) == ("<1>", False)


WHEN = pdu_writer.stamp("261122140506", 28)
LATER = pdu_writer.stamp("261122140507", 28)
FROM = pdu_writer.address("168")


def long_part(
    index: int,
    data: str | bytes,
    number: int,
    total: int = 2,
    *,
    reference: bytes = b"\x05",
    when: str = WHEN,
) -> Part:
    """A part as it comes from the network, UCS2."""
    units = data if isinstance(data, bytes) else data.encode("utf-16-be")
    iei = 0x00 if len(reference) == 1 else 0x08
    body = Body(units, False, ((iei, reference + bytes([total, number])),))
    read = sms.decode(pdu_writer.deliver(FROM, 8, when, body), index)
    assert isinstance(read, Part)
    return read


def test_a_surrogate_pair_may_be_parted_between_two_messages() -> None:
    octets = "a😀b".encode("utf-16-be")
    first, second = long_part(1, octets[:4], 1), long_part(2, octets[4:], 2)
    assert (first.text, second.text) == ("a\ufffd", "\ufffdb")
    [message] = sms.join([second, first])
    assert (message.text, message.complete, message.missing) == ("a😀b", True, "")


def test_an_escape_may_be_parted_from_what_it_escapes() -> None:
    parts = []
    for number, units in ((1, b"Rp\x1b"), (2, b"\x65!")):
        body = Body(units, True, ((0x00, bytes([9, 2, number])),))
        read = sms.decode(pdu_writer.deliver(FROM, 0, WHEN, body), number)
        assert isinstance(read, Part)
        parts.append(read)
    [message] = sms.join(parts)
    assert message.text == "Rp€!"


def test_what_is_missing_is_named_and_nothing_is_joined_over_the_gap() -> None:
    octets = "a😀b".encode("utf-16-be")
    parts = [long_part(1, octets[:4], 1, 4), long_part(2, octets[4:], 3, 4)]
    [message] = sms.join(parts)
    assert (message.text, message.complete) == ("a\ufffd\ufffdb", False)
    assert message.missing == "part 2, 4 of 4 did not come"


def test_references_of_8_and_16_bits_are_not_the_same() -> None:
    parts = [long_part(1, "a", 1), long_part(2, "b", 2, reference=b"\x00\x05")]
    assert [message.complete for message in sms.join(parts)] == [False, False]
    wide = [long_part(number, "ab"[number - 1], number, reference=b"\x01\x05") for number in (2, 1)]
    [message] = sms.join(wide)
    assert (message.text, message.complete) == ("ab", True)


def test_a_part_that_lies_there_twice_counts_once() -> None:
    parts = [long_part(1, "a", 1), long_part(2, "a", 1), long_part(3, "b", 2)]
    [message] = sms.join(parts)
    assert (message.text, message.complete, message.indices) == ("ab", True, (1, 2, 3))


def test_two_messages_under_one_reference_are_not_mixed() -> None:
    """Their parts cross; those of one second belong together, and nothing else is joined."""
    one = [long_part(1, "to 081200000012 ", 1), long_part(4, "done", 2)]
    other = [long_part(2, "to 081200000099 ", 1, when=LATER), long_part(3, "failed", 2, when=LATER)]
    for parts in ([one[0], *other, one[1]], [other[1], one[1], one[0], other[0]]):
        texts = {message.text for message in sms.join(parts) if message.complete}
        assert texts == {"to 081200000012 done", "to 081200000099 failed"}
    lone = sms.join([one[0], other[0], one[1]])
    assert sorted(message.text for message in lone if message.complete) == ["to 081200000012 done"]
    crossed = sms.join([other[0], long_part(5, "to 081200000077 ", 1, when=WHEN), other[1], one[1]])
    assert all("77" not in message.text or message.text.endswith("done") for message in crossed)


@given(st.permutations(range(6)), st.sets(st.integers(0, 5), max_size=3))
@settings(deadline=None)
def test_parts_come_in_any_order_doubled_or_not_at_all(order: list[int], lost: set[int]) -> None:
    octets = "Saldo 😀 Anda Rp1.000.000, terima kasih 😀".encode("utf-16-be")
    size = -(-len(octets) // 6 // 2) * 2 + 2
    parts = [long_part(at, octets[at * size : (at + 1) * size], at + 1, 6) for at in order]
    [message] = sms.join([*parts, *parts[:2]])
    assert message.complete and message.text.encode("utf-16-be") == octets
    there = [part for part in parts if part.number - 1 not in lost]
    [message] = sms.join(there)
    assert message.complete == (not lost)
    assert message.missing.startswith("part") == bool(lost)


@pytest.mark.parametrize(
    ("stamp", "joined"),
    [
        (pdu_writer.stamp("261122140516", 28), True),
        (pdu_writer.stamp("261122140517", 28), False),
        (pdu_writer.stamp("261122070506", 0), True),  # the same moment in another zone
        ("00" * 7, True),
    ],
)
def test_parts_stamped_far_apart_are_of_different_messages(stamp: str, joined: bool) -> None:
    """The second part of one and the first of a later one were lost."""
    parts = [long_part(1, "to 081200000012 ", 1), long_part(2, "done", 2, when=stamp)]
    assert [one.complete for one in sms.join(parts)] == ([True] if joined else [False, False])


def test_a_damaged_text_is_incomplete() -> None:
    read = sms.decode(DELIVER[:-2], 3)
    assert isinstance(read, Part) and read.fault
    [message] = sms.join([read])
    assert not message.complete and message.missing == "the text is cut short"


def test_a_flash_message_and_octets_that_are_no_text() -> None:
    flash = sms.decode(pdu_writer.deliver(FROM, 0x10, WHEN, Body(b"Halo", True)), 1)
    octets = sms.decode(pdu_writer.deliver(FROM, 0x04, WHEN, Body(b"Saldo \xe9", False)), 2)
    compressed = sms.decode(pdu_writer.deliver(FROM, 0x20, WHEN, Body(b"xyz", False)), 3)
    assert isinstance(flash, Part) and isinstance(octets, Part)
    first, second = sms.join([flash, octets])
    assert (first.flash, first.text) == (True, "Halo")
    assert (second.flash, second.text) == (False, "Saldo é")
    assert isinstance(compressed, Undecodable) and "compressed" in compressed.reason


def test_one_message_read_alone() -> None:
    """AT+CMGR does not repeat the index; ZTE leaves out the status as well."""
    [one] = sms.read_list(["+CMGR: 1,,24", DELIVER], 7)
    assert isinstance(one, Part) and one.index == 7
    [report] = sms.read_list(["+CMGR: ,,25", REPORT], 3)
    assert isinstance(report, DeliveryReport) and report.index == 3
    assert sms.read_list(["+CMGR: 0,,0"], 3) == sms.read_list([], 3) == []
