"""Phones behind gammu: their sections, their paths, and one that comes into the rack."""

import asyncio
import io
import itertools
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from pulsarack.daemon import config
from pulsarack.daemon import log as logging
from pulsarack.daemon.config import Config
from pulsarack.daemon.config_errors import ConfigErrors
from pulsarack.daemon.context import Context
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.events import Events
from pulsarack.daemon.ports import SerialPorts, problems
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.run import prepare
from pulsarack.daemon.secrets import Secrets
from pulsarack.modems.profile import Profiles
from pulsarack.queue import chips
from tests.daemon.store_inline import InlineStore
from tests.daemon.world import SHELF

ICCID, IMSI = "8962100000000000012", "994299429942994"
PHONE = f"""
[[port]]
path = "phone"
driver = "gammu"
connection = "none"
model = "dummy"
iccid = "{ICCID}"
imsi = "{IMSI}"
"""
SPEED = 50.0


class FastClock:
    """The event loop's clock, fifty times as fast."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() * SPEED

    def now_ms(self) -> int:
        return 1_795_331_100_000 + int(self.monotonic() * 1000)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_at(when / SPEED, callback)


def parsed(directory: Path, text: str) -> Config:
    return config.parse(tomllib.loads(text), directory / "pulsarack.toml", text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('imsi = "', '# imsi = "'), "port[1].imsi: is missing"),
        (('connection = "none"', ""), "port[1].connection: is missing"),
        (('driver = "gammu"', ""), 'only for driver = "gammu"'),
        ((ICCID, "62"), "18 to 20 digits"),
        (('"none"', '"a b"'), "the word that gammu has for it"),
        (('"gammu"', '"nokia"'), "allowed are"),
    ],
)
def test_what_is_wrong_with_a_section_is_told(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parsed(tmp_path, PHONE.replace(*change))
    assert said in str(caught.value)


async def test_a_phone_is_looked_for_without_word_of_udev(tmp_path: Path) -> None:
    clock = FastClock()
    ports = SerialPorts(parsed(tmp_path, PHONE), clock, logging.get())
    async with asyncio.timeout(10):  # the sleep of who is told by udev takes 72 s here
        await ports.wait(clock, 0.5)


def test_a_phone_is_there_while_its_device_is(tmp_path: Path) -> None:
    settings = parsed(tmp_path, PHONE)
    sections, ports = settings.ports, SerialPorts(settings, FastClock(), logging.get())
    assert ports.look() == {}
    assert problems(sections)
    (tmp_path / "phone").mkdir()
    assert list(ports.look()) == [str(tmp_path / "phone")]
    assert problems(sections) == []


async def test_a_phone_comes_into_the_rack(tmp_path: Path) -> None:
    logging.configure("error", "json", io.StringIO())
    (tmp_path / "phone").mkdir()
    settings, clock = parsed(tmp_path, PHONE), FastClock()
    store = InlineStore.open(tmp_path / "x.db", now_ms=clock.now_ms(), synchronous="OFF")
    numbers = itertools.count()
    context = Context(
        settings,
        clock,
        store,
        SHELF,
        Secrets(),
        Events(),
        logging.get(),
        lambda: f"{next(numbers)}",
    )
    await prepare(context)
    ports = SerialPorts(settings, clock, logging.get())
    rack = Rack(context, Dispatcher(context), Profiles.load(), ports)
    rack.look()
    [slot] = rack.slots.values()
    while rack.slot_of(ICCID) is None:
        assert not slot.life.why, slot.life.why
        await asyncio.sleep(0.01)
    assert (slot.profile, slot.life.stage.value) == ("gammu", "ready")
    assert slot.network is not None and slot.network.cell == 0xFACE
    assert store.read_inline(lambda db: chips.find(db, ICCID)) is not None
    await rack.stop(60.0)
    store.close()
