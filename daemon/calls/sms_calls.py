"""The call that says which chips agents write to, and from which they are told."""

from typing import Any

from peewee import Database

from pulsarack.daemon.calls.office import Office, not_found
from pulsarack.daemon.control_protocol import Calls, Peer
from pulsarack.daemon.control_sms import ChipChannel, Switch
from pulsarack.daemon.employment import is_told
from pulsarack.queue import chips
from pulsarack.queue.chips import Chip

_VALUES: dict[Switch, bool | None] = {"on": True, "off": False, "default": None}


class SmsCalls:
    """Answers what is said about texts over the chips."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._context = office.context

    def register(self, calls: Calls) -> None:
        """Add the call to the registry."""
        calls.add("chip.channel", self.chip_channel)

    async def chip_channel(self, args: ChipChannel, _peer: Peer) -> dict[str, Any]:
        """Let a chip take agents' texts or not, and answer or not; what holds for it now."""

        def job(db: Database) -> Chip | None:
            chip = chips.find(db, args.iccid)
            if chip is None:
                return None
            receives, answers = (
                _told(chip.receives, args.receives),
                _told(chip.answers, args.answers),
            )
            known = chips.set_channel(db, args.iccid, receives=receives, answers=answers)
            return chips.find(db, args.iccid) if known else None

        chip = await self._context.store.write(job)
        if chip is None:
            raise not_found("chip in service", args.iccid, "pulsarack chip adopt takes one in")
        self._office.rack.chip_changed(args.iccid)
        defaults = self._context.config.sms
        receives = is_told(chip.receives, defaults.receives)
        answers = is_told(chip.answers, defaults.answers)
        self._context.log.info("chip.channel", chip=args.iccid, receives=receives, answers=answers)
        return {"receives": receives, "answers": answers}


def _told(before: int | None, said: Switch | None) -> bool | None:
    if said is None:
        return None if before is None else bool(before)
    return _VALUES[said]
