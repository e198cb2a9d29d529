"""Profiles: which one is taken, a recorded conversation of each, and what a mistake in one says.

Each recording knows exactly what the profile is to say: a command that it does not know fails
the test.
"""

import re
from pathlib import Path

import pytest

from pulsarack.modems import profile as profile_file
from pulsarack.modems.profile import SHIPPED, Profiles
from pulsarack.modems.profile_fields import Fields
from pulsarack.modems.results import Refused, Registration, UssdAnswer
from tests.modems.world import World
from tests.trace_player import TRACES, TracePort

STOCK = "Sisa stok Rp 5.000"
GUIDE = Path(__file__).parents[2] / "docs" / "profiles.md"


@pytest.mark.parametrize(
    ("manufacturer", "model", "name"),
    [
        ("WAVECOM MODEM", "MULTIBAND 900E 1800", "wavecom"),
        ("huawei", "E160", "huawei"),
        ("huawei", "E1550", "huawei"),
        ("huawei", "E173", "huawei"),
        ("huawei", "E3531", "huawei"),
        ("huawei", "K3715", "huawei"),
        ("HUAWEI INCORPORATED", "EC121", "huawei"),
        ("huawei", "E3372", "huawei_lte"),
        ("ZTE CORPORATION", "MF190", "zte"),
        ("ZTE INCORPORATED", "K3565-Z", "zte"),
        ("QUALCOMM INCORPORATED", "M6280", "qualcomm"),
        ("Quectel_Ltd", "Quectel_M35", "quectel_m35"),
        ("Quectel", "UC20", "quectel"),
        ("Quectel", "EC20F", "quectel"),
        ("Quectel", "EC25", "quectel"),
        ("SIMCOM_Ltd", "SIMCOM_SIM800L", "simcom"),
        ("SIMCOM_Ltd", "SIMCOM_SIM900", "simcom"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "simcom_lte"),
        ("SIMCOM INCORPORATED", "A7670E", "simcom_lte"),
        ("Telit", "UC864-E", "telit"),
        ("Sierra Wireless, Inc.", "C885", "sierra"),
        ("Sierra Wireless, Incorporated", "MC7455", "sierra"),
        ("SIEMENS", "MC55", "cinterion"),
        ("Cinterion", "PLS8-E", "cinterion"),
        ("Option N.V.", "GTM378", "generic"),
        ("", "", "generic"),
    ],
)
def test_profiles_are_chosen_by_maker_and_model(manufacturer: str, model: str, name: str) -> None:
    assert Profiles.load().choose(manufacturer, model).name == name


def played(trace: str) -> tuple[World, TracePort]:
    world = World([])
    port = TracePort(TRACES / f"{trace}.trace", world.clock)
    world.modem = type(world.modem)(port, world.clock, world.profiles, world.events.append)
    return world, port


@pytest.mark.parametrize(
    "trace", sorted(path.stem for path in SHIPPED.glob("*.toml") if path.stem != "generic")
)
async def test_every_profile_has_a_recording_that_it_gets_through(trace: str) -> None:
    world, port = played(trace)
    modem = world.modem
    identity = await world.run(modem.identify())
    assert identity.imei.startswith("351596030000")
    assert modem.profile.name == trace
    await world.run(modem.initialise())
    assert (await world.run(modem.read_chip())).iccid.startswith("896210000000000")
    while await world.run(modem.registration()) is not Registration.HOME:
        await world.clock.pass_time(1)
    code = {"wavecom": "*776*1234#", "huawei": "*888#"}.get(trace, "*776#")
    answer = await world.run(modem.dial_ussd(code, 30))
    assert isinstance(answer, UssdAnswer)
    assert trace == "wavecom" or answer.text == STOCK
    await world.run(modem.read_sms())
    assert port.recording.unknown == []


@pytest.mark.parametrize("trace", ["quectel", "sierra", "zte", "simcom_lte", "quectel_m35"])
async def test_area_and_cell_are_read(trace: str) -> None:
    world, _ = played(trace)
    await world.run(world.modem.identify())
    place = await world.run(world.modem.place())
    assert place.area == 0x1A2B
    assert place.cell in (0xC0FFEE, 0xC0FE)
    assert place.operator == "SIMULATED"


@pytest.mark.parametrize(
    ("trace", "error"), [("simcom", "+CUSD: 4"), ("cinterion", "+CME ERROR: 132")]
)
async def test_a_failure_behind_the_ok_proves_nothing(trace: str, error: str) -> None:
    world, _ = played(trace)
    await world.run(world.modem.identify())
    refused = await world.run(world.modem.dial_ussd("*777#", 30))
    assert isinstance(refused, Refused)
    assert refused.error.startswith(error)
    assert refused.left


# --- the guide --------------------------------------------------------------------------------


def known_keys() -> set[str]:
    """Every key a profile may have, as `table.key`."""
    raw = {"init": [{}], "chip": {"pin_tries": [{}]}}
    fields = Fields(raw, "")
    profile_file._profile(fields)
    found = set()

    def walk(one: Fields, place: str) -> None:
        names = [re.sub(r" \d+$", "", child._place.rsplit(": ", 1)[-1]) for child in one._children]
        for key in one._asked - set(names):
            found.add(f"{place}{key}")
        for child, name in zip(one._children, names, strict=True):
            walk(child, f"{place}{name}.")

    walk(fields, "")
    return found


def test_the_guide_explains_every_field_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z0-9_.-]+)` \|", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert sorted(row for row in rows if not row.endswith(".toml")) == sorted(known_keys())


def test_the_example_of_the_guide_is_a_profile(tmp_path: Path) -> None:
    [example] = re.findall(
        r"^```toml\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "fibocom.toml").write_text(example)
    profiles = Profiles.load(tmp_path)
    assert profiles.choose("Fibocom Wireless Inc.", "L610").name == "fibocom"
    assert profiles.choose("Quectel", "EC25").name == "quectel"


def test_the_guide_names_every_shipped_profile() -> None:
    text = GUIDE.read_text("utf-8")
    for path in SHIPPED.glob("*.toml"):
        assert f"`{path.name}`" in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('pattern = "abc"', "must have one group"),
        ('pattern = "("', "not a regular expression"),
        ("", "pattern: is missing"),
    ],
)
def test_a_wrong_pattern_for_tries_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.toml").write_text(
        f'name = "a"\n[ussd]\nencodings = ["plain"]\n[[chip.pin_tries]]\nsend = "AT+X"\n{text}\n'
    )
    with pytest.raises(profile_file.ProfileErrors, match=said):
        Profiles.load(tmp_path)


def test_an_encoding_that_nobody_has_is_no_key_of_before(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        'name = "a"\n[ussd]\nencodings = ["plain"]\n[ussd.before]\nmorse = "AT+X"\n'
    )
    with pytest.raises(profile_file.ProfileErrors, match="morse: unknown key"):
        Profiles.load(tmp_path)
