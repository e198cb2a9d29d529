"""Plain SMS of pulsarack for `bench peers`: texts out of the durable outbox, on the same rack.

The outbox is filled while the daemon is stopped, as it is after a day with a dead channel. Then
the daemon sends what waits, as it always does: a try is counted before it is made, and each part
before its first byte can leave; what became of it is written down; and all of that is on the disk.
Texts are counted where they arrive, on the telephones of the simulated network, each once.

Two settings are lifted that keep operators from taking the chips for a spammer's: the pace of all
chips together and the pause of each.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rack_file import CHIP_PIN, DENOMINATION, XL, destinations
from benchmarks.site import Booking, Site
from pulsarack.daemon.store_files import database
from pulsarack.queue.post import outgoing
from pulsarack.queue.post.outgoing import Kind, Text

SETTINGS = """
[sms]
answers = true
per_day = 100000
per_minute = 100000
pause_seconds = 0

[channels]
answer_seconds = 86400
"""
_WRITTEN_AT_ONCE = 5000


class Heard:
    """The books of the telephones, read as they grow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self._numbers: set[str] = set()
        self.bookings: list[Booking] = []

    def look(self) -> int:
        """Reads what is new; how many texts have come by now. One that comes again is none."""
        with self._path.open(encoding="utf-8") as file:
            file.seek(self._read)
            lines = file.read().split("\n")
            self._read = file.tell() - len(lines[-1].encode())
        for line in lines[:-1]:
            row = json.loads(line)
            if row["kind"] == "heard":
                new = row["number"] not in self._numbers
                self._numbers.add(row["number"])
                self.bookings.append(Booking(row["chip"], row["at"], new))
        return len(self.bookings)


async def fill(site: Site, texts: int) -> None:
    """Lets the daemon begin anew with so many texts in its outbox."""
    await site.stop_daemon()
    db = database(site.place.database)
    db.connect()
    try:
        waiting = _texts()
        for _ in range(0, texts, _WRITTEN_AT_ONCE):
            with db.atomic("IMMEDIATE"):
                for _ in range(_WRITTEN_AT_ONCE):
                    outgoing.put(db, next(waiting), now_ms=site.clock.now_ms())
    finally:
        db.close()
    await site.start_daemon()


def _texts() -> Iterator[Text]:
    """What the peers send, to people instead of the operator."""
    for number in destinations(XL):
        said = f"BAGI {number} {DENOMINATION * 1000} {CHIP_PIN}"
        yield Text(outgoing.SMS, f"62{number[1:]}", Kind.ANSWER, said, None)
