"""SMS PDUs: exact bytes, gammu's bugs, hostile PDUs, joining."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems import sms
from pulsarack.modems.results import DeliveryReport
from pulsarack.modems.sms import Part, Undecodable
from pulsarack.modems.tpdu import DeliveryState

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
