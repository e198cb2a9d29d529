"""What agents type: order texts, numbers, prefixes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import IntegrityError

from pulsarack.queue import prefixes, validation
from pulsarack.queue.request import Request, parse
from pulsarack.queue.validation import (
    Refusal,
    RefusalCode,
    check_reference,
    normalise_destination,
    show_destination,
)
from tests.queue.world import World

READ = [
    ("S10.081200000012", Request("S10", "081200000012", 1)),
    ("s10.081200000012", Request("S10", "081200000012", 1)),
    ("  S10 . 081200000012 \n", Request("S10", "081200000012", 1)),
    ("S10.081200000012.", Request("S10", "081200000012", 1)),
    ("S10.081200000012...", Request("S10", "081200000012", 1)),
    ("S10.2.081200000012", Request("S10", "081200000012", 2)),
    ("S10.99.081200000012", Request("S10", "081200000012", 99)),
    ("X.+62 812-0000-0012", Request("X", "+62 812-0000-0012", 1)),
    ("A234567890123456.08", Request("A234567890123456", "08", 1)),
]

NOT_READ = [
    "",
    ".",
    "...",
    "S10",
    "S10.",
    "S10 081200000012",
    ".081200000012",
    "S10.0.081200000012",
    "S10.00.081200000012",
    "S10.02.081200000012",
    "S10.100.081200000012",
    "S10.-1.081200000012",
    "S10.٢.081200000012",  # an Arabic 2
    "S10.２.081200000012",  # a wide 2
    "S10.2.081200000012.1234",
    "S10..081200000012",
    "10S.081200000012",
    "S-10.081200000012",
    "S１０.081200000012",
    "Ѕ10.081200000012",  # a Cyrillic letter
    "A2345678901234567.08",
    "S10\x00.081200000012",
    "S10';DROP TABLE orders;--.081200000012.1.1",
    "S10." + "0" * 160,
    "." * 161,
]


@pytest.mark.parametrize(("text", "wanted"), READ)
def test_an_order_text_is_read(text: str, wanted: Request) -> None:
    assert parse(text) == wanted


@pytest.mark.parametrize("text", NOT_READ)
def test_anything_else_is_refused_with_the_form(text: str) -> None:
    found = parse(text)
    assert isinstance(found, Refusal)
    assert found.code is RefusalCode.BAD_FORMAT
    assert "PRODUCT.NUMBER" in found.remedy


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = parse(text)
    if isinstance(found, Request):
        assert found.product.isascii() and found.product == found.product.upper()
        assert 1 <= found.repeat_index <= 99
        normalise_destination(found.destination)


@given(
    st.from_regex(r"[A-Z][A-Z0-9]{0,15}", fullmatch=True),
    st.integers(1, 99),
    st.from_regex(r"08[1-9][0-9]{7,10}", fullmatch=True),
)
def test_what_is_written_is_what_is_read(product: str, repeat: int, number: str) -> None:
    assert parse(f"{product}.{repeat}.{number}") == Request(product, number, repeat)
    assert normalise_destination(number) == "62" + number[1:]
    assert show_destination("62" + number[1:]) == number


@given(st.from_regex(r"[A-Za-z0-9]{0,18}\.[0-9]{0,24}", fullmatch=True))
def test_the_plain_form_is_read_like_the_others(text: str) -> None:
    assert parse(text) == parse(f" {text}")


NUMBERS = [
    ("081200000012", "6281200000012"),
    ("6281200000012", "6281200000012"),
    ("+6281200000012", "6281200000012"),
    ("+62 812-0000-0012", "6281200000012"),
    ("0812 0000 0012", "6281200000012"),
    ("(0812) 0000-0012", "6281200000012"),
    ("0812/0000/0012", "6281200000012"),
    ("81200000012", "6281200000012"),
    ("+62081200000012", "6281200000012"),
    ("+62 (0)812-0000-0012", "6281200000012"),
    ("0812345678", "62812345678"),
    ("0812345678901", "62812345678901"),
]

NO_NUMBERS = [
    ("", RefusalCode.BAD_NUMBER),
    ("+", RefusalCode.BAD_NUMBER),
    ("0", RefusalCode.BAD_NUMBER),
    ("08", RefusalCode.BAD_NUMBER),
    ("081234567", RefusalCode.BAD_NUMBER),
    ("08123456789012", RefusalCode.BAD_NUMBER),
    ("0" * 300, RefusalCode.BAD_NUMBER),
    ("9" * 10_000, RefusalCode.BAD_NUMBER),
    ("0812000000I2", RefusalCode.BAD_NUMBER),
    ("0812PULSA00", RefusalCode.BAD_NUMBER),
    ("081200000012x5", RefusalCode.BAD_NUMBER),
    ("081200000012;ext=5", RefusalCode.BAD_NUMBER),
    ("tel:+6281200000012", RefusalCode.BAD_NUMBER),
    ("*777*081200000012#", RefusalCode.BAD_NUMBER),
    ("081200000012\n", RefusalCode.BAD_NUMBER),
    ("٠٨١٢٠٠٠٠٠٠١٢", RefusalCode.BAD_NUMBER),
    ("０８１２００００００１２", RefusalCode.BAD_NUMBER),
    ("-081200000012", RefusalCode.BAD_NUMBER),
    ("0211234567", RefusalCode.BAD_NUMBER),
    ("0710000012345", RefusalCode.BAD_NUMBER),
    ("110", RefusalCode.BAD_NUMBER),
    ("6200812000012", RefusalCode.BAD_NUMBER),
    ("620081200000012", RefusalCode.BAD_NUMBER),
    ("+6200081200000012", RefusalCode.BAD_NUMBER),
    ("+62 (0) 0812-0000-0012", RefusalCode.BAD_NUMBER),
    ("(00) 081200000012", RefusalCode.BAD_NUMBER),
    ("00081200000012", RefusalCode.BAD_NUMBER),
    ("006281200000012", RefusalCode.BAD_NUMBER),
    # 008 is a prefix for calls abroad; it is not known which number was meant.
    ("00862812000000012", RefusalCode.BAD_NUMBER),
    ("+639171234567", RefusalCode.FOREIGN_NUMBER),
    ("+14155550100", RefusalCode.FOREIGN_NUMBER),
]


@pytest.mark.parametrize(("typed", "wanted"), NUMBERS)
def test_a_number_has_one_form(typed: str, wanted: str) -> None:
    assert normalise_destination(typed) == wanted


@pytest.mark.parametrize(("typed", "code"), NO_NUMBERS)
def test_what_is_no_number_is_refused(typed: str, code: RefusalCode) -> None:
    found = normalise_destination(typed)
    assert isinstance(found, Refusal)
    assert found.code is code
    assert len(found.message) < 80
    assert found.remedy


@given(st.text(max_size=40) | st.from_regex(r"[+(]?[0-9 ()/-]{0,40}", fullmatch=True))
def test_any_number_is_normalised_or_refused_and_stays_so(typed: str) -> None:
    found = normalise_destination(typed)
    if isinstance(found, str):
        assert found.isascii() and found.startswith("628") and 11 <= len(found) <= 14
        assert normalise_destination(found) == found
        assert normalise_destination(show_destination(found)) == found


@pytest.mark.parametrize("reference", [None, "a", "x" * 64, "'; --"])
def test_a_reference_of_any_kind_is_let_in(reference: str | None) -> None:
    assert check_reference(reference) is None


@pytest.mark.parametrize("reference", ["", "x" * 65])
def test_a_reference_that_cannot_be_kept_is_refused(reference: str) -> None:
    found = check_reference(reference)
    assert found is not None and found.code is RefusalCode.BAD_FORMAT


# --- prefixes -----------------------------------------------------------------------------


def test_the_shipped_prefixes_are_told_apart(world: World) -> None:
    every = {
        operator: {
            world.run(lambda db, p=prefix: prefixes.operator_of(db, "62" + p[1:] + "0000012"))
            for prefix in of_operator
        }
        for operator, of_operator in prefixes.SHIPPED.items()
    }
    assert every == {operator: {operator} for operator in prefixes.SHIPPED}
    assert world.run(lambda db: prefixes.operator_of(db, "628000000012")) is None


def test_the_longest_prefix_wins(world: World) -> None:
    world.run(lambda db: prefixes.put(db, "62812", "telkomsel"))
    world.run(lambda db: prefixes.put(db, "6281234567", "area"))
    world.run(lambda db: prefixes.put(db, "628", "any"))

    def of(number: str) -> str | None:
        return world.run(lambda db: prefixes.operator_of(db, number))

    assert of("6281234567890") == "area"
    assert of("6281234567") == "area"
    assert of("6281234568890") == "telkomsel"
    assert of("6280") == "any"


def test_prefixes_are_shipped_once_and_edits_stay(world: World) -> None:
    world.run(lambda db: prefixes.put(db, "62811", "other"))
    assert world.run(lambda db: prefixes.remove(db, "62812"))
    assert not world.run(lambda db: prefixes.remove(db, "62812"))
    before = world.run(prefixes.every)
    world.run(prefixes.ship)
    assert world.run(prefixes.every) == before
    assert world.run(lambda db: prefixes.operator_of(db, "6281100000012")) == "other"
    assert world.run(lambda db: prefixes.operator_of(db, "6281200000012")) is None


@pytest.mark.parametrize("prefix", ["0812", "812", "62x", ""])
def test_a_prefix_is_digits_with_the_country(world: World, prefix: str) -> None:
    with pytest.raises(IntegrityError):
        world.run(lambda db: prefixes.put(db, prefix, "telkomsel"))


@given(st.from_regex(r"\A(?:0|62)8[0-9]{7,13}\Z"))
def test_what_is_plain_is_read_as_all_else(typed: str) -> None:
    slowly = validation._parse(typed)
    quickly = normalise_destination(typed)
    assert quickly == slowly or (isinstance(quickly, Refusal) and isinstance(slowly, Refusal))
