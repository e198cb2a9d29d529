"""The calls about archives: which there are, and moving what is old now."""

from typing import Any

from pulsarack.daemon.archive_file import path_of
from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.control_arguments import ArchiveNow
from pulsarack.daemon.control_protocol import Calls, Peer
from pulsarack.daemon.control_values import Nothing
from pulsarack.queue import archive

NOW_LIMIT = 1000
"""Most orders a call: it is answered in seconds, and the caller calls again."""


class ArchiveCalls:
    """Answers what is asked about archives."""

    def __init__(self, office: Office) -> None:
        self._context = office.context
        self._archivist = office.archivist

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("archive.list", self.list)
        calls.add("archive.now", self.now)

    async def list(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """All archives, oldest month first."""
        known = await self._context.store.read(archive.archives)
        return {
            "archives": [
                {
                    "month": one.name,
                    "orders": one.orders,
                    "moved_at": one.moved_at,
                    "bytes": self._archivist.archives.size(one.name),
                    "file": str(path_of(self._archivist.archives.folder, one.name)),
                }
                for one in known
            ]
        }

    async def now(self, args: ArchiveNow, _peer: Peer) -> dict[str, Any]:
        """Move what is old; `more`: there is more of it, call again."""
        done = await self._archivist.now(args.limit or NOW_LIMIT)
        return {
            "days": self._context.config.retention.days,
            "moved": done.moved,
            "archives": sorted(done.archives),
            "failed": [{"what": what, "why": why} for what, why in sorted(done.failed.items())],
            "more": done.more,
        }
