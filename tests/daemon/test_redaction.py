"""Redaction: a table of what must not be seen, and one of what must stay readable."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.redaction import CLEAN_LIMIT, Redactor, is_secret_key
from pulsarack.daemon.secrets import Secret

REGISTERED = [Secret("4321"), Secret("987654"), Secret("s3cret-k3y")]

HIDDEN = [
    ("*777*081200000012*10*1234#", "*777*081200000012*10*****#"),
    ('AT+CUSD=1,"*776*123456#",15', 'AT+CUSD=1,"*776*****#",15'),
    ("BAGI 081700000012 10 1234", "BAGI 081700000012 10 ****"),
    ("sent: BAGI 081700000012 10 12345678.", "sent: BAGI 081700000012 10 ****."),
    ("SALDO 1234", "SALDO ****"),
    ("saldo 12345678", "saldo ****"),
    ("S10.081200000012.1234", "S10.081200000012.****"),
    ("S5.2.081200000012.1234", "S5.2.081200000012.****"),
    ("the PIN was 4321, he said", "the PIN was ****, he said"),
    ("987654", "****"),
    ("key=s3cret-k3y;", "key=****;"),
    ("0034003300320031", "****"),
    ('AT+CUSD=1,"00340033003200310023"', 'AT+CUSD=1,"****0023"'),
]
READABLE = [
    "Isi ulang simPATI 10 ke 081200000012 berhasil. SN: 51012345678901. Sisa stok Rp 490.000",
    "Transaksi BERHASIL: pulsa Rp 10.000 utk 081200000012 SN 51012345678901 stok Anda Rp.490.000.",
    "Sisa stok Anda Rp 490.000 per 22/11/2026 14:05",
    "Stok Anda: Rp 1.489.850",
    "27May 1135: 081700000001 has loaded LOAD 10 (P10,150.00) to 081700000012. "
    "New Load Wallet Balance:P489,850.00. Ref:071056787990",
    "Pengisian Rp 10.000 ke 085600000012 SUKSES. Ref 7700012345678. Stok: Rp 489.850",
    "*123#",
    "*363#",
    "081200000012",
    "8962100000000000012",
    "order.finished",
    "S10.081200000012",
    "",
]


@pytest.mark.parametrize(("text", "shown"), HIDDEN)
def test_pins_in_texts_are_masked(text: str, shown: str) -> None:
    assert Redactor(REGISTERED).text(text) == shown


@pytest.mark.parametrize("text", READABLE)
def test_what_is_no_pin_stays(text: str) -> None:
    assert Redactor(REGISTERED).text(text) == text


def test_a_text_that_was_shown_before_is_masked_once_it_is_a_secret() -> None:
    redactor = Redactor()
    for _ in range(2):
        assert redactor.text("8888") == "8888"
    redactor.register([Secret("8888")])
    assert redactor.text("8888") == "****"
    redactor.register([])
    assert redactor.text("8888") == "8888"


def test_what_is_remembered_as_clean_has_a_bound_and_changes_nothing() -> None:
    redactor = Redactor(REGISTERED)
    for number in range(3 * CLEAN_LIMIT):
        assert redactor.text(f"chip {number}x") == f"chip {number}x"
        assert redactor.text("4321") == "****"
    assert len(redactor._clean) <= CLEAN_LIMIT


@pytest.mark.parametrize(
    "key",
    [
        "chip_pin",
        "sim_pin",
        "agent_pin",
        "PIN",
        "pin",
        "password",
        "api_key",
        "apikey",
        "API-KEY",
        "token",
        "access_token",
        "secret",
        "client.secret",
        "Authorization",
        "pins",
    ],
)
def test_a_field_named_like_a_secret_is_masked_whatever_it_holds(key: str) -> None:
    assert is_secret_key(key)
    for value in ("x", 5, True, ["x"], {"a": 1}):
        assert Redactor()(None, "info", {key: value}) == {key: "****"}


@pytest.mark.parametrize("key", ["spin", "shipping", "order", "pinned", "tokens_left", "why"])
def test_other_fields_are_not(key: str) -> None:
    assert not is_secret_key(key)


def test_nested_values_are_masked_and_odd_ones_become_text() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "Odd(*776*1234#)"

    event = {
        "exchanges": [{"tx": "*776*1234#", "chip_pin": 1234}, ("*776*1234#", Secret("x"))],
        "raw": b"*776*1234#\r\n",
        "odd": Odd(),
        "count": 1234,
        "share": 0.5,
        "none": None,
    }
    assert Redactor()(None, "info", event) == {
        "exchanges": [{"tx": "*776*****#", "chip_pin": "****"}, ["*776*****#", "****"]],
        "raw": "*776*****#\r\n",
        "odd": "Odd(*776*****#)",
        "count": 1234,
        "share": 0.5,
        "none": None,
    }


def test_depth_has_an_end() -> None:
    deep: object = "*776*1234#"
    for _ in range(100):
        deep = [deep]
    assert "1234" not in str(Redactor().value("deep", deep))


@given(
    st.text(max_size=40) | st.text(alphabet="*#0123456789 .ABS", max_size=40),
    st.from_regex(r"[0-9]{4,8}", fullmatch=True),
    st.text(max_size=40) | st.text(alphabet="*#0123456789 .ABS", max_size=40),
)
def test_a_registered_number_never_stands_alone(before: str, pin: str, after: str) -> None:
    shown = Redactor([Secret(pin)]).text(f"{before}{pin}{after}")
    assert not re.search(rf"(?<![0-9]){pin}(?![0-9])", shown)
