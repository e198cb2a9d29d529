"""What the doctor finds in the rows: what waits too long, and what cannot be sold.

Nothing here is a fault of the machine: a chip that was taken out, a product without a chip, a
reply that nobody understood. Each wants a person, who is told which command shows it.
"""

from collections import Counter
from collections.abc import Iterator

from peewee import Database

from pulsarack.daemon import secrets
from pulsarack.daemon.doctor import Finding, Subject, bad, ok, skip, warn
from pulsarack.daemon.errors import DaemonError
from pulsarack.queue import attempts, chips, contradiction, discrepancies, orders, products, texts
from pulsarack.queue.chips import Chip, ChipState
from pulsarack.queue.post import outgoing
from pulsarack.queue.state import OrderState
from pulsarack.ussd.errors import UssdError

MS = 1000
HOUR_MS = 3600 * MS
DAY_MS = 24 * HOUR_MS
LONG_REST_MS = 6 * HOUR_MS
UNPARSED_MANY = 20
"""Replies of one day that nobody understood; a few are adverts."""
_LISTED = 1000
_NAMED = 10


def waiting(db: Database, subject: Subject) -> Iterator[Finding]:
    """What waits longer than it should."""
    yield from _undecided(db, subject)
    yield from _stuck(db, subject)
    if differences := discrepancies.waiting(db):
        what = f"{differences} discrepancies of stock were not looked at"
        yield warn("stock", what, "pulsarack discrepancies")
    since = subject.now_ms - DAY_MS
    strange = sum(one.at >= since for one in texts.unparsed(db, _LISTED))
    if strange >= UNPARSED_MANY:
        what = f"{strange} replies of operators since yesterday fit no pattern"
        remedy = "an operator changed his words: add them to a copy of its recipe"
        yield warn("unparsed", what, "pulsarack unparsed", remedy)
    yield from _outbox(db, subject)


def _undecided(db: Database, subject: Subject) -> Iterator[Finding]:
    found = contradiction.undecided(db)
    if not found:
        return
    what = f"{len(found)} orders are undecided; their money is held"
    yield warn("orders", what, "pulsarack order undecided")
    limit_ms = subject.config.resolution.give_up_after_seconds * MS
    old = [one for one in found if subject.now_ms - one.received_at > limit_ms]
    if old:
        what = f"{len(old)} of them are older than {_long(limit_ms)}: only a person can decide them"
        remedy = "ask the operator, then: pulsarack order resolve"
        yield bad("orders", what, f"pulsarack order show {old[0].id}", remedy)


def _stuck(db: Database, subject: Subject) -> Iterator[Finding]:
    """Orders that a running daemon should have ended, or sent."""
    if subject.running is None:
        return
    late = orders.overdue(db, before_ms=subject.now_ms - HOUR_MS)
    standing = {one.id for one in contradiction.undecided(db)}
    late = [one for one in late if one not in standing]
    if late:
        what = f"{len(late)} orders wait an hour longer than they may, first order {late[0]}"
        yield bad("orders", what, f"pulsarack order show {late[0]}", "report it, with the log")
    for attempt in attempts.every_open(db):
        order = orders.get(db, attempt.order_id)
        if order.state == OrderState.SENDING and subject.now_ms - attempt.claimed_at > HOUR_MS:
            what = f"order {order.id} is still being sent after an hour, on chip {attempt.chip}"
            yield bad("orders", what, f"pulsarack order show {order.id}", "see: pulsarack rack")


def _outbox(db: Database, subject: Subject) -> Iterator[Finding]:
    late = [
        one
        for one in outgoing.listed(db, waiting=True, limit=_LISTED)
        if subject.now_ms - one.created_at > HOUR_MS
    ]
    for channel, count in sorted(Counter(one.channel for one in late).items()):
        why = next((one.why for one in late if one.channel == channel and one.why), "")
        what = f"{count} messages have waited for {channel} for over an hour"
        yield warn("outbox", f"{what}{': ' if why else ''}{why}", "pulsarack outbox")


def selling(db: Database, subject: Subject) -> Iterator[Finding]:
    """Every chip can sell, and every product has a chip."""
    every = chips.every(db)
    yield from _resting(every, subject.now_ms)
    adopted = [one for one in every if one.state != ChipState.NEW]
    yield from _recipes_and_pins(adopted, subject)
    new = [one for one in every if one.state == ChipState.NEW]
    if new:
        what = f"{len(new)} chips were seen that nobody has adopted, the first is {new[0].iccid}"
        command = f"pulsarack chip adopt {new[0].iccid} --operator NAME --recipe NAME"
        yield warn("chips", what, command)
    able = {one.operator for one in adopted if one.state != ChipState.OUT}
    without: dict[str, list[str]] = {}
    for product in products.every(db):
        if product.active and product.operator not in able:
            without.setdefault(product.operator, []).append(product.code)
    for operator, codes in without.items():
        named = ", ".join(codes[:_NAMED]) + (", ..." if len(codes) > _NAMED else "")
        what = f"no chip sells {operator}: orders for {named} wait in vain"
        yield warn("products", what, "pulsarack chip list", "adopt a chip, or sell them no more")


def _resting(every: list[Chip], now_ms: int) -> Iterator[Finding]:
    for chip in every:
        name, why = f"chip {chip.name} ({chip.iccid})", chip.why or "no reason given"
        again = f"pulsarack chip enable {chip.iccid}"
        if chip.state == ChipState.OUT:
            what = f"{name} was taken out of service: {why}"
            yield warn("chips", what, f"pulsarack chip show {chip.iccid}", f"put right: {again}")
        elif chip.state == ChipState.RESTING and chip.rest_until is None:
            yield warn("chips", f"{name} rests until somebody says otherwise: {why}", again)
        elif chip.state == ChipState.RESTING and (chip.rest_until or 0) - now_ms > LONG_REST_MS:
            yield warn("chips", f"{name} rests for more than six hours: {why}", again)


def _recipes_and_pins(adopted: list[Chip], subject: Subject) -> Iterator[Finding]:
    shelf = subject.recipes
    if isinstance(shelf, UssdError):
        return  # what is wrong with the recipes is told by their own check
    pins = _secrets(subject)
    asked = 0
    for chip in adopted:
        recipe = shelf.recipes.get(chip.recipe or "")
        if recipe is None:
            what = (
                f"chip {chip.name} ({chip.iccid}) has the recipe {chip.recipe}, which is not here"
            )
            command = f"pulsarack chip adopt {chip.iccid} --operator {chip.operator} --recipe NAME"
            yield bad("chips", what, command)
        elif recipe.needs_chip_pin:
            asked += 1
            if pins is not None and pins.chip_pin(chip.iccid) is None:
                what = f"chip {chip.name} ({chip.iccid}) has no chip_pin, which its recipe needs"
                place = secrets.find(subject.config.daemon.secrets_file, subject.environ)
                yield bad("chips", what, f"sudoedit {place}", f'a table ["{chip.iccid}"] in it')
    if asked and pins is None:
        yield skip("chips", "whether each has its PIN only root can see: sudo pulsarack doctor")
    elif adopted:
        yield ok("chips", f"{len(adopted)} are adopted")


def _secrets(subject: Subject) -> secrets.Secrets | None:
    """The PINs; None if they cannot be read here, which is no fault of theirs."""
    configured = subject.config.daemon.secrets_file
    if secrets.find(configured, subject.environ) is None:
        return None
    try:
        return secrets.load(configured, subject.environ)
    except DaemonError:
        return None


def _long(length_ms: float) -> str:
    hours = length_ms / HOUR_MS
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"
