"""The master keys: random octets in a file outside of the database, and what is derived of them.

Without such a key all PINs of four digits fall within minutes to whoever has the database, so
the hash of a PIN is made over an HMAC with a pepper; and the secrets of agents' programs, which
must be read again, are sealed. What texts with PINs are known again by needs a key as well
(`channels/marks.py`). All of them are derived of one master key (HKDF, RFC 5869), each for its
purpose.

The file holds one key a line, 64 or more hexadecimal digits. What is new is made with the
first; the others are older ones that something may still need. A key is called by 16 digits
that are derived of it, too, and tell nothing about it; they stand in front of everything that
was made with it. The file is named by the configuration, or it is the systemd credential
`pepper` in $CREDENTIALS_DIRECTORY. One that others can read is refused.
"""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pulsarack.daemon import places, toml_text
from pulsarack.daemon.durable import sync_folder
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.secrets import credential
from pulsarack.queue.identity.pins import MASTER_DIGITS

MASTER_OCTETS = 32
MASTERS_MOST = 16
_LINE = re.compile(r"(?:[0-9a-fA-F]{2}){32,128}", re.ASCII)
_MAKE = "make one: pulsarack secret new FILE, and name it: [agents] pepper_file"


class PepperError(DaemonError):
    """The file with the master keys is not there, cannot be used, or is another one."""


class MasterKey:
    """One key; shown, it is its name."""

    __slots__ = ("_octets", "name")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.name = self.derive("name", MASTER_DIGITS // 2).hex()

    def derive(self, purpose: str, octets: int = 32) -> bytes:
        """Key material for one purpose; the same again for the same."""
        info = b"pulsarack 1 " + purpose.encode()
        return HKDF(SHA256(), octets, salt=None, info=info).derive(self._octets)

    def __repr__(self) -> str:
        return f"MasterKey({self.name})"


class Masters:
    """All keys that there are, the one for what is new first; there may be none."""

    def __init__(self, keys: Iterable[MasterKey] = (), path: Path | None = None) -> None:
        self._keys = {key.name: key for key in keys}
        self.path = path

    @property
    def newest(self) -> MasterKey | None:
        """The key for what is new."""
        return next(iter(self._keys.values()), None)

    @property
    def names(self) -> list[str]:
        """What the keys are called."""
        return list(self._keys)

    def derive(self, purpose: str) -> list[bytes]:
        """Key material of each of them for one purpose, in their order."""
        return [key.derive(purpose) for key in self._keys.values()]

    def needed(self) -> MasterKey:
        """The key for what is new; raises PepperError if there is none."""
        key = self.newest
        if key is None:
            raise PepperError("there is no master key for PINs and secrets of agents", _MAKE)
        return key

    def find(self, name: str) -> MasterKey | None:
        """The key that is called so."""
        return self._keys.get(name)

    def check(self, pins: Mapping[str, int], sealed: Mapping[str, int]) -> None:
        """Whether everything that was made with a key has its key; raises PepperError.

        The figures are how many PINs, and how many secrets, were made with each.
        """
        for name in sorted({*pins, *sealed} - {*self._keys}):
            what = f"{pins.get(name, 0)} PINs and {sealed.get(name, 0)} secrets of agents"
            if self.path is None:
                remedy = (
                    "put that file back and name it: [agents] pepper_file, or the credential;"
                    " if it is lost for good: [agents] lost_keys"
                )
                raise PepperError(f"{what} need the master key {name}; none is given", remedy)
            held = ", ".join(self._keys)
            raise PepperError(
                f"{what} need the master key {name}; {self.path} holds {held}",
                "put the file back that they were made with, an older key stays below a new one;"
                " if it is lost for good: [agents] lost_keys",
            )


def find(configured: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file to read: the configured one, else systemd's credential, else none."""
    return credential(places.PEPPER_NAME, environ) if configured is None else configured


def load(configured: Path | None, environ: Mapping[str, str]) -> Masters:
    """Finds and reads the keys; no file means no keys, anything else is PepperError."""
    path = find(configured, environ)
    if path is None:
        return Masters()
    # A credential's group bits show the mask of systemd's access list (see secrets.py).
    return Masters(_keys(path, _read(path, group_may_read=configured is None)), path)


def new_file(path: Path, octets: bytes) -> str:
    """Make a file with one new key, which is not there yet; the key's name."""
    key = MasterKey(octets)
    _write(path, octets.hex() + "\n")
    sync_folder(path.parent)
    return key.name


def renew_file(path: Path, octets: bytes) -> str:
    """Put a new key in front of those that a file holds; the new one's name."""
    held = _read(path, group_may_read=False)
    _keys(path, held)
    beside = path.with_name(f"{path.name}.new")
    _write(beside, f"{octets.hex()}\n{held}")
    owner = path.stat()
    try:
        os.chown(beside, owner.st_uid, owner.st_gid)
        beside.replace(path)
    except OSError as error:
        beside.unlink()
        raise PepperError(f"{path}: it cannot be replaced: {error.strerror}", "see to it") from None
    sync_folder(path.parent)
    return MasterKey(octets).name


def _write(path: Path, text: str) -> None:
    """A new file of that text for its owner alone, on disk when this returns."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
    except FileExistsError:
        remedy = "what was made with its keys needs it; add a new key to it with --renew"
        raise PepperError(f"{path} is there already", remedy) from None
    except OSError as error:
        raise PepperError(f"{path}: {error.strerror}", "check the place") from None


def _read(path: Path, group_may_read: bool) -> str:
    forbidden = stat.S_IRWXO if group_may_read else stat.S_IRWXO | stat.S_IRWXG
    try:
        with toml_text.open_file(path) as file:
            if os.fstat(file.fileno()).st_mode & forbidden:
                raise PepperError(f"{path}: others can read it", f"run: chmod 600 {path}")
            return toml_text.text_of(file)
    except FileNotFoundError:
        remedy = f"if it was never there: pulsarack secret new {path}; else put it back"
        raise PepperError(f"{path}: there is no such file", remedy) from None
    except PermissionError:
        raise PepperError(f"{path}: you may not read it", f"chown pulsarack {path}") from None
    except UnicodeDecodeError:
        raise PepperError(f"{path}: it is not text", _remedy(path)) from None
    except OSError as error:
        raise PepperError(f"{path}: it cannot be read: {error.strerror}", "check it") from None


def _keys(path: Path, text: str) -> list[MasterKey]:
    lines = [line.strip() for line in text.splitlines()]
    keys: list[MasterKey] = []
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        if not _LINE.fullmatch(line) or len(keys) >= MASTERS_MOST:
            problem = f"line {number} is no key of 64 to 256 hexadecimal digits, or one too many"
            raise PepperError(f"{path}: {problem}", _remedy(path))
        keys.append(MasterKey(bytes.fromhex(line)))
    if not keys:
        raise PepperError(f"{path}: it holds no key", _remedy(path))
    return keys


def _remedy(path: Path) -> str:
    return f"put the right file back, or make a new one elsewhere: pulsarack secret new {path}.new"
