"""The directory of a demonstration: configuration, PINs, ports, database, logs, truth.

Everything that belongs to one run lies in it, so that it can be looked at afterwards
with the ordinary commands (`pulsarack --config DIR/pulsarack.toml order list`). A
directory that has held a run already is refused: two runs in one database would be held
against the books of the second.
"""

import glob
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pulsarack.daemon import places
from pulsarack.daemon.demo.errors import DemoError
from pulsarack.daemon.store_files import DATABASE_NAME
from pulsarack.modems.simulator.catalogue import ChipCard

# sun_path has 108 bytes with its end, unix(7).
_SOCKET_PATH_LIMIT = 107


@dataclass(frozen=True, slots=True)
class Place:
    """The paths of one run."""

    root: Path

    @property
    def config(self) -> Path:
        """The daemon's configuration."""
        return self.root / "pulsarack.toml"

    @property
    def secrets(self) -> Path:
        """The chips' PINs."""
        return self.root / places.SECRETS_NAME

    @property
    def socket(self) -> Path:
        """The daemon's control socket."""
        return self.root / "control.sock"

    @property
    def database(self) -> Path:
        """The daemon's database."""
        return self.root / "state" / DATABASE_NAME

    @property
    def ports(self) -> Path:
        """Where the rack puts its serial ports."""
        return self.root / "ports"

    @property
    def truth(self) -> Path:
        """The operators' books."""
        return self.root / "truth.jsonl"

    @property
    def telephones(self) -> Path:
        """The socket of people's telephones."""
        return self.root / "tel.sock"

    @property
    def daemon_log(self) -> Path:
        """What the daemon writes."""
        return self.root / "daemon.log"

    @property
    def rack_log(self) -> Path:
        """What the simulated rack writes."""
        return self.root / "rack.log"


def prepare(root: Path, chips: Iterable[ChipCard], speed: float, anchor: float) -> Place:
    """Makes the directory and writes what the daemon reads; raises DemoError.

    `speed` and `anchor` are those of the shared clock, see daemon/clock.py.
    """
    place = Place(root.absolute())
    if len(os.fsencode(place.socket)) > _SOCKET_PATH_LIMIT:
        raise DemoError(f"{root}: the path is too long for a socket in it", "take a shorter one")
    try:
        place.root.mkdir(parents=True, exist_ok=True)
        if any(place.root.iterdir()):
            raise DemoError(f"{root}: the directory is not empty", "name a new one with --dir")
        place.database.parent.mkdir(mode=0o700)
        place.config.write_text(_config(place, speed, anchor), encoding="utf-8")
        place.secrets.touch(mode=0o600)
        place.secrets.write_text(_secrets(chips), encoding="utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise DemoError(f"{root}: cannot be used: {why}", "name another with --dir") from None
    return place


def _config(place: Place, speed: float, anchor: float) -> str:
    # The path may hold characters that mean something in a pattern; only the star shall.
    ports = f"{glob.escape(str(place.ports))}/modem*"
    return f"""\
# Written by `pulsarack demo`.
[daemon]
state_dir = "state"
socket = "control.sock"
secrets_file = "{places.SECRETS_NAME}"
log_format = "text"

[rehearsal]
speed = {speed!r}
anchor = {anchor!r}

[[port]]
path = {json.dumps(ports)}
"""


def _secrets(chips: Iterable[ChipCard]) -> str:
    return "\n".join(f'["{chip.iccid}"]\nchip_pin = "{chip.pin}"\n' for chip in chips)
