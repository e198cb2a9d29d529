"""Hands in the rack: cards that change modems, cards pulled, modems unplugged."""

import pytest

from pulsarack.modems.simulator.modem import Modem
from tests.modems.simulator.virtual import CHIPS, STOCK, Bench, rack, second

TOP_UP = "*777*081200000012*10*1234#"
ONE, OTHER = CHIPS["telkomsel"][0], CHIPS["indosat"][0]


class Pair(Bench):
    """Two modems: `modem` with a Telkomsel chip, `other` with an Indosat one behind a PIN."""

    def __init__(self, dialect: str = "wavecom") -> None:
        super().__init__(rack(dialect, "telkomsel", second("simcom-sim800")))
        self.other: Modem = self.world.modems[1]
        self.other_heard = bytearray()
        self.other.attach(
            self.other_heard.extend,
            lambda: self.bus.append("other gone"),
            lambda: self.bus.append("other back"),
        )
        self.say_other("AT")
        self.say_other('ATE0+CPIN="5678"', 10)

    def say_other(self, text: str, seconds: float = 0.0) -> str:
        self.other_heard.clear()
        self.other.feed(text.encode() + b"\r")
        self.scheduler.run(seconds)
        return self.other_heard.decode("latin-1")

    def swap(self, seconds: float = 10.0, *, leave_bus: bool = True) -> None:
        self.world.swap_cards(self.modem, self.other, seconds, leave_bus=leave_bus)


def test_cards_change_places() -> None:
    pair = Pair()
    pair.swap()
    assert pair.bus == ["gone", "other gone"]
    assert pair.say("AT", 9) == "" and pair.say_other("AT") == ""
    pair.wait(20)
    assert pair.bus == ["gone", "other gone", "back", "other back"]
    assert (pair.modem.iccid, pair.other.iccid) == (OTHER, ONE)
    pair.say_other("AT")
    assert ONE in pair.say_other("AT+CCID")
    assert pair.weather() == [("card_swapped", ONE)]
    (entry,) = pair.entries("weather")
    assert (entry["other"], entry["left_bus"], entry["seconds"]) == (OTHER, True, 10)


def test_without_leaving_the_bus_they_are_only_silent() -> None:
    pair = Pair()
    pair.swap(leave_bus=False)
    assert pair.say("AT", 9) == ""
    assert "+WIND: 1" in pair.wait(10)
    assert pair.bus == []
    assert "+CPIN: SIM PIN" in pair.say("ATE0+CPIN?")


def test_the_sim_pin_is_asked_anew() -> None:
    pair = Pair()
    assert pair.other.registered
    pair.swap()
    pair.wait(30)
    assert not pair.modem.registered and pair.other.registered
    assert "SIM PIN" in pair.say("AT+CPIN?")
    pair.say('AT+CPIN="5678"', 10)
    assert pair.modem.registered


def test_a_card_keeps_its_messages() -> None:
    pair = Pair()
    pair.world.network.send_text(ONE, "168", "before")
    pair.wait(20)
    pair.swap()
    pair.wait(30)
    assert not pair.modem.card.messages and len(pair.other.card.messages) == 1


def test_texts_follow_the_chip() -> None:
    pair = Pair()
    pair.swap(60)
    pair.world.network.send_text(ONE, "168", "meanwhile")
    pair.wait(50)
    assert not pair.other.card.messages
    pair.wait(30)
    assert len(pair.other.card.messages) == 1
    pair.world.network.send_text(ONE, "168", "after")
    pair.wait(20)
    assert len(pair.other.card.messages) == 2 and not pair.modem.card.messages


def test_what_was_under_way_is_done_for_the_old_card_and_not_told() -> None:
    pair = Pair()
    pair.dial(TOP_UP, 0.1)
    pair.swap(1.0, leave_bus=False)
    heard = pair.wait(30)
    assert "081200000012" not in heard
    (entry,) = pair.entries("top_up")
    assert entry["chip"] == ONE and entry["delivered"]
    assert pair.world.network.dealers[ONE].stock == STOCK - 10_150


def test_a_late_report_of_the_old_card_follows_it() -> None:
    fault = '[[fault]]\nat_order = 1\nkind = "late_sms"\noperator = "telkomsel"'
    pair = Pair()
    bench = Bench(rack("wavecom", "telkomsel", second("wavecom") + fault))
    bench.dial(TOP_UP, 0.1)
    bench.world.swap_cards(bench.world.modems[0], bench.world.modems[1], 1.0, leave_bus=True)
    bench.wait(200)
    assert not bench.world.modems[0].card.messages
    assert len(bench.world.modems[1].card.messages) == 1
    assert pair.entries("top_up") == []


def test_a_session_of_the_old_card_is_over() -> None:
    pair = Pair()
    assert "Menu Dealer" in pair.say_other('AT+CUSD=1,"*123#",15', 6)
    pair.swap()
    pair.wait(30)
    pair.say_other("AT")
    assert "+CUSD: 4" in pair.say_other('AT+CUSD=1,"2",15', 6)


def test_sells_on_from_the_other_modem() -> None:
    pair = Pair()
    pair.swap()
    pair.wait(30)
    pair.say_other("AT")
    assert "081200000012" in pair.say_other(f'AT+CUSD=1,"{TOP_UP}",15', 6)
    assert pair.entries("top_up")[0]["chip"] == ONE


@pytest.mark.parametrize("leave_bus", [True, False])
def test_a_swap_while_one_is_unplugged(leave_bus: bool) -> None:
    """The last hand decides when a modem comes back, and it boots once."""
    pair = Pair()
    pair.modem.power_cut(5)
    pair.wait(1)
    pair.swap(20, leave_bus=leave_bus)
    assert "+WIND: 1" not in pair.wait(19) and "back" not in pair.bus
    assert pair.wait(30).count("+WIND: 1") == 1
    assert pair.bus.count("back") == pair.bus.count("gone") == 1
    assert pair.modem.iccid == OTHER


def test_a_fault_does_not_strike_a_modem_that_is_away() -> None:
    pair = Pair()
    pair.swap(20)
    pair.modem.power_cut(1)
    pair.wait(10)
    assert pair.bus == ["gone", "other gone"]
    assert [fault for fault, _ in pair.weather()] == ["card_swapped"]


def test_a_restart_does_not_outlive_the_power() -> None:
    pair = Pair()
    pair.say("AT+CFUN=1,1")
    pair.swap(20, leave_bus=False)
    assert pair.wait(19) == ""


def test_a_modem_that_is_unplugged() -> None:
    pair = Pair()
    pair.modem.power_cut(8)
    assert pair.bus == ["gone"] and pair.say("AT", 8) == ""
    pair.wait(20)
    assert pair.bus == ["gone", "back"] and pair.modem.registered
    assert pair.weather() == [("unplugged", ONE)]


@pytest.mark.parametrize("dialect", ["wavecom", "quectel-m35"])
def test_a_card_pulled_and_put_back(dialect: str) -> None:
    pair = Pair(dialect)
    pair.say("AT+CMEE=1;+CREG=1")
    pair.heard.clear()
    pair.world.take_card(pair.modem, 60)
    said = pair.heard.decode()
    assert "+CREG: 2" in said and ("+CPIN: NOT INSERTED" in said) == (dialect == "quectel-m35")
    for command in ("AT+CPIN?", "AT+CIMI", "AT+QCCID", "AT+CCID", "AT+CRSM=176,12258,0,0,10"):
        assert pair.say(command) in ("\r\n+CME ERROR: 10\r\n", "\r\nERROR\r\n", UNKNOWN)
    assert pair.say("AT+CPIN?") == "\r\n+CME ERROR: 10\r\n"
    assert pair.say("AT+CMGL=4") == "\r\n+CMS ERROR: 310\r\n"
    assert pair.dial(TOP_UP, 0) == "\r\n+CME ERROR: 10\r\n"
    assert "+CREG: 1,2" in pair.say("AT+CREG?")
    pair.world.network.send_text(ONE, "168", "meanwhile")
    pair.wait(59)
    assert not pair.modem.card.messages
    pair.wait(20)
    assert pair.modem.registered and len(pair.modem.card.messages) == 1
    assert "READY" in pair.say("AT+CPIN?")
    assert pair.weather() == [("card_taken", ONE)]


UNKNOWN = "\r\n+CME ERROR: 100\r\n"


def test_a_modem_that_boots_without_its_card() -> None:
    pair = Pair("quectel-m35")
    pair.world.take_card(pair.modem, 60)
    pair.modem.power_cut(5)
    heard = pair.wait(30)
    assert "+CPIN: NOT INSERTED" in heard and "+CPIN: READY" not in heard
    assert not pair.modem.registered
    assert "+CPIN: READY" in pair.wait(40)
    assert pair.modem.registered


def test_a_swap_puts_a_pulled_card_into_the_other_modem() -> None:
    pair = Pair()
    pair.world.take_card(pair.modem, 300)
    pair.swap()
    pair.wait(30)
    assert (pair.modem.iccid, pair.other.iccid) == (OTHER, ONE)
    assert pair.other.registered
    pair.wait(300)
    assert pair.other.registered


def test_stock_is_given_to_a_chip_wherever_it_is() -> None:
    pair = Pair()
    pair.swap()
    pair.world.give_stock(ONE, 100_000, "6281200009999")
    pair.wait(60)
    assert len(pair.other.card.messages) == 1
