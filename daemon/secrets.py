"""The PINs of the chips: read from one protected file, carried in a wrapper that hides them.

A secret is a `Secret` from the moment it is read until the moment it goes on the air;
printing, formatting, logging or JSON-encoding one shows `****` or fails, and only
`reveal()` gives the text. The file is TOML, one table a chip, named by the ICCID:

    ["8962100012345678901"]
    chip_pin = "123456"
    sim_pin = "1234"

It is named by the configuration, or it is the systemd credential `secrets.toml` in
$CREDENTIALS_DIRECTORY. A file that others can read is refused: the PINs in it are
already known to too many.
"""

import hmac
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pulsarack.daemon import places, toml_text
from pulsarack.daemon.errors import DaemonError

MASK = "****"

# ITU-T E.118 gives a card number at most 19 digits, ETSI TS 102 221 fills 20; both exist.
_ICCID = re.compile(r"[0-9]{18,20}")
# A SIM PIN has 4 to 8 digits (3GPP TS 31.101 section 9.5.1); dealers' PINs fit as well.
_PIN = re.compile(r"[0-9]{4,8}")
_KEYS = ("chip_pin", "sim_pin")


class SecretsError(DaemonError):
    """The file with the PINs cannot be used; the message names places, never a secret."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}", remedy)


class Secret:
    """A text that nobody sees by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; only for the bytes that go to the modem, and for masking."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


class Secrets:
    """The PINs of all chips, by ICCID."""

    def __init__(self, pins: Mapping[str, Mapping[str, Secret]] | None = None) -> None:
        self._pins = {iccid: dict(of_chip) for iccid, of_chip in (pins or {}).items()}

    def chip_pin(self, iccid: str) -> Secret | None:
        """The dealer PIN that a top-up from this chip needs."""
        return self._pins.get(iccid, {}).get("chip_pin")

    def sim_pin(self, iccid: str) -> Secret | None:
        """The PIN that unlocks this SIM."""
        return self._pins.get(iccid, {}).get("sim_pin")

    def sim_pins(self) -> list[Secret]:
        """Every SIM PIN once, in the order of the file.

        A locked SIM may not tell its ICCID before the PIN is given.
        """
        return list(dict.fromkeys(p["sim_pin"] for p in self._pins.values() if "sim_pin" in p))

    def take_over(self, other: "Secrets") -> None:
        """Hold what the other one holds, in place of what was held."""
        self._pins = other._pins

    def changed(self, other: "Secrets") -> list[str]:
        """The chips, by ICCID, whose PINs are others in the other one, or are there only."""
        chips = self._pins.keys() | other._pins.keys()
        return sorted(one for one in chips if self._pins.get(one) != other._pins.get(one))

    def __iter__(self) -> Iterator[Secret]:
        return iter({pin for of_chip in self._pins.values() for pin in of_chip.values()})

    def __len__(self) -> int:
        return len(self._pins)

    def __repr__(self) -> str:
        return f"Secrets({len(self._pins)} chips)"


def find(configured: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: the configured one, else systemd's credential, else none."""
    return credential(places.SECRETS_NAME, environ) if configured is None else configured


def credential(name: str, environ: Mapping[str, str]) -> Path | None:
    """The file of systemd's credential of that name, if there is one with something in it.

    A credential may be left out on a machine: the unit then gives an empty line in its place
    (SetCredential=), since a file that is named and not there would keep the service down.
    """
    directory = environ.get("CREDENTIALS_DIRECTORY")
    path = Path(directory, name) if directory else None
    if path is None or not path.exists():
        return None
    return path if path.stat().st_size > 1 or path.read_bytes().strip() else None


def load(configured: Path | None, environ: Mapping[str, str]) -> Secrets:
    """Finds and reads the PINs; no file at all means no PINs, anything else is SecretsError."""
    path = find(configured, environ)
    if path is None:
        return Secrets()
    # systemd gives the service its credential by an access list on the owner's file, and
    # the group bits of the mode then show that list's mask, not the group's right.
    return read(path, group_may_read=configured is None)


def read(path: Path, *, group_may_read: bool = False) -> Secrets:
    """Reads one file of PINs; raises SecretsError."""
    text = read_protected(path, group_may_read)
    if found := toml_text.out_of_bounds(text):
        line, message, remedy = found
        place = f"line {line}: {message}" if line else message
        raise SecretsError(path, place, remedy)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The parser's message can quote a key, never a value.
        raise SecretsError(path, f"not TOML: {error}", "put the TOML right there") from None
    except (ValueError, RecursionError):
        problem = "a number has thousands of digits, or brackets stand in brackets without end"
        raise SecretsError(path, problem, "remove it; a PIN stands in quotes") from None
    return Secrets({iccid: _pins_of(path, iccid, table) for iccid, table in raw.items()})


def read_protected(path: Path, group_may_read: bool) -> str:
    """The text of a file that nobody else can read; raises SecretsError."""
    forbidden = stat.S_IRWXO if group_may_read else stat.S_IRWXO | stat.S_IRWXG
    try:
        with toml_text.open_file(path) as file:
            if os.fstat(file.fileno()).st_mode & forbidden:
                raise SecretsError(path, "others can read it", f"run: chmod 600 {path}")
            return toml_text.text_of(file)
    except FileNotFoundError:
        remedy = f"create it: install -m 600 -o pulsarack /dev/null {path}"
        raise SecretsError(path, "there is no such file", remedy) from None
    except PermissionError:
        raise SecretsError(path, "you may not read it", f"run: chown pulsarack {path}") from None
    except UnicodeDecodeError:
        raise SecretsError(path, "it is not UTF-8", "save the file as UTF-8") from None
    except OSError as error:
        raise SecretsError(path, f"it cannot be read: {error.strerror}", "check it") from None


def _pins_of(path: Path, iccid: str, table: Any) -> dict[str, Secret]:
    if not isinstance(table, dict):
        # A PIN outside a table; its key is all that may be shown.
        remedy = 'write it under the chip it belongs to: ["8962..."]'
        raise SecretsError(path, f"{iccid!r} is not a table of PINs", remedy)
    if not _ICCID.fullmatch(iccid):
        remedy = "a table is named by the ICCID, 18 to 20 digits in quotes"
        raise SecretsError(path, f"[{iccid!r}] is not an ICCID", remedy)
    pins = {}
    for key, value in table.items():
        if key not in _KEYS:
            remedy = f"known here: {', '.join(_KEYS)}"
            raise SecretsError(path, f"[{iccid}]: there is no key {key!r}", remedy)
        if not isinstance(value, str) or not _PIN.fullmatch(value):
            remedy = 'write 4 to 8 digits in quotes, as in "0123"'
            raise SecretsError(path, f"[{iccid}] {key} is not a PIN", remedy)
        pins[key] = Secret(value)
    return pins
