"""A modem without network: what it says, what is lost, what waits."""

import pytest

from tests.modems.simulator.virtual import STOCK, Bench, rack, submit_pdu

TOP_UP = "*777*081200000012*10*1234#"


def lost(dialect: str = "quectel-m35", operator: str = "telkomsel", seconds: float = 120) -> Bench:
    bench = Bench(rack(dialect, operator))
    bench.say("AT+CMEE=1;+CREG=1;+CNMI=2,1,0,0,0")
    bench.say('AT+CSCS="GSM"')
    bench.heard.clear()
    bench.modem.lose_network(seconds)
    return bench


def test_it_says_so() -> None:
    bench = lost()
    assert bench.heard.decode() == "\r\n+CREG: 2\r\n"
    assert "+CREG: 1,2" in bench.say("AT+CREG?")
    assert "+CSQ: 99,99" in bench.say("AT+CSQ")
    assert bench.dial(TOP_UP, 0) == "\r\n+CME ERROR: 30\r\n"
    pdu = submit_pdu("0812000000", "hello")
    assert bench.say(f"AT+CMGS={len(pdu) // 2 - 1}").endswith("> ")
    assert bench.write(pdu.encode() + b"\x1a").endswith("\r\n+CMS ERROR: 331\r\n")
    assert bench.weather() == [("network_lost", bench.modem.iccid)]
    assert bench.wait(120) == "\r\n+CREG: 1\r\n"
    assert "+CREG: 1,1" in bench.say("AT+CREG?")
    assert "081200000012" in bench.dial(TOP_UP)


def test_models_that_speak_in_cusd() -> None:
    bench = lost("simcom-sim800")
    assert "+CUSD: 4" in bench.dial(TOP_UP, 5)
    assert bench.entries("top_up") == []


def test_texts_wait_for_the_return() -> None:
    bench = lost()
    bench.world.network.send_text(bench.modem.iccid, "168", "meanwhile")
    bench.wait(119)
    assert bench.texts() == []
    assert "+CMTI" in bench.wait(2)
    assert bench.texts() == ["meanwhile"]


@pytest.mark.parametrize("dialect", ["wavecom", "huawei-e173"])
def test_an_answer_under_way_is_lost_and_the_top_up_done(dialect: str) -> None:
    bench = Bench(rack(dialect, "telkomsel"))
    bench.say("AT+CMEE=1;^CURC=0")
    bench.say("AT^USSDMODE=0")
    bench.dial(TOP_UP, 0.1)
    bench.modem.lose_network(20)
    heard = bench.wait(40)
    assert "CUSD" not in heard and "081200000012" not in heard
    assert bench.stock == STOCK - 10_150
    bench.wait(30)
    assert "OK" in bench.say("AT+CUSD=2")
    assert "081200000012" not in bench.dial("*776*1234#", 0)
    assert "stok" in bench.wait(10)


def test_an_open_session_is_over() -> None:
    bench = Bench(rack("quectel-m35", "indosat"))
    bench.say('AT+CMEE=1;+CSCS="GSM"')
    assert "Menu Dealer" in bench.dial("*123#")
    bench.modem.lose_network(5)
    bench.wait(10)
    assert bench.dial("1", 5) == "\r\n+CME ERROR: 50\r\n"
    assert "Menu Dealer" in bench.dial("*123#")


def test_an_sms_whose_acknowledgement_is_lost_is_given_up_late() -> None:
    bench = Bench(rack("wavecom", "xl"))
    assert bench.send_sms("168", "BAGI 081700000012 10 1234", 0.1) == ""
    bench.modem.lose_network(10)
    assert bench.wait(60).endswith("\r\n+CMS ERROR: 332\r\n")
    assert bench.stock == STOCK - 10_150
    assert "has loaded" in bench.texts()[0]
    assert "OK" in bench.say("AT")


def test_two_losses_are_one_until_the_later_end() -> None:
    bench = lost(seconds=60)
    bench.wait(30)
    bench.modem.lose_network(10)
    assert bench.wait(29) == ""
    assert "+CREG: 1" in bench.wait(2)
    bench.modem.lose_network(10)
    bench.modem.lose_network(60)
    assert "+CREG: 1" not in bench.wait(59)
    assert "+CREG: 1" in bench.wait(2)


@pytest.mark.parametrize("seconds", [3.0, 30.0])
def test_a_modem_that_boots_meanwhile_registers_when_both_are_over(seconds: float) -> None:
    bench = Bench(rack("wavecom", "telkomsel"))
    bench.modem.lose_network(seconds)
    bench.say("AT+CFUN=1,1", 0.5)
    bench.wait(7.5)
    assert not bench.modem.registered
    bench.wait(seconds)
    assert bench.modem.registered
