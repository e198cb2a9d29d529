"""The chip PIN goes to the modem and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ussd.dialogue import Dial, Dialogue, Values
from pulsarack.ussd.errors import ValuesUnfit
from pulsarack.ussd.kinds import Purpose
from pulsarack.ussd.numbering import Numbering
from pulsarack.ussd.shelf import load_shelf
from pulsarack.ussd.spoken import Spoken
from pulsarack.ussd.template import parse_template

PIN = "7391"
SHELF = load_shelf()


def test_what_is_spoken_shows_only_its_mask() -> None:
    spoken = Spoken(f"*777*{PIN}#", "*777*****#")
    for shown in (str(spoken), repr(spoken), f"{spoken}", f"{[spoken]}", spoken.masked):
        assert PIN not in shown
    dial = Dial(spoken, True, 30.0)
    assert PIN not in repr(dial)


def test_a_number_that_looks_like_the_pin_is_not_masked() -> None:
    values = Values("6281273910012", 10, PIN)
    spoken = parse_template("{destination} {chip_pin}").fill(
        values, Numbering("62", "0", "8", 9, 12)
    )
    assert spoken.masked == "081273910012 ****"


def test_values_and_their_errors_show_no_pin() -> None:
    assert PIN not in repr(Values("6281200000012", 10, PIN))
    for pin in ("73*91", "7391#", "", "7391 ", "7" * 17):
        with pytest.raises(ValuesUnfit) as caught:
            Values(chip_pin=pin)
        assert not pin.strip() or pin not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("PIN 7391 salah", "PIN **** salah"),
        ("*776*7391#", "*776*****#"),
        ("PIN7391", "PIN****"),
        ("081273910012", "081273910012"),
        ("7391 7391", "**** ****"),
        ("", ""),
    ],
)
def test_an_echo_is_blotted_out(text: str, masked: str) -> None:
    assert Values(chip_pin=PIN).mask(text) == masked


def test_without_a_pin_nothing_is_blotted_out() -> None:
    assert Values().mask("text") == "text"
    assert Values(chip_pin="aB1").mask("x AB1 y") == "x **** y"


@pytest.mark.parametrize("destination", ["0812", "+6281200000012", "62812*1", ""])
def test_a_destination_is_digits(destination: str) -> None:
    with pytest.raises(ValuesUnfit):
        Values(destination, 10)


@pytest.mark.parametrize("denomination", [0, -5])
def test_a_denomination_is_positive(denomination: int) -> None:
    with pytest.raises(ValuesUnfit):
        Values("6281200000012", denomination)


@given(st.from_regex(r"[0-9]{4,8}", fullmatch=True))
def test_no_script_shows_the_pin(pin: str) -> None:
    for recipe in SHELF.recipes.values():
        for script in recipe.scripts:
            top_up = script.purpose is Purpose.TOP_UP
            values = Values("6281200000012" if top_up else None, 10 if top_up else None, pin)
            for step in script.steps:
                spoken = step.template.fill(values, recipe.numbering)
                hidden = "chip_pin" in step.template.placeholders
                assert spoken.plain.count(pin) >= hidden
                assert ("****" in spoken.masked) == hidden
            assert Dialogue(recipe, script, values).start()
