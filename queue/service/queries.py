"""What an agent asks to be shown: balance, prices, orders, statement, recap."""

from collections.abc import Iterable
from datetime import date, timedelta

from peewee import Database

from pulsarack.ledger import accounts, books
from pulsarack.queue import chips, orders, outcome, products
from pulsarack.queue.archive import PastOrder
from pulsarack.queue.chips import Chip, ChipState
from pulsarack.queue.errors import IllegalMove
from pulsarack.queue.network import commissions, pricing
from pulsarack.queue.order_text.commands import (
    CancelOrder,
    Help,
    LastOrders,
    ShowBalance,
    ShowOrder,
    ShowOutOfStock,
    ShowPrices,
    ShowRecap,
    ShowStatement,
)
from pulsarack.queue.products import Product
from pulsarack.queue.reports import lookup, recap, statement
from pulsarack.queue.reports.statement import StatementLine
from pulsarack.queue.service import look, people
from pulsarack.queue.service.asked import Answer, Asked
from pulsarack.queue.state import OPEN, OrderState
from pulsarack.queue.validation import (
    AIRTIME,
    METER,
    Refusal,
    normalise_destination,
    show_destination,
)
from pulsarack.queue.wordings import render
from pulsarack.queue.wordings.shipped import Values
from pulsarack.queue.wordings.template import rupiah

MOST_SHOWN = 20
"""Orders or lines of a statement; most channels show fewer."""
USUAL = 5
MOST_PRICES = 60
PRICES = "CH"
FORMS = "S10.0812xxx"


def show_balance(db: Database, command: ShowBalance, asked: Asked) -> Answer:
    """The agent's own balance, or a downline's."""
    if command.downline is None:
        own = asked.agent.code
        variables: Values = {
            "agent": own,
            "name": asked.agent.name,
            "balance": look.balance(db, own),
            "in_process": look.in_process(db, own),
            "commission": commissions.balance(db, own),
        }
        return Answer("balance", variables)
    below = people.downline(db, command.downline, asked)
    if isinstance(below, Answer):
        return below
    held: Values = {
        "balance": look.balance(db, below.code),
        "in_process": look.in_process(db, below.code),
    }
    return Answer("balance_downline", {**people.named(below), **held})


def show_prices(db: Database, command: ShowPrices, asked: Asked) -> Answer:
    """What products cost this agent; without a code: which products there are."""
    sold = [one for one in products.every(db) if one.active]
    if command.product is None:
        example = f"{PRICES}.{sold[0].code}" if sold else PRICES
        return Answer("prices_groups", {"list": _groups(sold), "example": example})
    wanted = command.product.upper()
    fitting = [one for one in sold if one.code == wanted]
    fitting = fitting or [one for one in sold if one.code.startswith(wanted)]
    if not fitting:
        return Answer("prices_none", {"product": wanted[:16], "example": PRICES})
    lines = [
        f"{one.code}={rupiah(pricing.offer(db, asked.agent, one).price)}"
        for one in fitting[:MOST_PRICES]
    ]
    return Answer("prices", {"list": lines, "balance": look.balance(db, asked.agent.code)})


def _groups(sold: Iterable[Product]) -> list[str]:
    """The codes of each operator, as one item."""
    groups: dict[str, list[str]] = {}
    for one in sold:
        groups.setdefault(one.operator, []).append(one.code)
    return [f"{operator} {' '.join(codes)}" for operator, codes in groups.items()]


def show_out_of_stock(db: Database, _command: ShowOutOfStock, _asked: Asked) -> Answer:
    """The products for which no chip of their operator has the stock."""
    most: dict[str, int] = {}
    for chip in chips.every(db):
        if _may_sell(chip):
            operator = chip.operator or ""
            most[operator] = max(most.get(operator, 0), _stock(db, chip))
    missing = [
        one.code
        for one in products.every(db)
        if one.active and most.get(one.operator, 0) < one.cost
    ]
    if not missing:
        return Answer("nothing_out_of_stock")
    return Answer("out_of_stock", {"list": missing})


def _may_sell(chip: Chip) -> bool:
    """Whether a chip sells now, or will after a rest."""
    resting = chip.state == ChipState.RESTING and chip.rest_until is not None
    return chip.state == ChipState.ACTIVE or resting


def _stock(db: Database, chip: Chip) -> int:
    found = books.balance(db, accounts.chip(chip.iccid))
    return (found.available if found else 0) - chip.reserve


def show_order(db: Database, command: ShowOrder, asked: Asked) -> Answer:
    """How the newest order to a number stands."""
    day = None if command.day is None else day_of_month(asked.local_day, command.day)
    if command.day is not None and day is None:
        return Answer("day_bad", {"day": str(command.day)})
    found = newest_to(db, command.destination, asked, day)
    return found if isinstance(found, Answer) else standing(db, found, asked)


def newest_to(
    db: Database, typed: str, asked: Asked, local_day: str | None = None
) -> look.Known | Answer:
    """The agent's newest order to a number, of a telephone or else of a meter."""
    for kind in (AIRTIME, METER):
        number = normalise_destination(typed, kind)
        if isinstance(number, Refusal):
            continue
        found = lookup.newest_to(db, asked.agent.code, number, local_day)
        if found is not None:
            return found
    return Answer("order_not_found", {"destination": look.shown(typed)})


def standing(db: Database, order: look.Known, asked: Asked) -> Answer:
    """How an order stands."""
    facts = look.facts(db, order, asked)
    if isinstance(order, PastOrder):
        return Answer("order_past", facts)
    failed = order.state in (OrderState.FAILED, OrderState.CANCELLED)
    return Answer("order_status_failed" if failed else "order_status", facts)


def last_orders(db: Database, command: LastOrders, asked: Asked) -> Answer:
    """The newest orders, newest first."""
    count = min(max(command.count or USUAL, 1), MOST_SHOWN)
    found = orders.listed(db, agent=asked.agent.code, limit=count)
    if not found:
        return Answer("no_orders")
    lines = [look.line(db, one, asked) for one in found]
    return Answer("last_orders", {"count": len(lines), "list": lines})


def cancel(db: Database, command: CancelOrder, asked: Asked) -> Answer:
    """Cancel the newest order to a number that no chip has begun."""
    found = newest_to(db, command.destination, asked)
    if isinstance(found, Answer):
        return found
    facts = look.facts(db, found, asked)
    if found.state != OrderState.QUEUED:
        return Answer("cancel_too_late", facts)
    try:
        order = outcome.cancel(db, found.id, now_ms=asked.received_at)
    except IllegalMove:
        return Answer("cancel_too_late", facts)
    return Answer("cancel_done", look.facts(db, order, asked), cancelled=(order,))


def show_statement(db: Database, command: ShowStatement, asked: Asked) -> Answer:
    """The newest movements of the deposit, or those of a day."""
    agent, balance = asked.agent.code, look.balance(db, asked.agent.code)
    count = min(max(command.count or USUAL, 1), MOST_SHOWN)
    if command.day is None:
        found = statement.newest(db, agent, count)
    else:
        day = day_of_month(asked.local_day, command.day)
        if day is None:
            return Answer("day_bad", {"day": str(command.day)})
        found = statement.between(db, agent, *asked.settings.day_bounds(day), MOST_SHOWN)
    if not found:
        return Answer("statement_none", {"balance": balance})
    lines = [_movement(db, one, asked) for one in found]
    return Answer("statement", {"list": lines, "balance": balance, "count": len(lines)})


def _movement(db: Database, line: StatementLine, asked: Asked) -> str:
    """A line: when, what, about what, how much."""
    about = line.other or ""
    if line.product is not None and line.destination is not None:
        about = f"{line.product}.{show_destination(line.destination)}"
    what = render.render(db, f"movement_{line.kind}", asked.language, {})
    sign = "+" if line.amount > 0 else ""
    return f"{asked.settings.date(line.at)} {what} {about} {sign}{rupiah(line.amount)}"


def show_recap(db: Database, command: ShowRecap, asked: Asked) -> Answer:
    """A day's orders in one line."""
    day = asked.local_day if command.day is None else day_of_month(asked.local_day, command.day)
    if day is None:
        return Answer("day_bad", {"day": str(command.day)})
    found = recap.of_day(db, asked.agent.code, day, *asked.settings.day_bounds(day))
    variables: Values = {
        "day": f"{day[8:]}/{day[5:7]}",
        "count": found.count,
        "succeeded": found.of_state("SUCCEEDED")[0],
        "failed": found.of_state("FAILED", "CANCELLED", "REVERSED")[0],
        "undecided": found.of_state(*OPEN)[0],
        "total": found.spent,
        "balance": look.balance(db, asked.agent.code),
    }
    return Answer("recap", variables)


def show_help(_db: Database, _command: Help, _asked: Asked) -> Answer:
    """How to write."""
    return Answer("help", {"example": FORMS})


def day_of_month(today: str, day: int) -> str | None:
    """The newest day that is not to come with that number: of this month, or the one before.

    None if neither has such a day.
    """
    now = date.fromisoformat(today)
    for month in (now, now.replace(day=1) - timedelta(days=1)):
        try:
            found = month.replace(day=day)
        except ValueError:
            continue
        if found <= now:
            return found.isoformat()
    return None
