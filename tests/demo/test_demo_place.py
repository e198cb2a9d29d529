"""The directory of a run and what is read from a rack file: as the daemon will read them."""

import stat
from pathlib import Path

import pytest

from pulsarack.daemon import config, secrets
from pulsarack.daemon.demo import place
from pulsarack.daemon.demo.enlist import Trade
from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.demo.main import RACK
from pulsarack.modems.simulator import catalogue

CHIPS = catalogue.chips(RACK)


@pytest.mark.parametrize("name", ["run", "with space", 'quote"d', "[1] * {x}", "ümlaut"])
def test_the_daemon_reads_what_was_written(tmp_path: Path, name: str) -> None:
    made = place.prepare(tmp_path / name, CHIPS, 20.0, 1_795_350_000.25)
    read = config.load(made.config)
    assert (read.rehearsal.speed, read.rehearsal.anchor) == (20.0, 1_795_350_000.25)
    assert read.daemon.socket == made.socket
    assert read.daemon.state_dir == made.database.parent
    made.ports.mkdir()
    (made.ports / "modem0").touch()
    (port,) = read.ports
    assert list(Path("/").glob(port.path[1:])) == [made.ports / "modem0"]
    assert read.daemon.secrets_file is not None
    assert stat.S_IMODE(made.secrets.stat().st_mode) == 0o600
    pins = secrets.load(read.daemon.secrets_file, {})
    assert len(pins) == len(CHIPS)
    pin = pins.chip_pin(CHIPS[0].iccid)
    assert pin is not None
    assert pin.reveal() == CHIPS[0].pin


def test_a_directory_is_used_once(tmp_path: Path) -> None:
    place.prepare(tmp_path / "run", CHIPS, 1.0, 0.0)
    with pytest.raises(DemoError, match="not empty"):
        place.prepare(tmp_path / "run", CHIPS, 1.0, 0.0)


def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="too long"):
        place.prepare(tmp_path / ("x" * 100), CHIPS, 1.0, 0.0)
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_no_directory_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DemoError, match="cannot be used"):
        place.prepare(tmp_path / "file" / "run", CHIPS, 1.0, 0.0)


def test_the_trade_of_the_rack_that_comes_along() -> None:
    trade = Trade(RACK)
    shops = trade.shops()
    assert {shop.operator: shop.chips for shop in shops} == trade.operators
    assert all(len(shop.codes) == 6 and shop.bad_endings == ("00", "01") for shop in shops)
    assert all(int(row["price"]) > int(row["cost"]) for row in trade.products)


def test_prices_follow_the_rack(tmp_path: Path) -> None:
    rack = tmp_path / "rack.toml"
    text = RACK.read_text(encoding="utf-8")
    rack.write_text(text.replace('name = "xl"\n', 'name = "xl"\ncosts = { 10 = 20000 }\n'))
    rows = {row["code"]: row for row in Trade(rack).products}
    assert (rows["X10"]["cost"], rows["X10"]["price"]) == (20_000, 20_500)
    assert (rows["X5"]["cost"], rows["S10"]["cost"]) == (5_125, 10_150)


def test_a_rack_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="rack"):
        Trade(tmp_path / "none.toml")
