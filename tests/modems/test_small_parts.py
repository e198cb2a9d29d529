"""Identity, life, watching and profiles."""

import os
from pathlib import Path

import pytest

from pulsarack.modems import identity, life, watch
from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.errors import IllegalMove, ProfileErrors
from pulsarack.modems.life import ModemLife, Stage, Step
from pulsarack.modems.profile import SHIPPED, Profiles
from pulsarack.modems.watch import Appeared, PortKey, Replaced, Vanished


@pytest.mark.parametrize(
    ("line", "iccid"),
    [
        ("+CCID: 8962100000000000012F", "8962100000000000012"),
        ('+CCID: "8962100000000000012"', "8962100000000000012"),
        ("^ICCID: 98260100000000000021", "89621000000000000012"),
        ("89621000000000000012", "89621000000000000012"),
        ('+CRSM: 144,0,"982601000000000000F2"', "8962100000000000002"),
        ('"898602C0123456789012"', "898602C0123456789012"),
        ("982314203264096", None),
        ("98231420326pl9614067", None),
        ('"0044200053671052499"', None),
        ("ERROR", None),
    ],
)
def test_iccid(line: str, iccid: str | None) -> None:
    assert identity.parse_iccid((line,)) == iccid


@pytest.mark.parametrize(
    ("line", "imei"),
    [
        ("351596030000000", "351596030000000"),
        ('"351596030000000"', "351596030000000"),
        ("+CGSN: 351596030000000", "351596030000000"),
        ("351596030000000,SE393939TS", "351596030000000"),
        ("3515960300000007", "351596030000000"),
        ("12de4fa6", ""),
    ],
)
def test_imei(line: str, imei: str) -> None:
    assert identity.parse_imei(("", line)) == imei


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (" MULTIBAND  900E  1800 ", "MULTIBAND 900E 1800"),
        ('"Motorola"', "Motorola"),
        ('"GSM900","GSM1800","MODEL=I250-000"', "I250-000"),
        ("+CGMR: BD_1.0", "BD_1.0"),
        ("Model: E160", "E160"),
        ("Model:X-1", "Model:X-1"),
    ],
)
def test_names(line: str, name: str) -> None:
    assert identity.parse_name((line,)) == name


def test_imsi() -> None:
    assert identity.parse_imsi(("510100000000012",)) == "510100000000012"
    assert identity.parse_imsi(("ERROR",)) is None


def test_life_from_appearance_to_readiness_and_back() -> None:
    modem = ModemLife()
    for step in (Step.OPEN, Step.IDENTIFY, Step.INITIALISE, Step.REGISTER, Step.MAKE_READY):
        modem = modem.apply(step)
    assert modem.stage is Stage.READY
    assert modem.apply(Step.LOSE_NETWORK, "+CREG: 2") == ModemLife(Stage.INITIALISED, "+CREG: 2")
    failed = modem.apply(Step.FAIL, "silent")
    assert (failed.stage, failed.why) == (Stage.FAILED, "silent")
    assert failed.apply(Step.RETRY).stage is Stage.APPEARED
    assert modem.apply(Step.VANISH).apply(Step.APPEAR).stage is Stage.APPEARED


def test_every_other_step_is_refused() -> None:
    for stage in Stage:
        for step in Step:
            if (stage, step) not in life.TABLE:
                with pytest.raises(IllegalMove):
                    ModemLife(stage).apply(step)


def test_differences_of_snapshots() -> None:
    a, b = PortKey("/dev/ttyUSB0", 1, 1), PortKey("/dev/ttyUSB1", 2, 2)
    changes = watch.difference({"x": a, "y": a, "z": a}, {"y": b, "z": a, "w": b})
    assert changes == [Vanished("x"), Replaced("y"), Appeared("w")]
    assert watch.difference({"x": a}, {"x": a}) == []


def test_scanning_finds_devices_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no device")
    (tmp_path / "null").symlink_to("/dev/null")
    found = watch.scan([f"{tmp_path}/*", str(tmp_path / "missing")])
    assert set(found) == {str(tmp_path / "null")}
    assert found[str(tmp_path / "null")].realpath == os.path.realpath("/dev/null")


def test_another_directory_adds_and_replaces(tmp_path: Path) -> None:
    text = (SHIPPED / "simcom.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace('store = "SM"', 'store = "ME"'))
    assert Profiles.load(tmp_path).choose("SIMCOM", "").sms_store == "ME"


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        'name = "a"\nrnk = 1\n[match]\nmodel = ["("]\n[ussd]\nencodings = ["morse"]\n'
        "[sms]\ncpms_stores = 9\n[seconds]\nprompt = true\n[[init]]\nsend = 'rm'\n"
    )
    (tmp_path / "b.toml").write_text("name = \n")
    with pytest.raises(ProfileErrors) as caught:
        Profiles.load(tmp_path, tmp_path / "missing")
    said = "\n".join(caught.value.problems)
    for word in ("rnk", "model", "morse", "cpms_stores", "prompt", "init 1: send", "b.toml"):
        assert word in said
    assert "missing" in said


def test_learnt_encodings_come_first() -> None:
    profiles = Profiles.load()
    profile = profiles.choose("huawei", "E3531")
    profiles.learned.learn("E3531 1", UssdEncoding.PLAIN)
    assert profiles.encodings(profile, "E3531 1") == (UssdEncoding.PLAIN, UssdEncoding.PACKED_HEX)
    assert profiles.encodings(profile, "E173")[0] is UssdEncoding.PACKED_HEX
