"""What a backup says of itself: `manifest.json` in its directory, written last.

`verified.json` beside it says that it was put back into an empty directory and audited there,
by which version, and what was found. Both are read as if anybody could have written them.
"""

import stat
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from pulsarack.daemon import durable
from pulsarack.daemon.backups.errors import BadBackup

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
VERIFIED: Final = "verified.json"
_MOST_BYTES: Final = 1024 * 1024

Count = Annotated[int, Meta(ge=0, le=2**62)]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
# The database, or an archive: no path can lead elsewhere.
FileName = Annotated[
    str, Meta(pattern=r"^(pulsarack\.db|archive/[0-9]{4}-[01][0-9]\.sqlite)\Z", max_length=40)
]
Said = Annotated[str, Meta(max_length=2000)]


class Copied(Struct, frozen=True, forbid_unknown_fields=True):
    """One file. `source`: how the archive that it is of looked, to know it again unchanged."""

    name: FileName
    bytes: Count
    sha256: Sha256
    source: Said = ""


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A backup. Times are milliseconds since 1970 UTC.

    `made_at`: the moment whose database it is; `schema`: the newest migration of each folder;
    `commit`: its number in the count of commits (store_mark.py); `newest_order`: the last that
    it knows; `open_orders`: those that were not decided then.
    """

    format: Count
    version: Said
    made_at: Count
    why: Said
    schema: dict[str, Count]
    commit: Count
    newest_order: Count
    open_orders: Count
    files: tuple[Copied, ...]

    @property
    def bytes(self) -> int:
        """All its files together."""
        return sum(one.bytes for one in self.files)


class Verified(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What came of verifying a backup; `manifest`: the digest of the one that was verified."""

    at: Count
    version: Said
    ok: bool
    manifest: Sha256
    findings: tuple[Said, ...] = ()


Record = TypeVar("Record", Manifest, Verified)


def read(path: Path, kind: type[Record]) -> Record:
    """One of the two; raises BadBackup."""
    try:
        found_there = path.lstat()
        if not stat.S_ISREG(found_there.st_mode):  # a pipe would be waited for without end
            raise BadBackup(f"{path} is no file", "use another backup: pulsarack backup list")
        if found_there.st_size > _MOST_BYTES:
            raise BadBackup(f"{path} is too large to be one of ours", "use another backup")
        found = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        why = f"{path} cannot be read: {error.strerror}"
        raise BadBackup(why, "use another backup: pulsarack backup list") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise BadBackup(
            f"{path} is damaged: {error}", "use another backup: pulsarack backup list"
        ) from None
    if isinstance(found, Manifest) and found.format > FORMAT:
        raise BadBackup(
            f"{path} was written by a newer pulsarack ({found.version})",
            "install that version or a newer one, then put it back",
        )
    return found


def write(path: Path, record: Manifest | Verified) -> None:
    """Write one of the two, whole or not at all."""
    durable.write(path, msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
