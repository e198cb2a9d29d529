"""Phones that do not speak AT: the `[[port]]` sections with `driver = "gammu"`.

Their path is what gammu calls the device: a serial port, or whatever else its connection
uses. It is there as long as something is there under its name.
"""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from pulsarack.daemon.config_ports import PortSection
from pulsarack.modems.gammu_phone import GammuPhones, PhoneSettings
from pulsarack.modems.timing import Clock
from pulsarack.modems.transport import Port
from pulsarack.modems.watch import PortKey


class PhonePorts:
    """The phones that the configuration names."""

    def __init__(self, sections: Sequence[PortSection], clock: Clock) -> None:
        self._clock = clock
        self._settings = {
            section.path: _settings(section) for section in sections if section.driver == "gammu"
        }
        self._phones = GammuPhones()

    @property
    def paths(self) -> Collection[str]:
        """Where they are looked for."""
        return self._settings.keys()

    def __contains__(self, path: str) -> bool:
        """Whether a path is a phone's."""
        return path in self._settings

    def look(self) -> dict[str, PortKey]:
        """The phones whose device is there now."""
        return {path: key for path in self._settings if (key := _key(path)) is not None}

    def open(self, path: str) -> Port:
        """A phone for us alone, not connected yet; raises PortStuck."""
        return self._phones.open(self._settings[path], self._clock)


def _settings(section: PortSection) -> PhoneSettings:
    return PhoneSettings(
        device=section.path,
        connection=section.connection or "",
        model=section.model or "",
        iccid=section.iccid or "",
        imsi=section.imsi or "",
    )


def _key(path: str) -> PortKey | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return PortKey(os.path.realpath(path), status.st_rdev, status.st_ino)
