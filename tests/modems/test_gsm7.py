"""The GSM alphabet: all of it, packing, and a cross-check against gammu."""

import gammu
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems import sms
from pulsarack.modems.at import gsm7

CHARACTERS = "".join(char for char in gsm7.ALPHABET if char != "\x1b") + "".join(
    gsm7.EXTENSION.values()
)


def test_alphabet_is_complete() -> None:
    assert len(gsm7.ALPHABET) == 128
    assert len(set(gsm7.ALPHABET)) == 128
    for char in CHARACTERS:
        assert gsm7.decode(gsm7.encode(char)) == char


@pytest.mark.parametrize(
    ("text", "packed"),
    [("*888#", "2A1C0E3702"), ("*100#", "AA180C3602"), ("hellohello", "E8329BFD4697D9EC37")],
)
def test_known_packings(text: str, packed: str) -> None:
    assert gsm7.pack(gsm7.encode(text)).hex().upper() == packed
    assert gsm7.unpack_ussd(bytes.fromhex(packed)) == text


def test_seven_spare_bits_are_filled_with_cr() -> None:
    assert gsm7.pack_ussd("*123*4#") == gsm7.pack([*gsm7.encode("*123*4#"), gsm7.CR])
    assert gsm7.unpack_ussd(gsm7.pack(gsm7.encode("*123*4#"))) == "*123*4#"


def test_outside_the_alphabet() -> None:
    assert not gsm7.is_encodable("ż")
    with pytest.raises(ValueError, match="ż"):
        gsm7.encode("ż")


@given(st.text(alphabet=CHARACTERS, max_size=200))
def test_septets_round_trip(text: str) -> None:
    septets = gsm7.encode(text)
    assert gsm7.unpack(gsm7.pack(septets), len(septets)) == septets
    assert gsm7.decode(septets) == text
    assert gsm7.count(text) == len(gsm7.encode(text))


PLAIN = CHARACTERS.replace("\f", "").replace("@", "").replace("\r", "")


@given(st.text(alphabet=PLAIN, min_size=1, max_size=70))
def test_agrees_with_gammu(text: str) -> None:
    [submit] = sms.encode_submit("168", text)
    septets = gsm7.encode(text)
    assert submit.hex.endswith(gsm7.pack(septets).hex().upper())
    deliver = "0004038161F80000" + "62112241500082" + f"{len(septets):02X}"
    read = sms.decode(deliver + gsm7.pack(septets).hex(), 1)
    assert isinstance(read, sms.Part)
    assert read.text == text
    assert gammu.Version()[0]
