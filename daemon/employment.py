"""What a slot writes down of the chip that it lets work, and what it must have for it.

Before: that the chip was seen here, the recipe that it is worked by, its PIN. Behind it:
nothing is left as if it were still being sent.
"""

from peewee import Database

from pulsarack.daemon import log as logging
from pulsarack.daemon.context import Context
from pulsarack.daemon.nursing import SlotFault
from pulsarack.daemon.store_errors import StoreError
from pulsarack.queue import chips, recipe_versions, recovery, sim_pins
from pulsarack.queue.chips import Chip
from pulsarack.ussd.errors import UnknownRecipe
from pulsarack.ussd.recipe import Recipe


async def note_chip(context: Context, iccid: str, slot: str, imei: str) -> Chip:
    """Note where a chip is; the chip as it is known now."""
    now_ms = context.clock.now_ms()

    def job(db: Database) -> Chip:
        sim_pins.opened(db, iccid)  # by hand, or it wants no PIN any more
        return chips.seen(db, iccid, slot, imei, now_ms=now_ms)

    return await context.store.write(job)


async def recipe_of(context: Context, chip: Chip) -> Recipe:
    """The recipe of a chip in service, its version noted; raises SlotFault if it cannot work."""
    assert chip.recipe is not None
    try:
        recipe = context.shelf.get(chip.recipe)
    except UnknownRecipe as error:
        raise SlotFault(str(error)) from None
    now_ms = context.clock.now_ms()
    await context.store.write(
        lambda db: recipe_versions.note(
            db, recipe.content_hash, recipe.name, recipe.source, now_ms=now_ms
        )
    )
    if recipe.needs_chip_pin and context.secrets.chip_pin(chip.iccid) is None:
        raise SlotFault(
            f"recipe {recipe.name} needs the PIN of chip {chip.iccid}; put chip_pin into the"
            f' table ["{chip.iccid}"] of the secrets file, then: pulsarack config reload'
        )
    return recipe


def is_told(chip: int | None, default: bool) -> bool:
    """What holds for a chip: what it was told, or what holds for all."""
    return default if chip is None else bool(chip)


async def leave_nothing_sending(context: Context, iccid: str, log: logging.Logger) -> None:
    """Nobody works the chip any more: an attempt that is open on it is followed up, or given up."""
    now_ms = context.clock.now_ms()
    ends = context.day_ends_at(now_ms)
    try:
        order_id = await context.store.write(
            lambda db: recovery.recover_chip(db, iccid, now_ms=now_ms, day_ends_at=ends)
        )
    except StoreError as error:
        log.error("store.failed", why=str(error))
        return
    if order_id is not None:
        await context.announce(order_id)
