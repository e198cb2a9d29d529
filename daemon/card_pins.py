"""The SIM PIN of one modem's card: which one is its own, and whether it may be tried.

A card that tells its number before it is open gets the PIN that stands under that number,
or none. One that does not gets the PIN that all cards share, if the secrets file holds one
only. A phone behind gammu tells no number: its card gets the PIN of the one that the
configuration names, and its try counts as that of a card nobody knows.

A try is written down before it is made (queue/sim_pins.py), and the note stays until the
card opens or an admin says so: neither a restart nor another slot makes a second try of a
refused PIN.
"""

from pulsarack.daemon.context import Context
from pulsarack.daemon.secrets import Secret
from pulsarack.modems.card_lock import LockedCard
from pulsarack.modems.driver import Driver
from pulsarack.modems.errors import SimPinNeeded
from pulsarack.queue import sim_pins


class CardPins:
    """Answers a modem that asks for the PIN of its card."""

    def __init__(self, context: Context, modem_id: str) -> None:
        self._context = context
        self._modem_id = modem_id
        self._noted: str | None = None

    async def initialise(self, modem: Driver) -> None:
        """Set a modem up, and its card open; raises ModemError."""
        try:
            await modem.initialise(self.give, self.opened)
        except Exception:  # also a fault of ours: nobody saw how the try ended
            await self._failed()
            raise

    async def give(self, card: LockedCard) -> str | None:
        """The PIN to try now, the try noted; None without one; SimPinNeeded if not again."""
        pin = self._pin_of(card)
        if pin is None:
            return None
        known, told = card.iccid is not None and card.read, card.tries_left is not None
        key = card.iccid if card.iccid is not None and known else self._modem_id
        now_ms = self._context.clock.now_ms()
        allowed = await self._context.store.write(
            lambda db: sim_pins.begin(db, key, card=known, tries_told=told, now_ms=now_ms)
        )
        if not allowed:
            raise SimPinNeeded(refused=True, why=await self._refused_before(key))
        self._noted = key
        return pin.reveal()

    async def opened(self) -> None:
        """The card is open: the try that was made was good."""
        key, self._noted = self._noted, None
        if key is not None:
            await self._context.store.write(lambda db: sim_pins.opened(db, key))

    async def _failed(self) -> None:
        key, self._noted = self._noted, None
        if key is not None:
            await self._context.store.write(lambda db: sim_pins.refused(db, key))

    def _pin_of(self, card: LockedCard) -> Secret | None:
        filed = self._context.secrets
        if card.iccid is not None:
            pin = filed.sim_pin(card.iccid)
            if pin is None:
                where = f'put sim_pin into the table ["{card.iccid}"] of the secrets file'
                raise SimPinNeeded(
                    refused=False,
                    why=f"chip {card.iccid} wants its SIM PIN and none is on file; {where}"
                    " and run: pulsarack config reload; or take the PIN off the card",
                )
            return pin
        shared = filed.sim_pins()
        if len(shared) > 1:
            raise SimPinNeeded(
                refused=False,
                why="the card wants a PIN, this modem does not tell which card it is, and the"
                " secrets file holds several; give such cards the same sim_pin, or take the"
                " PINs off the cards",
            )
        return shared[0] if shared else None

    async def _refused_before(self, key: str) -> str:
        noted = await self._context.store.read(sim_pins.every)
        keys = [one.key for one in noted if one.key == key] or [one.key for one in noted]
        also = " or ".join(f"pulsarack chip try-pin {one}" for one in keys[:2])
        return (
            "the SIM PIN on file was refused before, or nobody saw how its try ended; it is not"
            f" tried again: correct sim_pin, then: pulsarack config reload, and {also}"
        )
