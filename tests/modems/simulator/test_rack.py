"""Rack files: the shipped ones are sound, a wrong one names all its faults at once."""

from pathlib import Path

import pytest

from pulsarack.modems.simulator import rack as rack_module
from pulsarack.modems.simulator.catalogue import chips
from pulsarack.modems.simulator.dialects.every_dialect import DIALECTS
from pulsarack.modems.simulator.errors import RackErrors
from pulsarack.modems.simulator.menu_weather import MenuFault
from pulsarack.modems.simulator.operators.every_operator import OPERATORS
from pulsarack.modems.simulator.rack import load_rack
from pulsarack.modems.simulator.sms_weather import SmsMix
from tests.modems.simulator import virtual

RACKS = Path(rack_module.__file__).parent / "racks"


def test_the_demonstration_rack() -> None:
    rack = load_rack(RACKS / "demo.toml")
    operators = [modem.chip.operator for modem in rack.modems]
    assert {name: operators.count(name) for name in set(operators)} == {
        "telkomsel": 3,
        "indosat": 3,
        "xl": 2,
    }
    models = {modem.dialect for modem in rack.modems}
    assert len(models) == len(rack.modems)
    assert models <= set(DIALECTS)
    assert 0.12 <= sum((rack.faults.mix or {}).values()) <= 0.16


def test_the_rack_of_four() -> None:
    path = RACKS / "four.toml"
    rack = load_rack(path)
    assert {modem.chip.operator for modem in rack.modems} == set(OPERATORS)
    assert not rack.faults.mix and not rack.faults.schedule
    cards = chips(path)
    assert [card.iccid for card in cards] == [modem.chip.iccid for modem in rack.modems]
    assert "pin" not in repr(cards[0])


def test_names_agree() -> None:
    assert tuple(DIALECTS) == rack_module.DIALECTS
    assert tuple(OPERATORS) == rack_module.OPERATORS


def test_all_problems_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        """
        speed = 3
        [[operator]]
        name = "telkomsel"
        costs = { 10 = -1, ten = 3 }
        [[modem]]
        dialect = "nokia"
        imei = "350001000001037"
        [modem.chip]
        operator = "axis"
        iccid = "8962100000000000011"
        imsi = "1"
        msisdn = "0812"
        chip_pin = 1234
        stock = true
        [[fault]]
        at_order = 0
        kind = "fire"
        [fault_mix]
        hang = 2
        flood = 0.1
        [sms_mix]
        delayed = 1.5
        delayed_seconds = [20, 10]
        tripled = 0.1
        [menu_mix]
        lost = 0.6
        ended = 0.6
        unplugged = 0.1
        """
    )
    with pytest.raises(RackErrors) as caught:
        load_rack(path)
    places = {problem.split(":")[0] for problem in caught.value.problems}
    assert places == {
        "rack.speed",
        "operator[1].costs.10",
        "operator[1].costs.ten",
        "modem[1].dialect",
        "modem[1].imei",
        "modem[1].chip.operator",
        "modem[1].chip.iccid",
        "modem[1].chip.imsi",
        "modem[1].chip.msisdn",
        "modem[1].chip.chip_pin",
        "modem[1].chip.stock",
        "fault[1].at_order",
        "fault[1].kind",
        "rack.fault_mix.hang",
        "rack.fault_mix.flood",
        "rack.sms_mix.delayed",
        "rack.sms_mix.delayed_seconds",
        "rack.sms_mix.tripled",
        "rack.menu_mix.*",
        "rack.menu_mix.unplugged",
    }


def test_weather_tables() -> None:
    text = """
    [sms_mix]
    delayed = 0.02
    doubled = 0.03
    doubled_seconds = [5, 60]
    [menu_mix]
    lost = 0.01
    refused = 0.02
    ended = 0
    """
    plan = virtual.rack("wavecom", "telkomsel", text)
    assert plan.sms_mix == SmsMix(delayed=0.02, doubled=0.03, doubled_seconds=(5.0, 60.0))
    assert plan.sms_mix.delayed_seconds == (600.0, 14_400.0)
    assert plan.menu_mix.shares == {MenuFault.LOST: 0.01, MenuFault.REFUSED: 0.02}
    calm = virtual.rack("wavecom", "telkomsel")
    assert calm.sms_mix.calm and not calm.menu_mix.shares


@pytest.mark.parametrize(
    ("text", "word"), [("x = ", "TOML"), ("[[modem]]\n[[modem]]", "imei"), ("", "[[modem]]")]
)
def test_broken_files(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(RackErrors, match=word.replace("[", r"\[")):
        load_rack(path)
    with pytest.raises(RackErrors, match="cannot be read"):
        load_rack(tmp_path / "none.toml")
