"""Files that people write for the daemon and for the simulated rack, and the rack's books."""

from collections.abc import Sequence
from pathlib import Path

from pulsarack.daemon import config, secrets, truth_books
from pulsarack.daemon.config_errors import ConfigErrors
from pulsarack.modems.errors import ProfileErrors
from pulsarack.modems.profile import Profiles
from pulsarack.modems.simulator.errors import RackErrors
from pulsarack.modems.simulator.rack import load_rack
from tests.fuzz import seeds
from tests.fuzz.target import Target, as_file

_TOML_WORDS = (
    b"\n[daemon]\n",
    b"\n[[port]]\n",
    b"\n[[modem]]\n",
    b"\n[costs]\n",
    b"\n[seconds]\ncommand = ",
    b'\npath = "',
    b"1979-05-27T07:32:00Z",
    b"{a = 1}",
    b"inf",
    b"nan",
    b'"\\u0000"',
)
_PINS = b'["8962100012345678901"]\nchip_pin = "123456"\nsim_pin = "1234"\n'
_JSON_WORDS = (b'"kind": ', b'"chip": ', b'"\\ud800"', b"{}", b"[]", b"NaN")


def _config(data: bytes) -> None:
    loaded = config.load(as_file(data, "pulsarack.toml"))
    assert Path(loaded.daemon.socket).is_absolute()
    assert loaded.orders.time_limit_seconds > 0


def _secrets(data: bytes) -> None:
    pins = secrets.read(as_file(data, "secrets.toml"))
    for pin in pins:
        assert pin.reveal().isascii() and pin.reveal().isdecimal()
        assert str(pin) == secrets.MASK


def _rack(data: bytes) -> None:
    rack = load_rack(as_file(data, "rack.toml"))
    assert rack.modems


def _profile(data: bytes) -> None:
    profiles = Profiles.load(as_file(data, "profiles/fuzz.toml").parent)
    assert profiles.choose("huawei", "E1550").ussd_encodings


def _truth(data: bytes) -> None:
    truth = truth_books.parse(data, "truth.jsonl")
    assert truth.operators
    assert all(top_up.chip in truth.operators for top_up in truth.top_ups)


TARGETS: Sequence[Target] = (
    Target("config", _config, lambda: [seeds.config_file()], (ConfigErrors,), _TOML_WORDS),
    Target("secrets", _secrets, lambda: [_PINS], (secrets.SecretsError,), _TOML_WORDS),
    Target("rack", _rack, seeds.rack_files, (RackErrors,), _TOML_WORDS),
    Target("profile", _profile, seeds.profile_files, (ProfileErrors,), _TOML_WORDS),
    Target("truth", _truth, lambda: [seeds.truth_file()], (truth_books.TruthError,), _JSON_WORDS),
)
