"""Amounts: each spelling that is met, and each that must not be guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ussd.amounts import read_amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", 0),
        ("0.00", 0),
        ("5", 5),
        ("490000", 490_000),
        ("490.000", 490_000),
        ("36,998", 36_998),
        ("1.490.000", 1_490_000),
        ("11,438.00", 11_438),
        ("1.500,00", 1_500),
        ("489850.00", 489_850),
        ("10.00", 10),
        ("1.500", 1_500),
        ("12.490.000,00", 12_490_000),
    ],
)
def test_amount_is_read(text: str, amount: int) -> None:
    assert read_amount(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.5",
        "641.30",
        "1.500,50",
        "1,500.000",
        "1.500.00",
        "1.50.000",
        "0.500",
        "007",
        "1500.000",
        "490.000.15",
        "490 000",
        "-490",
        "Rp 5",
        "٤٩٠",
        "1" * 16,
    ],
)
def test_amount_is_not_guessed(text: str) -> None:
    assert read_amount(text) is None


@pytest.mark.parametrize(("text", "minor"), [("641.30", 64_130), ("11,438.00", 1_143_800)])
def test_an_asset_with_cents_keeps_them(text: str, minor: int) -> None:
    assert read_amount(text, exponent=2) == minor


@given(st.integers(0, 10**12), st.sampled_from([",", ".", ""]), st.booleans())
def test_every_printed_amount_is_read_back(amount: int, sign: str, cents: bool) -> None:
    text = f"{amount:,}".replace(",", sign)
    if cents:
        text += ("," if sign == "." else ".") + "00"
    assert read_amount(text) == amount


@given(st.text(alphabet="0123456789.,", max_size=12))
def test_what_is_read_has_the_digits_of_the_text(text: str) -> None:
    amount = read_amount(text)
    if amount is not None:
        digits = text.replace(",", "").replace(".", "")
        assert digits in (str(amount), f"{amount}00")
