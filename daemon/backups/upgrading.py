"""The backup that is made before the tables are brought up to date.

The way back to the version before leads over it: a newer database is refused by an older
program. A start does not wait for a person, so where it cannot be made (the disk is too full)
that is told in the log and the upgrade goes on: each of its steps is a transaction of its own.
"""

from pulsarack.daemon import calendar
from pulsarack.daemon.backups import making
from pulsarack.daemon.backups.errors import BackupError
from pulsarack.daemon.backups.maker import rule_of
from pulsarack.daemon.config import Config
from pulsarack.daemon.log import Logger
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.store_files import DATABASE_NAME


def save_before_upgrade(config: Config, log: Logger, now_ms: int) -> None:
    """Make that backup, or say why there is none. Under the lock of the state directory."""
    state_dir = config.daemon.state_dir
    wanted = making.Wanted(
        database=state_dir / DATABASE_NAME,
        folder=config.backup.folder(state_dir),
        now_ms=now_ms,
        why="before an upgrade",
        rule=rule_of(config.backup),
        day_of=lambda at_ms: calendar.local_day(at_ms, config.daemon.timezone),
        before_upgrade=True,
    )
    try:
        made = making.make(wanted)
    except (BackupError, StoreError) as error:
        log.warning("backup.not_before_upgrade", why=error.message, remedy=error.remedy)
        return
    log.info("backup.made", bytes=made.bytes, newest_order=made.newest_order, why=made.why)
