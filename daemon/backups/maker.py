"""The daemon's own backups: made beside its work, one at a time."""

import asyncio
from functools import partial
from pathlib import Path
from threading import Event

from pulsarack.daemon.archive_file import Archives
from pulsarack.daemon.backups import shelf
from pulsarack.daemon.backups.errors import BackupError, BackupFailed
from pulsarack.daemon.backups.keep import KeepRule
from pulsarack.daemon.backups.making import Making, Wanted
from pulsarack.daemon.backups.manifest import Manifest
from pulsarack.daemon.backups.shelf import Backup
from pulsarack.daemon.config_backup import BackupSection
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.store_files import DATABASE_NAME

GIGA = 1_000_000_000


def rule_of(settings: BackupSection) -> KeepRule:
    """Which backups stay, as it is configured."""
    return KeepRule(
        settings.keep_hours, settings.keep_days, settings.keep_months, settings.most_gb * GIGA
    )


def is_due(newest_ms: int | None, settings: BackupSection, now_ms: int) -> bool:
    """Whether a backup should be there by now that is not; a clock that was set back counts.

    Never, if they are made by hand only (`every_minutes` 0).
    """
    if not settings.every_minutes:
        return False
    if newest_ms is None or not now_ms - newest_ms >= 0:
        return True
    # A timer and the daemon's own schedule must not miss each other by a second.
    return now_ms - newest_ms >= (settings.every_minutes * 60 - 30) * MS


class BackupMaker:
    """Makes backups of the running daemon's database."""

    def __init__(self, context: Context, archives: Archives) -> None:
        """Touches nothing."""
        self._context = context
        self._archives = archives

    @property
    def folder(self) -> Path:
        """Where the backups lie."""
        return self._context.config.backup.folder(self._archives.folder.parent)

    def newest(self) -> Backup | None:
        """The newest backup that can be used; reads the directory."""
        return next((one for one in shelf.every(self.folder) if one.good), None)

    async def make(self, why: str) -> Manifest:
        """Make one; raises BackupError or StoreError, and then nothing of it is left."""
        context, stop = self._context, Event()

        def pause(seconds: float) -> None:
            if stop.wait(seconds):
                raise BackupFailed(
                    "the daemon was stopped meanwhile", "the next one is made in time"
                )

        making = Making(
            Wanted(
                database=self._archives.folder.parent / DATABASE_NAME,
                folder=self.folder,
                now_ms=context.clock.now_ms(),
                why=why,
                rule=rule_of(context.config.backup),
                day_of=context.day_of,
                pause=pause,
            )
        )
        began = context.clock.monotonic()
        work = asyncio.ensure_future(self._make(making))
        try:
            made = await asyncio.shield(work)
        except (BackupError, StoreError) as error:
            context.log.error("backup.failed", why=error.message, remedy=error.remedy)
            raise
        except asyncio.CancelledError:
            # What is half made is removed by the thread that makes it.
            stop.set()
            await asyncio.gather(work, return_exceptions=True)
            raise
        context.log.info(
            "backup.made",
            bytes=made.bytes,
            newest_order=made.newest_order,
            seconds=round(context.clock.monotonic() - began, 3),
            removed=len(making.removed),
        )
        return made

    async def _make(self, making: Making) -> Manifest:
        await self._archives.beside(making.begin)
        for name in making.archives:
            await self._archives.alone(partial(making.add_archive, name))
        return await self._archives.beside(making.finish)

    async def make_if_due(self, why: str) -> Manifest | None:
        """The same, unless none is due."""
        newest = await self._archives.beside(self.newest)
        made_at = newest.made_at if newest is not None else None
        if not is_due(made_at, self._context.config.backup, self._context.clock.now_ms()):
            return None
        return await self.make(why)
