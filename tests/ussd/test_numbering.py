"""Telephone numbers in every form a country prints them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ussd.numbering import Numbering

INDONESIA = Numbering("62", "0", "8", 9, 12)


@pytest.mark.parametrize("text", ["081200000012", "6281200000012", "+6281200000012", "81200000012"])
def test_all_forms_are_one_number(text: str) -> None:
    assert INDONESIA.read(text) == "6281200000012"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+081200000012",
        "0062812000000",
        "02112345678",
        "628",
        "0812",
        "08120000000000000",
        "639000000000",
        "+639000000000",
        "0812-0000-0012",
        "08120000001x",
        "٠٨١٢٠٠٠٠٠٠١٢",
    ],
)
def test_what_is_no_mobile_number_is_not_read(text: str) -> None:
    assert INDONESIA.read(text) is None


def test_without_a_mobile_prefix_a_bare_number_is_not_read() -> None:
    plain = Numbering("62", "0", "", 9, 12)
    assert plain.read("81200000012") is None
    assert plain.read("081200000012") == "6281200000012"


METERS = Numbering("", "", "", 11, 12, meters=True)


def test_a_meter_is_never_a_telephone() -> None:
    for digits in ("14012345678", "514012345678", "01234567890", "62812345678"):
        assert METERS.read(digits) == f"m{digits}"
        assert METERS.show(f"m{digits}") == digits
        assert METERS.fits(f"m{digits}") and not INDONESIA.fits(f"m{digits}")
    for text in ("1401234567", "5140123456789", "+14012345678", "1401-2345678", "m14012345678", ""):
        assert METERS.read(text) is None
    assert INDONESIA.fits("6281200000012") and not METERS.fits("6281200000012")


def test_shown_as_at_home() -> None:
    assert INDONESIA.show("6281200000012") == "081200000012"
    assert INDONESIA.show("639000000000") == "639000000000"


@given(st.from_regex(r"628[0-9]{8,11}", fullmatch=True))
def test_what_is_shown_is_read_back(number: str) -> None:
    assert INDONESIA.read(INDONESIA.show(number)) == number
