"""Menus that go wrong before anything is at stake, and top-up steps that never do."""

import re

import pytest

from pulsarack.modems.simulator.menu_weather import ADVERTS, WRONG_CHOICE, WRONG_MENUS
from pulsarack.ussd.kinds import Channel
from pulsarack.ussd.recipe import Recipe
from pulsarack.ussd.reply import classify
from pulsarack.ussd.shelf import load_shelf
from tests.modems.simulator.virtual import STOCK, Bench, rack

KINDS = ("lost", "unparsed", "unexpected", "ended", "refused")
STOCK_QUERY = "*776*1234#"
TOP_UPS = {"telkomsel": "*777*081200000012*10*1234#", "tri": "*111*089500000012*10*1234#"}


def struck(kind: str, operator: str = "telkomsel", share: float = 1.0, seed: int = 1) -> Bench:
    bench = Bench(rack("wavecom", operator, f"[menu_mix]\n{kind} = {share}"), seed)
    bench.say("AT+CMEE=1")
    return bench


def walk(bench: Bench, *inputs: str) -> list[str]:
    return [bench.dial(text, 6) for text in inputs]


def test_lost() -> None:
    bench = struck("lost")
    assert bench.dial(STOCK_QUERY, 120) == "\r\nOK\r\n"
    assert bench.weather() == [("menu_lost", bench.modem.iccid)]


def test_unparsed() -> None:
    seen = set()
    for seed in range(20):
        heard = struck("unparsed", seed=seed).dial(STOCK_QUERY)
        match = re.search(r'\+CUSD: ([02]),"(.*?)"', heard, re.DOTALL)
        assert match and match[2] in ADVERTS
        seen.add(match[1])
    assert seen == {"0", "2"}


def test_unexpected_is_another_menu_and_leads_nowhere() -> None:
    bench = struck("unexpected")
    heard = bench.dial(STOCK_QUERY)
    assert "+CUSD: 1" in heard and any(menu in heard for menu in WRONG_MENUS)
    assert bench.world.network.dealers[bench.modem.iccid].stock == STOCK
    assert bench.weather() == [("menu_unexpected", bench.modem.iccid)]


def test_unexpected_may_be_the_screen_before() -> None:
    """Of many walks some get the menu twice, and can go on from there."""
    again = set()
    for seed in range(40):
        bench = struck("unexpected", "indosat", 0.5, seed)
        first, second = walk(bench, "*123#", "2")
        if "Menu Dealer" in first and "menu_unexpected" in dict(bench.weather()):
            again.add("Menu Dealer" in second)
    assert again == {True, False}


def test_ended() -> None:
    bench = struck("ended")
    assert bench.dial(STOCK_QUERY) == "\r\nOK\r\n\r\n+CUSD: 2\r\n"


def test_refused_and_nothing_left() -> None:
    bench = struck("refused")
    assert bench.dial(STOCK_QUERY, 30) == "\r\n+CME ERROR: 100\r\n"
    assert bench.weather() == [("menu_refused", bench.modem.iccid)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operator", TOP_UPS)
def test_a_code_that_tops_up_is_never_struck(kind: str, operator: str) -> None:
    bench = struck(kind, operator)
    assert "0000012" in bench.dial(TOP_UPS[operator])
    assert bench.stock == STOCK - 10_150 and bench.weather() == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_pin_of_a_menu_is_never_struck(kind: str) -> None:
    """Whoever comes as far as the question for the PIN is told what became of the top-up."""
    asked = 0
    for seed in range(60):
        bench = struck(kind, "indosat", 0.3, seed)
        *_, question = walk(bench, "*123#", "1", "085600000012", "10")
        if "Masukkan PIN" not in question:
            continue
        asked += 1
        before = bench.weather()
        assert "SUKSES" in bench.dial("1234").upper()
        assert bench.stock == STOCK - 10_150 and bench.weather() == before
    assert 5 < asked < 50


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_strikes_never_sells(kind: str) -> None:
    for seed in range(20):
        bench = struck(kind, "indosat", 0.5, seed)
        walk(bench, "*123#", "1", "085600000012", "10")
        bench.say("AT+CUSD=2")
        assert bench.entries("top_up") == [] and bench.stock == STOCK


def test_an_sms_operator_refuses_before_the_prompt() -> None:
    bench = struck("refused", "xl")
    assert bench.say("AT+CMGS=20", 30) == "\r\n+CMS ERROR: 500\r\n"
    assert bench.weather() == [("menu_refused", bench.modem.iccid)]
    assert not bench.world.network.sent


@pytest.mark.parametrize(("kind", "texts"), [("lost", 0), ("unparsed", 1)])
def test_an_sms_operator_is_struck_in_its_questions_only(kind: str, texts: int) -> None:
    bench = struck(kind, "xl")
    bench.send_sms("168", "SALDO 1234", 30)
    assert len(bench.texts()) == texts and set(bench.texts()) <= set(ADVERTS)
    assert bench.weather() == [(f"menu_{kind}", bench.modem.iccid)]
    bench.send_sms("168", "BAGI 081700000012 10 1234", 30)
    assert bench.stock == STOCK - 10_150 and len(bench.weather()) == 1
    assert "has loaded" in bench.texts()[-1]


def test_a_chip_that_sells_by_ussd_sends_its_sms_unhindered() -> None:
    bench = struck("refused")
    bench.send_sms("081200000099", "hello", 10)
    assert bench.world.network.sent[-1].submit.text == "hello"


@pytest.mark.parametrize("recipe", load_shelf().recipes.values(), ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("channel", Channel)
def test_no_recipe_knows_a_wrong_screen(recipe: Recipe, channel: Channel) -> None:
    """Only then is it a screen that nothing may be concluded from."""
    for text in (*ADVERTS, *WRONG_MENUS, WRONG_CHOICE):
        assert classify(recipe, text, channel) is None
