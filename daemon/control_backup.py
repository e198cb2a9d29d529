"""The arguments of the calls about backups."""

from msgspec import Struct

from pulsarack.daemon.control_values import Nothing


class BackupNow(Struct, frozen=True, forbid_unknown_fields=True):
    """backup.now; `if_due`: only if the newest is older than [backup] every_minutes."""

    if_due: bool = False


ARGUMENTS: dict[str, type[Struct]] = {"backup.now": BackupNow, "backup.reopen": Nothing}
