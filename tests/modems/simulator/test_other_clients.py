"""What other programs ask a modem, byte by byte as makers' modems answer it.

Each case stopped such a program on the simulated rack (tests/clients), and no real one.
"""

import pytest

from tests.modems.simulator.test_identification import answered
from tests.modems.simulator.virtual import Bench, rack


@pytest.mark.parametrize("dialect", ["huawei-e1550", "huawei-e173"])
def test_huawei_chooses_the_port_that_tells_of_messages(dialect: str) -> None:
    assert Bench(rack(dialect, "xl")).say("AT^PORTSEL=1") == "\r\nOK\r\n"


def test_zte_is_told_not_to_come_as_a_disc() -> None:
    assert Bench(rack("zte-mf190", "xl")).say("AT+ZCDRUN=8") == "\r\nOK\r\n"


@pytest.mark.parametrize("command", ["AT$TSSPCSW=?", "AT#CCID", "AT!GSTATUS?"])
def test_commands_of_other_makers_are_unknown_and_not_unreadable(command: str) -> None:
    assert Bench(rack("huawei-e1550", "xl")).say(command) == "\r\nCOMMAND NOT SUPPORT\r\n"
    quectel = Bench(rack("quectel-m35", "xl"))
    quectel.say("AT+CMEE=1")
    assert quectel.say(command) == "\r\n+CME ERROR: 100\r\n"


def test_the_network_by_number_and_by_name() -> None:
    bench = Bench(rack("huawei-e173", "xl"))
    assert bench.say("AT+COPS?") == answered('+COPS: 0,0,"XL"')
    assert bench.say("AT+COPS=3,2;+COPS?") == answered('+COPS: 0,2,"51011"')
    assert bench.say("AT+COPS=0;+COPS?") == answered('+COPS: 0,2,"51011"')
    assert bench.say("AT+COPS=3,0;+COPS?") == answered('+COPS: 0,0,"XL"')
    assert bench.say("AT+COPS=3,3") == "\r\nERROR\r\n"


def test_a_number_is_no_text_in_ucs2() -> None:
    bench = Bench(rack("quectel-m35", "xl"))
    assert bench.say("AT+COPS?") == answered('+COPS: 0,0,"0058004C"')
    assert bench.say("AT+COPS=3,2;+COPS?") == answered('+COPS: 0,2,"51011"')


def test_packet_registration_is_reported_for_itself() -> None:
    bench = Bench(rack("simcom-sim800", "xl"))
    assert bench.say("AT+CGREG?") == answered("+CGREG: 0,1")
    assert bench.say("AT+CGREG=1;+CREG?") == answered("+CREG: 0,1")
    assert bench.say("AT+CGREG?") == answered("+CGREG: 1,1")
    assert bench.say("AT+CGREG=?") == answered("+CGREG: (0-2)")


def test_sim800_doubles_the_cr_only_where_it_is_known_to() -> None:
    bench = Bench(rack("simcom-sim800", "telkomsel"))
    bench.say("AT+CUSD=1")
    heard = bench.dial("*776*1234#")
    assert "\r\n\r\n+CUSD: " in heard
    assert "\r\r\n" not in heard


def test_full_functionality_that_is_there_already_costs_no_time() -> None:
    bench = Bench(rack("wavecom", "xl"))
    assert bench.say("AT+CFUN=1;+CREG?") == answered("+CREG: 0,1")
    assert bench.say("AT+CMGL=4") == "\r\nOK\r\n"


@pytest.mark.parametrize("dialect", ["wavecom", "huawei-e1550", "quectel-m35", "simcom-sim800"])
def test_it_says_that_it_is_a_gsm_modem(dialect: str) -> None:
    assert Bench(rack(dialect, "xl")).say("AT+GCAP") == answered("+GCAP: +CGSM,+FCLASS")


def test_strings_in_hex_are_septets_one_by_one() -> None:
    bench = Bench(rack("wavecom", "telkomsel"))
    bench.say('AT+CUSD=1;+CSCS="HEX"')
    heard = bench.dial("2A3737362A3132333423")
    # "Sisa stok Anda"
    assert ',"536973612073746F6B20416E6461' in heard
    assert bench.dial("*776*1234#") == "\r\nERROR\r\n"
    assert bench.dial("2A8023") == "\r\nERROR\r\n"
