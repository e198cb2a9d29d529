"""The audit of the promises, each night: the rules of `pulsarack audit` beside the trade.

It reads one snapshot on a connection of its own and holds nobody up (side_reader.py). What it
finds is an error of the log, with the place, and stays to be seen in `pulsarack schedule list`.
"""

from typing import Final

from peewee import Database

from pulsarack.daemon.archive_file import folder_of
from pulsarack.daemon.context import Context
from pulsarack.daemon.schedules.job import BadNews
from pulsarack.daemon.side_reader import SideReader

NAMED: Final = 20
"""So many findings are named in the log; `pulsarack audit` shows all."""
REMEDY: Final = "look at all of it: pulsarack audit"


async def audit(context: Context, reader: SideReader) -> str:
    """Audit everything; raises BadNews if a promise is broken."""
    # Loaded here: nothing else of the daemon needs it.
    from pulsarack.daemon import audit as promises

    def job(db: Database) -> list[tuple[str, str, str]]:
        found = promises.audit(db, folder=folder_of(reader.path))
        return [(one.rule, one.subject, one.detail) for one in found]

    found = await reader.run(job)
    for rule, subject, detail in found[:NAMED]:
        context.log.error("audit.finding", rule=rule, subject=subject, why=detail, remedy=REMEDY)
    if found:
        raise BadNews(f"{len(found)} findings, the first: {found[0][0]} {found[0][1]}", REMEDY)
    return "every promise holds"
