"""gammu, the command: identify, sendsms and getussd, each with a modem of its own to itself."""

import asyncio
from pathlib import Path

from benchmarks.peers_kind import absent
from tests.clients.client import Client, say
from tests.clients.stand import GATEWAY, Line, Seat, Stand

_PROGRAM = "gammu"
# Each begins with some 4 seconds of questions; getussd waits for more for 10 seconds.
_SECONDS = 90.0
_AT_ONCE = 4


class Gammu(Client):
    """A process a command."""

    name = "gammu"

    @classmethod
    def missing(cls) -> list[str]:
        """The program."""
        return absent([_PROGRAM])

    async def drive(self, stand: Stand) -> None:
        """Some models at once."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def in_turn(seat: Seat) -> None:
            async with turns:
                await self._one(stand, seat)

        await asyncio.gather(*(in_turn(seat) for seat in stand.seats))

    async def _one(self, stand: Stand, seat: Seat) -> None:
        seen = stand.seen[seat.dialect]
        sms, ussd = (_configured(stand.root, line) for line in (seat.sms, seat.ussd))
        said = await _gammu(stand.root, sms, "identify")
        seen.identified = seat.sms.imei in said
        await _gammu(stand.root, sms, "sendsms", "TEXT", GATEWAY, "-text", stand.text())
        seen.sms = stand.sold(seat.sms)
        said = await _gammu(stand.root, ussd, "getussd", stand.code())
        seen.ussd = stand.sold(seat.ussd)
        seen.answer = stand.has_answer(seat.ussd, said)


def _configured(root: Path, line: Line) -> Path:
    path = root / f"{line.iccid}.gammurc"
    log = path.with_suffix(".log")
    path.write_text(
        f"[gammu]\ndevice = {line.port}\nconnection = at115200\n"
        f"logfile = {log}\nlogformat = textalldate\n",
        encoding="utf-8",
    )
    return path


async def _gammu(root: Path, configuration: Path, *arguments: str) -> str:
    return await say([_PROGRAM, "-c", str(configuration), *arguments], _SECONDS, root)
