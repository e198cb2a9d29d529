"""The calls about backups: making one now, and letting agents order again after a restore."""

from typing import Any

from pulsarack.daemon.backups.errors import BackupError
from pulsarack.daemon.backups.maker import BackupMaker
from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.control_backup import BackupNow
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.control_values import Nothing
from pulsarack.queue import restored


class BackupCalls:
    """Answers what is asked about backups."""

    def __init__(self, office: Office) -> None:
        self._context = office.context
        # The schedule's own, so that never two are made at once.
        self._maker = office.backups or BackupMaker(office.context, office.archivist.archives)

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("backup.now", self.now)
        calls.add("backup.reopen", self.reopen)

    async def now(self, args: BackupNow, _peer: Peer) -> dict[str, Any]:
        """Make a backup; what it holds. `made`: false if none was due."""
        try:
            if args.if_due:
                made = await self._maker.make_if_due("by the timer")
            else:
                made = await self._maker.make("by hand")
        except BackupError as error:
            raise CallError("BACKUP_FAILED", error.message, error.remedy) from None
        if made is None:
            return {"made": False, "folder": str(self._maker.folder)}
        return {
            "made": True,
            "folder": str(self._maker.folder),
            "bytes": made.bytes,
            "newest_order": made.newest_order,
            "at": made.made_at,
        }

    async def reopen(self, _args: Nothing, peer: Peer) -> dict[str, Any]:
        """Let the agents order again that a restore had stopped; their codes."""
        codes = await self._context.store.write(restored.reopen)
        self._context.log.warning("backup.reopened", agents=len(codes), uid=peer.uid)
        return {"agents": codes}
