"""A database full of finished orders, as the product would have left them.

A small shop is opened by the product's own functions: agents, products, chips with their
opening stock. Then the orders of months are written behind its back, by a few statements that
compute millions of rows each: what happens to an order repeats itself every so many orders (a
cycle, drawn once), so every id, time and stock of an order follows from its number. Nothing is
checked and nothing indexed while that lasts; triggers and indexes are made again at the end,
and the balances are added up from the transfers. `pulsarack audit` finds nothing wrong.

Chips are those of a rack file, and their stock at the end is what the rack says they have: so
the simulated rack can go on where the history ends.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from random import Random

import apsw
from peewee import Database

from benchmarks import history_rows
from benchmarks.site import AGENT
from pulsarack.daemon.demo.enlist import Trade
from pulsarack.daemon.demo.workload import AGENTS
from pulsarack.daemon.store import prepare
from pulsarack.daemon.store_files import database
from pulsarack.ledger import accounts, journal
from pulsarack.queue import admin_acts, agents, chips, prefixes, products, recipe_versions, stock
from pulsarack.queue.admin_acts import Act, ActOutcome
from pulsarack.queue.admins import Role
from pulsarack.queue.chips import Adoption
from pulsarack.queue.deposits import bank_rows
from pulsarack.queue.deposits.bank_rows import StatementRow
from pulsarack.queue.products import Product
from pulsarack.ussd.recipe import Recipe
from pulsarack.ussd.shelf import load_shelf

# Orders of each chip in a cycle, and in a day.
_A_CYCLE = 100
_A_DAY = 1000
_DAY_MS = 86_400_000
# Nothing of the history may bear a time that has not come, a success taken back an hour later
# included; and the daemon shall not take the pause for a clock that was set.
_ENDED_MS = 7_200_000
_DEPOSIT = 10**13
_PAYMENTS = 10
_DAY = "2026-01-01"
_NO_LIMIT = 100_000
_SEED = 5

SHARED = (
    accounts.SALES,
    accounts.AIRTIME,
    accounts.OPENING,
    accounts.DISCREPANCY,
    agents.CASH,
)

# How many of a hundred orders come to what; the rest is sold at the first try.
_ENDS = {"WRONG": 4, "AGAIN": 2, "STOCK": 1, "EXPIRED": 1, "CANCELLED": 1, "REVERSED": 1}
_TRIES = {"AGAIN": 2, "EXPIRED": 0, "CANCELLED": 0}
_SOLD = {"DONE", "AGAIN", "STOCK", "REVERSED"}


@dataclass(frozen=True, slots=True)
class Slot:
    """What happens at one place of the cycle.

    `tries0`, `transfers0`: how many there were before in the cycle. `spent0`: what the chip
    that tries first had spent in it, and `spent` what it spends in a whole one; `_2`: the same
    of the chip that tries second.
    """

    p: int
    kind: str
    agent: str
    product: str
    operator: str
    area: str
    denomination: int
    price: int
    cost: int
    tries: int
    tries0: int
    transfers: int
    transfers0: int
    chip: str
    opening: int
    spent0: int
    spent: int
    chip_2: str
    opening_2: int
    spent0_2: int
    spent_2: int


@dataclass(frozen=True, slots=True)
class Shop:
    """Who sells what to whom. `goods`: for each chip, what is sold on it."""

    cards: tuple[str, ...]
    stocks: tuple[int, ...]
    recipes: tuple[Recipe, ...]
    goods: tuple[tuple[Product, ...], ...]
    areas: tuple[str, ...]
    products: tuple[Product, ...]


_AREAS = {"telkomsel": "628120", "tri": "628950"}


def generate(path: Path, rack: Path, orders: int, now_ms: int) -> None:
    """Makes a database at `path` with so many finished orders over the chips of a rack file."""
    shop = shop_of(Trade(rack))
    cycle = _cycle(shop)
    db = prepare(database(path, "OFF"), path, now_ms, ())
    try:
        began = now_ms - _ENDED_MS - orders * _gap(shop)
        spent = spent_in(cycle, shop, orders)
        with db.atomic("IMMEDIATE"):
            _open(db, shop, spent, began)
    finally:
        db.close()
    with _quick(path) as connection:
        # What is left is what the rack says, so there was so much more at first.
        opened = [
            replace(
                slot,
                opening=slot.opening + spent[slot.chip],
                opening_2=slot.opening_2 + spent[slot.chip_2],
            )
            for slot in cycle
        ]
        _write(connection, opened, orders, began, _gap(shop))


def shop_of(trade: Trade) -> Shop:
    """The shop that a rack's trade makes."""
    shelf = load_shelf()
    goods = [
        Product(
            str(row["code"]),
            str(row["operator"]),
            str(row["name"]),
            int(row["denomination"]),
            int(row["price"]),
            int(row["cost"]),
            None,
            1,
        )
        for row in trade.products
    ]
    return Shop(
        tuple(chip.iccid for chip in trade.chips),
        tuple(chip.stock for chip in trade.chips),
        tuple(shelf.of_operator(chip.operator)[0] for chip in trade.chips),
        tuple(tuple(one for one in goods if one.operator == chip.operator) for chip in trade.chips),
        tuple(_AREAS[chip.operator] for chip in trade.chips),
        tuple(goods),
    )


def _gap(shop: Shop) -> int:
    """Milliseconds from one order to the next."""
    return max(1, _DAY_MS // (_A_DAY * len(shop.cards)))


def _cycle(shop: Shop) -> list[Slot]:
    """What happens to one order after the other, until it begins anew."""
    rng = Random(_SEED)
    count = len(shop.cards)
    spent = dict.fromkeys(shop.cards, 0)
    drafts = []
    tries = transfers = 0
    for p in range(count * _A_CYCLE):
        kind, agent = _end(rng), rng.choice(list(AGENTS))
        first = p % count
        # Who is to be measured orders the cheapest goods: they must not have been his today.
        goods = shop.goods[first][1:3] if agent == AGENT else shop.goods[first][:3]
        sold = rng.choice(goods)
        second = _fellow(shop, first)
        tried = _TRIES.get(kind, 1)
        drafts.append((p, kind, agent, sold, first, second, tries, transfers, dict(spent)))
        moved = 2 + 2 * tried + (kind == "REVERSED")
        tries, transfers = tries + tried, transfers + moved
        if kind in _SOLD:
            spent[shop.cards[second if kind == "AGAIN" else first]] += sold.cost
    return [_slot(shop, *draft, spent) for draft in drafts]


def _end(rng: Random) -> str:
    drawn = rng.randrange(100)
    for kind, share in _ENDS.items():
        if drawn < share:
            return kind
        drawn -= share
    return "DONE"


def _fellow(shop: Shop, first: int) -> int:
    """Another chip that sells the same, if there is one."""
    count = len(shop.cards)
    others = ((first + step) % count for step in range(1, count))
    return next((one for one in others if shop.areas[one] == shop.areas[first]), first)


def _slot(
    shop: Shop,
    p: int,
    kind: str,
    agent: str,
    sold: Product,
    first: int,
    second: int,
    tries0: int,
    transfers0: int,
    before: dict[str, int],
    spent: dict[str, int],
) -> Slot:
    one, other = shop.cards[first], shop.cards[second]
    tried = _TRIES.get(kind, 1)
    return Slot(
        p=p,
        kind=kind,
        agent=agent,
        product=sold.code,
        operator=sold.operator,
        area=shop.areas[first],
        denomination=sold.denomination,
        price=sold.price,
        cost=sold.cost,
        tries=tried,
        tries0=tries0,
        transfers=2 + 2 * tried + (kind == "REVERSED"),
        transfers0=transfers0,
        chip=one,
        opening=shop.stocks[first],
        spent0=before[one],
        spent=spent[one],
        chip_2=other,
        opening_2=shop.stocks[second],
        spent0_2=before[other],
        spent_2=spent[other],
    )


def spent_in(cycle: list[Slot], shop: Shop, orders: int) -> dict[str, int]:
    """What each chip spends in so many orders."""
    whole, rest = divmod(orders, len(cycle))
    spent = dict.fromkeys(shop.cards, 0)
    for slot in cycle:
        if slot.kind in _SOLD:
            chip = slot.chip_2 if slot.kind == "AGAIN" else slot.chip
            spent[chip] += slot.cost * (whole + (slot.p < rest))
    return spent


def _open(db: Database, shop: Shop, spent: dict[str, int], now_ms: int) -> None:
    """The shop on its first day, by the product's own functions."""
    for account in SHARED:
        journal.open_account(db, account, now_ms=now_ms)
    prefixes.ship(db)
    for product in shop.products:
        products.put(db, product)
    for code, name in AGENTS.items():
        agents.add(db, code, name, now_ms=now_ms)
        _pay_in(db, code, now_ms)
    for number, (iccid, recipe) in enumerate(zip(shop.cards, shop.recipes, strict=True)):
        recipe_versions.note(db, recipe.content_hash, recipe.name, recipe.source, now_ms=now_ms)
        chips.seen(db, iccid, f"modem{number}", "350005000000010", now_ms=now_ms)
        adoption = Adoption(
            recipe.operator,
            recipe.name,
            name=f"chip{number}",
            per_hour=_NO_LIMIT,
            per_day=_NO_LIMIT,
            pause_seconds=0,
        )
        chips.adopt(db, iccid, adoption, now_ms=now_ms)
        stock.compare(db, iccid, shop.stocks[number] + spent[iccid], now_ms=now_ms)


def _pay_in(db: Database, agent: str, now_ms: int) -> None:
    """A deposit for all orders of the history, in payments as large as a bank's row can be."""
    rows = [
        StatementRow(_DAY, _DEPOSIT // _PAYMENTS, f"{agent} {number}")
        for number in range(_PAYMENTS)
    ]
    taken = bank_rows.take(db, "bank", rows, source="bench", latest_day=_DAY, now_ms=now_ms)
    assert isinstance(taken, bank_rows.Taken)
    for row in taken.unmatched:
        bank_rows.assign(db, row.id, agent, who="bench", uid=0, because="history", now_ms=now_ms)
        said = ("bank.assign", str(row.id), "{}", ActOutcome.DONE)
        admin_acts.note(db, Act(now_ms, 0, "root", Role.ADMIN, *said))


# --- the rows -----------------------------------------------------------------------------


@contextmanager
def _quick(path: Path) -> Iterator[apsw.Connection]:
    """Writes without a journal, triggers and indexes; all of it is there again at the end."""
    with closing(apsw.Connection(str(path))) as connection:
        for pragma in (
            "journal_mode = off",
            "synchronous = off",
            "foreign_keys = off",
            "ignore_check_constraints = on",
            "temp_store = memory",
            "cache_size = -1000000",
            "locking_mode = exclusive",
        ):
            connection.execute(f"PRAGMA {pragma}")
        laid_aside = [
            (str(kind), str(name), str(sql))
            for kind, name, sql in connection.execute(
                "SELECT type, name, sql FROM sqlite_schema"
                " WHERE type IN ('trigger', 'index') AND sql IS NOT NULL ORDER BY rootpage"
            )
        ]
        for kind, name, _ in laid_aside:
            connection.execute(f"DROP {kind} {name}")
        yield connection
        for _, _, sql in laid_aside:
            connection.execute(sql)
        connection.execute("PRAGMA locking_mode = normal")
        connection.execute("PRAGMA journal_mode = wal")


def _write(
    connection: apsw.Connection, cycle: list[Slot], orders: int, began: int, gap: int
) -> None:
    names = [field.name for field in fields(Slot)]
    connection.execute(f"CREATE TEMP TABLE slot ({', '.join(names)}, PRIMARY KEY (p))")
    marks = ", ".join("?" * len(names))
    connection.executemany(f"INSERT INTO slot VALUES ({marks})", map(astuple, cycle))
    last = connection.execute("SELECT coalesce(max(sequence), 0) FROM transfer").get
    figures = {
        "orders": orders,
        "length": len(cycle),
        "cycles": -(-orders // len(cycle)),
        "tries": sum(slot.tries for slot in cycle),
        "transfers": sum(slot.transfers for slot in cycle),
        "booked": int(str(last)),
        "began": began,
        "gap": gap,
    }
    connection.execute("BEGIN")
    for statement in history_rows.statements(figures):
        connection.execute(statement)
    connection.execute("COMMIT")
