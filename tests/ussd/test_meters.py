"""A recipe that sells to electricity meters: dialled without a mark, read with it, not mixed."""

import pytest

from pulsarack.ussd.dialogue import Dial, Dialogue, Finished, Screen, Values
from pulsarack.ussd.errors import DestinationUnfit, ValuesUnfit
from pulsarack.ussd.outcome import OutcomeKind
from pulsarack.ussd.recipe import Recipe, parse_recipe
from pulsarack.ussd.status import UssdStatus
from tests.ussd.test_dialogue_own_recipes import GUIDE

PHONES = 'country_code = "62"\ntrunk = "0"\nmobile = "8"\n'
METER = "m14012345678"
TOKEN = "1234-5678-9012-3456-7890"


@pytest.fixture(scope="module")
def meters() -> Recipe:
    assert PHONES in GUIDE
    text = GUIDE.replace(PHONES, "meters = true\n")
    for telephone, number in (
        ("6281200000013", "14012345613"),
        ("081200000013", "14012345613"),
        ("081200000012", "14012345678"),
    ):
        text = text.replace(telephone, number)
    return parse_recipe(text.encode(), "meters.toml")


def end_of(recipe: Recipe, number: str) -> Finished:
    talk = Dialogue(recipe, recipe.top_up, Values(METER, 20, "7391"))
    first = talk.start()
    assert isinstance(first, Dial)
    assert first.text.masked == "*500*14012345678*20*****#"
    text = f"Pulsa Rp 20.000 untuk {number} berhasil. Ref {TOKEN}. Stok Rp 490.000"
    end = talk.receive(Screen(UssdStatus.NO_FURTHER_ACTION, text))
    assert isinstance(end, Finished)
    return end


def test_a_token_is_sold_to_a_meter(meters: Recipe) -> None:
    found = end_of(meters, "14012345678").outcome
    assert found.kind is OutcomeKind.DONE
    assert found.reply is not None
    assert (found.reply.destination, found.reply.serial_number) == (METER, TOKEN)


def test_the_answer_of_another_meter_proves_nothing(meters: Recipe) -> None:
    assert end_of(meters, "14012345679").outcome.kind is not OutcomeKind.DONE


def test_a_recipe_sells_to_one_kind_only(meters: Recipe) -> None:
    phones = parse_recipe(GUIDE.encode(), "phones.toml")
    for recipe, destination in ((meters, "6281200000012"), (phones, METER)):
        with pytest.raises(DestinationUnfit, match="the recipe sells to"):
            Dialogue(recipe, recipe.top_up, Values(destination, 10, "7391"))


@pytest.mark.parametrize("destination", ["m", "m123456", "m12345678*1", "x14012345678", "0812000"])
def test_what_is_neither_is_refused(destination: str) -> None:
    with pytest.raises(ValuesUnfit):
        Values(destination, 10, "7391")
