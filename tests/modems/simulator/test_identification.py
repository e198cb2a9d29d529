"""What each model says of itself, byte by byte."""

from dataclasses import replace

import pytest

from tests.modems.simulator.virtual import Bench, rack

IMEI = "350001000001036"
ICCID = "8962100000000000010"


def answered(line: str) -> str:
    return f"\r\n{line}\r\n\r\nOK\r\n"


IDENTITIES = {
    "wavecom": (
        answered(" WAVECOM MODEM"),
        answered(" MULTIBAND  900E  1800"),
        "\r\nERROR\r\n",
        "AT+CCID",
        answered(f'+CCID: "{ICCID}"'),
    ),
    "huawei-e1550": (
        answered("huawei"),
        answered("E1550"),
        answered("11.608.09.01.21"),
        "AT^ICCID?",
        answered(f"^ICCID: {ICCID}"),
    ),
    "huawei-e173": (
        answered("huawei"),
        answered("E173"),
        answered("11.126.85.00.209"),
        "AT^ICCID?",
        answered(f"^ICCID: {ICCID}"),
    ),
    "quectel-m35": (
        answered("Quectel_Ltd"),
        answered("Quectel_M35"),
        answered("Revision: M35FAR02A01"),
        "AT+QCCID",
        answered(ICCID),
    ),
    "simcom-sim800": (
        answered("SIMCOM_Ltd"),
        answered("SIMCOM_SIM800"),
        answered("Revision:1418B05SIM800L24"),
        "AT+CCID",
        answered(ICCID),
    ),
    "zte-mf190": (
        answered("ZTE CORPORATION"),
        answered("MF190"),
        answered("BD_MF190V1.0.0B05"),
        "AT+ICCID",
        answered(f"ICCID: {ICCID}"),
    ),
    "quectel-ec25": (
        answered("Quectel"),
        answered("EC25"),
        answered("EC25EFAR06A06M4G"),
        "AT+QCCID",
        answered(f"+QCCID: {ICCID}"),
    ),
    "simcom-sim7600": (
        answered("SIMCOM INCORPORATED"),
        answered("SIMCOM_SIM7600E-H"),
        answered("+CGMR: LE20B04SIM7600M22"),
        "AT+CICCID",
        answered(f"+ICCID: {ICCID}"),
    ),
    "telit-he910": (
        answered("Telit"),
        answered("HE910-D"),
        answered("12.00.004"),
        "AT#CCID",
        answered(f"#CCID: {ICCID}"),
    ),
}


@pytest.mark.parametrize("dialect", IDENTITIES)
def test_identification_transcript(dialect: str) -> None:
    bench = Bench(rack(dialect, "telkomsel"))
    manufacturer, model, revision, ask_iccid, iccid = IDENTITIES[dialect]
    assert bench.say("AT+CGMI") == manufacturer
    assert bench.say("AT+CGMM") == model
    assert bench.say("AT+CGMR") == revision
    assert bench.say("AT+CGSN") == answered(IMEI)
    assert bench.say(ask_iccid) == iccid
    assert bench.say("AT+CIMI") == answered("510100000000001")
    assert bench.say("AT+CRSM=176,12258,0,0,10") == answered(f'+CRSM: 144,0,"{swapped(ICCID)}"')
    assert bench.say("AT+CREG?") == answered("+CREG: 0,1")


def swapped(iccid: str) -> str:
    padded = iccid + "F" * (20 - len(iccid))
    return "".join(b + a for a, b in zip(padded[::2], padded[1::2], strict=True))


def test_echo_is_on_at_first_and_doubles_the_cr() -> None:
    bench = Bench(rack("quectel-m35", "telkomsel"), power=False)
    bench.world.power_on()
    bench.wait(15)
    assert bench.say("AT") == "AT\r\r\nOK\r\n"
    assert bench.say("AT+CSCS?") == 'AT+CSCS?\r\r\n+CSCS: "UCS2"\r\n\r\nOK\r\n'
    assert bench.say("ATE0") == "ATE0\r\r\nOK\r\n"
    assert bench.say("AT") == "\r\nOK\r\n"


@pytest.mark.parametrize("one_by_one", [False, True])
def test_bytes_may_come_one_by_one(one_by_one: bool) -> None:
    bench = Bench(rack("wavecom", "telkomsel"))
    bench.heard.clear()
    data = b"\x1b\rATE0+CMEE=1;+CSCS?\r\n"
    for piece in [data[place : place + 1] for place in range(len(data))] if one_by_one else [data]:
        bench.modem.feed(piece)
    assert bench.heard == b'\r\n+CSCS: "GSM"\r\n\r\nOK\r\n'


def test_wavecom_leaves_out_the_ok_after_cpin() -> None:
    assert Bench(rack("wavecom", "xl")).say("AT+CPIN?") == "\r\n+CPIN: READY\r\n"
    assert Bench(rack("huawei-e173", "xl")).say("AT+CPIN?") == answered("+CPIN: READY")


def test_wavecom_is_busy_at_first() -> None:
    bench = Bench(rack("wavecom", "telkomsel"), power=False)
    bench.world.power_on()
    assert bench.say("ATE0+CIMI", 1) == "ATE0+CIMI\r\r\n+CME ERROR: 515\r\n\r\n+WIND: 1\r\n"
    assert "+WIND: 4" in bench.wait(10)
    assert bench.say("AT+CIMI") == answered("510100000000001")
    bench.say("AT+CFUN=0")
    bench.say("AT+CFUN=1")
    assert bench.say("AT+CMGL=4") == "\r\n+CME ERROR: 515\r\n"


def test_sim800_swallows_the_first_line_and_doubles_cr() -> None:
    bench = Bench(rack("simcom-sim800", "telkomsel"), power=False)
    bench.world.power_on()
    assert "\r\r\nCall Ready\r\r\n" in bench.wait(8)
    assert bench.say("AT") == ""
    assert bench.say("AT") == "AT\r\r\nOK\r\n"


def test_unknown_commands() -> None:
    assert Bench(rack("huawei-e1550", "xl")).say("AT+WIND?") == "\r\nCOMMAND NOT SUPPORT\r\n"
    assert Bench(rack("wavecom", "xl")).say("AT^ICCID?") == "\r\nERROR\r\n"
    quectel = Bench(rack("quectel-m35", "xl"))
    assert quectel.say("AT+MODE=2") == "\r\nERROR\r\n"
    quectel.say("AT+CMEE=1")
    assert quectel.say("AT+MODE=2") == "\r\n+CME ERROR: 100\r\n"


def test_three_levels_of_error_reports() -> None:
    bench = Bench(rack("huawei-e173", "xl"))
    for level, answer in ((0, "ERROR"), (1, "+CME ERROR: 50"), (2, "+CME ERROR: Incorrect")):
        bench.say(f"AT+CMEE={level}")
        assert bench.say('AT+CSCS="MORSE"').startswith(f"\r\n{answer}")


def test_huawei_talks_in_between_until_told_not_to() -> None:
    bench = Bench(rack("huawei-e1550", "xl"))
    assert "\r\n^" in bench.wait(100)
    assert bench.say("AT^CURC=0") == "\r\nOK\r\n"
    assert bench.wait(100) == ""


def test_reset_takes_a_stick_off_the_bus() -> None:
    bench = Bench(rack("huawei-e173", "xl"))
    assert bench.say("AT+CFUN=1,1", 5) == "\r\nOK\r\n"
    assert bench.bus == ["gone"]
    bench.wait(10)
    assert bench.bus == ["gone", "back"]
    assert bench.say("AT", 1) == "AT\r\r\nOK\r\n"


def test_sim_pin() -> None:
    plan = rack("quectel-m35", "xl")
    chip = replace(plan.modems[0].chip, sim_pin="9876")
    bench = Bench(replace(plan, modems=(replace(plan.modems[0], chip=chip),)))
    bench.say("AT+CMEE=1")
    assert bench.say("AT+CPIN?") == answered("+CPIN: SIM PIN")
    assert bench.say("AT+CIMI") == "\r\n+CME ERROR: 11\r\n"
    assert bench.say('AT+CPIN="0000"') == "\r\n+CME ERROR: 16\r\n"
    assert bench.say('AT+CPIN="9876"') == "\r\nOK\r\n"
    bench.wait(10)
    assert bench.say("AT+CREG?") == answered("+CREG: 0,1")


@pytest.mark.parametrize(
    ("dialect", "ask", "tries", "ask_iccid", "told"),
    [
        ("zte-mf190", "AT+ZPINPUK=?", "+ZPINPUK: {},10", "AT+ICCID", True),
        ("quectel-ec25", "AT+QPINC?", '+QPINC: "SC",{},10', "AT+QCCID", True),
        ("simcom-sim7600", "AT+SPIC", "+SPIC: {},10,3,10", "AT+CICCID", True),
        ("simcom-sim800", "AT+SPIC", "+SPIC: {},3,10,10", "AT+CCID", False),
        ("telit-he910", "AT#PCT", "#PCT: {}", "AT#CCID", False),
        ("wavecom", "AT+CPINC", "+CPINC: {},3,10,10", "AT+CCID", False),
    ],
)
def test_what_a_locked_card_lets_the_modem_tell(
    dialect: str, ask: str, tries: str, ask_iccid: str, told: bool
) -> None:
    plan = rack(dialect, "xl")
    chip = replace(plan.modems[0].chip, sim_pin="9876")
    bench = Bench(replace(plan, modems=(replace(plan.modems[0], chip=chip),)))
    assert bench.say(ask) == answered(tries.format(3))
    bench.say('AT+CPIN="0000"')
    assert bench.say(ask) == answered(tries.format(2))
    assert (chip.iccid in bench.say(ask_iccid)) == told


def test_area_and_cell_are_told_if_asked_for() -> None:
    bench = Bench(rack("quectel-ec25", "xl"))
    bench.say("AT+CREG=2")
    assert bench.say("AT+CREG?") == answered('+CREG: 2,1,"23A1","01C3D4E5",2')


def test_hostile_bytes_do_no_harm() -> None:
    bench = Bench(rack("wavecom", "xl"))
    bench.write(bytes(range(256)) * 40 + b"\r")
    for line in (
        'AT+CUSD=1,"',
        "AT+CMGL=99",
        "AT=",
        "AT&",
        "AT+CMGS=x",
        "AT;;",
        "AT+?",
        "AT+CNMI=,",
    ):
        bench.say(line, 2)
        bench.write(b"\x1b")
    assert bench.say("AT") == "\r\nOK\r\n"
