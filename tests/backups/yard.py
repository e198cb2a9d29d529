"""A server with a directory of backups, as the tests here handle it."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from pulsarack.daemon.backups import making, restoring, shelf, verifying
from pulsarack.daemon.backups.keep import KeepRule
from pulsarack.daemon.backups.manifest import Manifest, Verified
from pulsarack.daemon.backups.restoring import Outcome
from pulsarack.daemon.backups.shelf import Backup
from pulsarack.daemon.calendar import local_day
from pulsarack.queue import restored
from pulsarack.queue.restored import Held
from tests.daemon.store_inline import InlineStore
from tests.queue.world import World

KEEP_ALL = KeepRule(1000, 100, 100)


class Yard:
    """The world's state directory and `backups` in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.database = Path(world.store._db.database)
        self.state = self.database.parent

    @property
    def folder(self) -> Path:
        """Where its backups lie."""
        return self.state / "backups"

    def make(self, rule: KeepRule = KEEP_ALL, **more: Any) -> Manifest:
        """A backup of now."""
        more = {"reserve": 0, **more}
        return making.make(
            making.Wanted(
                self.database,
                self.folder,
                self.world.now,
                "test",
                rule,
                lambda at_ms: local_day(at_ms, "Asia/Jakarta"),
                **more,
            )
        )

    def names(self) -> list[str]:
        """The backups there are, newest first."""
        return [one.name for one in self.backups()]

    def backups(self) -> list[Backup]:
        """The same as they are read."""
        return shelf.every(self.folder)

    def newest(self) -> Backup:
        """The newest one that can be used."""
        return shelf.find(self.folder, None)

    def verify(self, backup: Backup | None = None) -> Verified:
        """Put one back and audit it."""
        return verifying.verify(backup or self.newest(), now_ms=self.world.now)

    def restore(self, backup: Backup | None = None, **more: Any) -> Outcome:
        """Put one back; the world's store must be closed."""
        more = {"hold_agents": True, **more}
        return restoring.restore(
            lambda: backup or self.newest(), self.state, now_ms=self.world.now, **more
        )

    def moment(self) -> None:
        """The moment to which `back` goes; cheaper than a backup, and the same rows."""
        self._moment = self.state / "moment.db"
        self.world.store._db.execute_sql("VACUUM INTO ?", (str(self._moment),))

    def back(self) -> Held:
        """All since that moment is lost; what a restore makes of the rows, and nothing else."""
        self.world.close()
        self.database.write_bytes(self._moment.read_bytes())
        self.begin()
        return self.world.run(
            lambda db: restored.hold_back(
                db, why="put back", hold_agents=True, now_ms=self.world.now
            )
        )

    def begin(self) -> None:
        """A daemon's store on what is there."""
        self.world.store = InlineStore.open(self.database, now_ms=self.world.now, synchronous="OFF")

    def rows(self, path: Path, statement: str) -> list[tuple[Any, ...]]:
        """What another database says."""
        db = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)
        try:
            return db.execute(statement).fetchall()
        finally:
            db.close()

    def spoil(self, backup: Backup, **fields: Any) -> None:
        """Write other things into a manifest."""
        path = backup.path / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))
