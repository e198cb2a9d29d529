"""A reload in a running daemon: what counts at once, what waits, and that a bad file does nothing.

The daemon of the small world on virtual time, with its files on the disk.
"""

import asyncio
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon import config, secrets
from pulsarack.daemon import log as logging
from pulsarack.daemon.calls.config_calls import ConfigCalls
from pulsarack.daemon.config import Config
from pulsarack.daemon.control_protocol import CallError
from pulsarack.daemon.control_values import Nothing
from pulsarack.daemon.secrets import Secret
from pulsarack.daemon.service import live_keys
from pulsarack.daemon.service.live_keys import EFFECTS
from pulsarack.daemon.service.reload import Refused, Reload, stale_credentials
from pulsarack.ussd.shelf import PACKAGED
from tests.daemon.virtual_loop import run
from tests.daemon.world import PEER, RECIPES, World, rack_plan

NUMBER = "081200000012"
BEFORE = '[daemon]\nsecrets_file = "secrets.toml"\nrecipes_dir = "recipes"\n'


class House:
    """A world whose daemon was started from files, and its reload."""

    def __init__(self, path: Path, world: World) -> None:
        self.world, self.path, self.told = world, path, []  # type: ignore[var-annotated]
        self.context = world.daemon.context
        self.reload = Reload(
            path / "pulsarack.toml",
            self.context,
            world.daemon.rack,
            {},
            log_anew=lambda: self.told.append("log"),
            tell=lambda *lines: self.told.append(lines[0]),
            threads=False,
        )

    def write(self, text: str) -> None:
        (self.path / "pulsarack.toml").write_text(BEFORE + text)


def write_pins(path: Path, pins: dict[str, str]) -> None:
    file = path / "secrets.toml"
    file.write_text("".join(f'["{one}"]\nchip_pin = "{pin}"\n' for one, pin in pins.items()))
    file.chmod(0o600)


def in_house(path: Path, test: Any, *chips: tuple[str, str], **plan: Any) -> None:
    async def work() -> None:
        world = World(path, rack_plan(*chips, **plan), settings=BEFORE)
        (path / "recipes").mkdir()
        write_pins(path, world.pins)
        await world.set_up()
        house = House(path, world)
        house.write("")
        assert (await house.reload.now()).changed == ()
        house.told.clear()
        await test(house)
        assert world.findings() == []
        await world.stop()

    run(work())


def test_every_key_of_the_models_is_in_the_table_and_nothing_else() -> None:
    found: dict[str, set[str]] = {}
    for section, key, _ in live_keys.keys(Config()):
        found.setdefault(section, set()).add(key)
    assert {section: set(keys) for section, keys in EFFECTS.items()} == found
    assert all(effect.why for keys in EFFECTS.values() for effect in keys.values())


def test_live_keys_count_from_the_next_use_and_the_others_are_named(tmp_path: Path) -> None:
    async def test(house: House) -> None:
        recipe = next(iter(house.context.shelf.recipes.values()))
        assert house.context.limits(recipe).reserve == 0
        house.write(
            'timezone = "Asia/Makassar"\nlog_level = "debug"\n[chips]\nreserve = 5000\n'
            '[texts]\nseparators = "."\n[[bank]]\nname = "bca"\n'
        )
        done = await house.reload.now()
        assert sorted(done.changed) == ["bank", "chips.reserve", "daemon.log_level",
                                        "texts.separators"]  # fmt: skip
        assert [one.key for one in done.restart] == ["daemon.timezone"]
        assert house.told == ["RELOADING=1", "log", "READY=1"]
        assert house.reload.remark == "needs a restart: daemon.timezone"
        assert house.context.limits(recipe).reserve == 5000
        assert house.context.config.daemon.timezone == "Asia/Jakarta"
        assert [one["name"] for one in (await house.world.call("bank.list"))["banks"]] == ["bca"]
        shown = await house.world.call("config.show")
        assert shown["config"]["chips"]["reserve"] == 5000
        # What needs a restart is named as long as the file says it, and only then.
        again = await house.reload.now()
        assert (again.changed, len(again.restart)) == ((), 1)
        house.write("")
        assert sorted((await house.reload.now()).changed)[0] == "bank"
        assert house.reload.remark == ""

    in_house(tmp_path, test, ("wavecom", "telkomsel"))


def test_a_reload_in_the_middle_of_a_sale_disturbs_nothing(tmp_path: Path) -> None:
    async def test(house: House) -> None:
        world = house.world
        file = f"{RECIPES['telkomsel']}.toml"
        shipped = next(one for one in PACKAGED.glob("*.toml") if one.name == file)
        orders = [await world.order(f"S10.0812000000{number:02}") for number in range(20, 23)]
        for round_ in range(4):
            await world.clock.sleep(2.5)
            (tmp_path / "recipes" / file).write_text(f"# {round_}\n{shipped.read_text()}")
            house.write(
                f"[chips]\nreserve = {round_}\n[sms]\nreceives = {str(round_ % 2 > 0).lower()}\n"
            )
            done = await house.reload.now()
            assert f"recipe {RECIPES['telkomsel']}" in done.changed
        await world.settle()
        assert set((await world.states()).values()) == {"SUCCEEDED"}
        assert len(world.delivered()) == len(orders)
        (slot,) = world.daemon.rack.slots.values()
        await world.clock.sleep(60)
        assert slot.desk is not None and slot.desk.recipe.source.startswith("# 3\n")

    in_house(tmp_path, test, ("wavecom", "telkomsel"))


def test_a_pin_that_was_missing_needs_no_restart(tmp_path: Path) -> None:
    async def work() -> None:
        world = World(tmp_path, rack_plan(("wavecom", "telkomsel")), settings=BEFORE)
        (tmp_path / "recipes").mkdir()
        pins, world.pins = world.pins, {}
        write_pins(tmp_path, {})
        await world.set_up()
        house = House(tmp_path, world)
        house.write("")
        order = await world.order(f"S10.{NUMBER}")
        await world.clock.sleep(60)
        (slot,) = world.daemon.rack.slots.values()
        assert "pulsarack config reload" in slot.life.why
        write_pins(tmp_path, pins)
        (iccid, pin), *_ = pins.items()
        out = io.StringIO()
        logging.configure("info", "json", out)
        assert (await house.reload.now()).changed == (f"PINs of chip {iccid}",)
        logging.get().info("test", text=f"a word {pin} and more")
        logging.configure("error", "json", io.StringIO())
        assert pin not in out.getvalue()
        await world.settle(300)
        assert (await world.states())[order] == "SUCCEEDED"
        assert world.findings() == []
        await world.stop()

    run(work())


BAD = [
    ("pulsarack.toml", "[chips]\nreserve = -1\n", "chips.reserve: -1 was given"),
    ("pulsarack.toml", "[chips\n", "pulsarack.toml:1"),
    ("pulsarack.toml", "[daemon]\nsecrets_file = 'none'\n", "none: there is no such file"),
    ("secrets.toml", '["89"]\nchip_pin = "987654"\n', "is not an ICCID"),
    ("recipes/mine.toml", "name = 1\n", "recipes/mine.toml"),
]


def test_a_bad_file_keeps_what_was_and_says_so(tmp_path: Path) -> None:
    async def test(house: House) -> None:
        for file, text, said in BAD:
            place = tmp_path / file
            house.write("[chips]\nreserve = 5000\n")
            before = place.read_text() if place.exists() else ""
            place.write_text(text)
            await refused(house, said)
            place.write_text(before)
            if not before:
                place.unlink()
        assert (await house.reload.now()).changed == ("chips.reserve",)
        assert house.reload.remark == ""

    in_house(tmp_path, test, ("wavecom", "telkomsel"))


async def refused(house: House, said: str) -> None:
    """A reload that must be refused and change nothing."""
    context = house.context
    before = context.config.chips, context.config.changes.count, dict(context.shelf.recipes)
    pins = secrets.Secrets(context.secrets._pins)
    house.told.clear()
    out = io.StringIO()
    logging.configure("info", "json", out)
    with pytest.raises(Refused) as error:
        await house.reload.now()
    logging.configure("error", "json", io.StringIO())
    assert said in str(error.value)
    assert said in house.reload.remark
    assert house.reload.remark.startswith("running with the configuration of before: ")
    (line,) = map(json.loads, out.getvalue().splitlines())
    assert (line["event"], line["level"]) == ("config.refused", "error")
    assert "987654" not in out.getvalue() + str(error.value)
    assert house.told == ["RELOADING=1", "READY=1"]
    after = context.config.chips, context.config.changes.count, dict(context.shelf.recipes)
    assert after == before
    assert context.secrets.changed(pins) == []


def test_what_was_secret_before_a_reload_is_secret_behind_it(tmp_path: Path) -> None:
    async def test(house: House) -> None:
        iccid, pin = next(iter(house.world.pins.items()))
        # As the channels register what they log in with.
        logging.mask([*house.context.secrets, Secret("t0ken-of-whatsapp")])
        write_pins(tmp_path, {**house.world.pins, iccid: "77665"})
        assert (await house.reload.now()).changed == (f"PINs of chip {iccid}",)
        for secret in (pin, "77665", "t0ken-of-whatsapp"):
            assert secret not in logging.masked(f"it said: {secret}.")
        write_pins(tmp_path, house.world.pins)
        await house.reload.now()

    in_house(tmp_path, test, ("wavecom", "telkomsel"))


def test_who_stops_is_not_ready_again(tmp_path: Path) -> None:
    async def test(house: House) -> None:
        await house.world.daemon.rack.stop(60.0)
        await house.reload.now()
        assert house.told == []

    in_house(tmp_path, test, ("wavecom", "telkomsel"))


def test_a_fault_of_ours_in_reading_ends_no_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError

    async def test(house: House) -> None:
        asked, out = asyncio.Event(), io.StringIO()
        running = asyncio.create_task(house.reload.run(asked))
        logging.configure("error", "json", out)
        with monkeypatch.context() as broken:
            broken.setattr("pulsarack.daemon.service.reload.read", fault)
            asked.set()
            await house.world.clock.sleep(1)
        logging.configure("error", "json", io.StringIO())
        assert json.loads(out.getvalue())["event"] == "config.fault"
        house.write("[chips]\nreserve = 5000\n")
        asked.set()
        await house.world.clock.sleep(1)
        assert house.context.config.chips.reserve == 5000
        running.cancel()

    in_house(tmp_path, test, ("wavecom", "telkomsel"))


def test_a_recipe_by_which_a_chip_works_cannot_vanish(tmp_path: Path) -> None:
    async def test(house: House) -> None:
        world = house.world
        text = (PACKAGED / f"{RECIPES['telkomsel']}.toml").read_text()
        mine = tmp_path / "recipes" / "mine.toml"
        mine.write_text(text.replace(f'"{RECIPES["telkomsel"]}"', '"mine"', 1))
        assert (await house.reload.now()).changed == ("recipe mine",)
        (iccid,) = world.pins
        await world.call("chip.adopt", iccid=iccid, operator="telkomsel", recipe="mine")
        await world.clock.sleep(120)
        mine.unlink()
        with pytest.raises(Refused, match=f"recipe mine is gone, and chip {iccid}"):
            await house.reload.now()
        assert "mine" in house.context.shelf.recipes

    in_house(tmp_path, test, ("wavecom", "telkomsel"))


def test_the_call_answers_what_changed_or_why_not(tmp_path: Path) -> None:
    async def test(house: House) -> None:
        office = type("Office", (), {"context": house.context, "reload": house.reload})()
        calls = ConfigCalls(office)
        house.write('log_level = "debug"\n[rehearsal]\nspeed = 2.0\n')
        answer = await calls.reload(Nothing(), PEER)
        assert answer["changed"] == ["daemon.log_level"]
        assert [one["key"] for one in answer["restart"]] == ["rehearsal.speed"]
        house.write("[chips]\nreserve = 'x'\nper_day = 0\n")
        with pytest.raises(CallError, match="and 1 more") as refused:
            await calls.reload(Nothing(), PEER)
        assert refused.value.code == "BAD_CONFIG"
        # A daemon that was not started from files has none to read.
        assert (await house.world.refusal("config.reload")).code == "NO_FILES"

    in_house(tmp_path, test, ("wavecom", "telkomsel"))


def test_a_credential_that_is_newer_than_systemds_copy_needs_a_restart(tmp_path: Path) -> None:
    copies = tmp_path / "credentials"
    copies.mkdir()
    for name in ("secrets.toml", "pepper", "xmpp_password"):
        (copies / name).touch()
        (tmp_path / name).touch()
        os.utime(copies / name, (1000, 1000))
        os.utime(tmp_path / name, (2000 if name != "pepper" else 500,) * 2)
    settings = config.parse({"xmpp": {"password_file": "mine"}}, tmp_path / "x.toml")
    environ = {"CREDENTIALS_DIRECTORY": str(copies)}
    found = list(stale_credentials(tmp_path, settings, environ))
    assert [one.key for one in found] == ["credential secrets.toml"]
    assert list(stale_credentials(tmp_path, settings, {})) == []


def test_only_the_live_keys_of_a_section_are_taken() -> None:
    running = Config()
    new = config.parse(
        {"agents": {"code_prefix": "K", "lost_keys": ["0123456789abcdef"]}}, Path("/x/y.toml")
    )
    before = running.changes.count
    live_keys.take_live(running, new)
    assert (running.agents.code_prefix, running.agents.lost_keys) == ("K", ())
    assert running.changes.count != before
