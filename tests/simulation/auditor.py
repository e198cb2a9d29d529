"""The auditor: keeps books of its own, and holds the product to its promises.

It shares no code with the product. It knows what agents were answered and told, and what
the operators booked, as it happened; of the product it reads the database file, with its
own SQL. Each delivery is attributed at the instant it is booked: to the attempt that the
database says is open on that chip. A request that reaches an operator without one, or a
second one for the same attempt, is the fault that costs money.

P1 an acknowledged order is there, in a legal state, by legal moves.
P2 it is delivered at most once, and nothing is asked that is not on record.
P3 the books balance; an order has cost its agent its price, nothing, or is held.
P4 SUCCEEDED if and only if delivered, FAILED if and only if not, with the operator's number.
P5 an idle chip's stock is the operator's figure, and every difference is on record.
P6 the final result reaches its agent on his channel, and never changes.
P7 no PIN, of a chip or an agent, is in what is kept, logged or told.
P8 chips sell within their limits, and orders are sent and given up in their time (limits.py).
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from tests.simulation.bank_books import BankBooks
from tests.simulation.limits import Limits, Settings
from tests.simulation.network_books import NetworkBooks
from tests.simulation.stock_books import StockBooks
from tests.simulation.texts_books import TextBooks

Row = tuple[Any, ...]
Booked = dict[str, Any]

OPEN = {"QUEUED", "SENDING", "UNKNOWN"}
ENDS_IN_DELIVERY = {"SUCCEEDED", "REVERSED"}
ENDS_IN_REFUND = {"FAILED", "CANCELLED"}
MOVES = {
    None: {"QUEUED"},
    "QUEUED": {"SENDING", "FAILED", "CANCELLED"},
    "SENDING": {"QUEUED", "UNKNOWN", "SUCCEEDED", "FAILED"},
    "UNKNOWN": {"QUEUED", "SUCCEEDED", "FAILED"},
    "SUCCEEDED": {"REVERSED"},
}
SAYS = {
    "BERHASIL": "SUCCEEDED",
    "GAGAL": "FAILED",
    "DIBATALKAN": "CANCELLED",
    "DIREFUND": "REVERSED",
}


# The tables of which rows leave with an order.
LEAVE = ("orders", "transition", "attempt", "message", "evidence", "sms", "transfer")

# What an operator refuses a top-up for: the words of the agents' messages, and of its books.
REFUSALS = {
    "nomor tujuan salah": "WRONG_NUMBER",
    "nomor tidak aktif": "NUMBER_INACTIVE",
    "stok kosong": "INSUFFICIENT_STOCK",
    "gangguan chip": "WRONG_CHIP_PIN",
    "nomor baru saja diisi": "REPEATED_TOO_SOON",
    "batas transaksi tercapai": "LIMIT_REACHED",
    "chip diblokir": "CHIP_BARRED",
}

OF_THE_NUMBER = {"WRONG_NUMBER", "NUMBER_INACTIVE"}
# The rack's rule for numbers that are nobody's, or not active.
REFUSED_ENDINGS = ("00", "01")


@dataclass(frozen=True)
class Broken:
    """One promise that was not kept."""

    promise: str
    detail: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.detail}"


@dataclass(frozen=True)
class Wish:
    """What an agent asked for under a reference."""

    product: str
    destination: str


@dataclass
class Told:
    """What an agent was told of an order."""

    state: str
    texts: dict[int, str]


class Auditor:
    """One for a whole simulated history, whatever becomes of the daemon."""

    def __init__(self, path: Path, stocks: dict[str, int], settings: Settings) -> None:
        self.broken: list[Broken] = []
        self.asked: dict[int, Booked] = {}
        self.delivered: dict[int, Booked] = {}
        self.told: dict[int, Told] = {}
        self.moves: Counter[tuple[str | None, str]] = Counter()
        self._path = path
        self._connection: apsw.Connection | None = None
        self._wishes: dict[tuple[str, str], Wish] = {}
        self._texts: Counter[tuple[str, str, str]] = Counter()
        self._refused: set[tuple[str, str]] = set()
        self._acknowledged: dict[int, tuple[str, str | None, Wish]] = {}
        self._credited: Counter[str] = Counter()
        self._prices: dict[str, list[int]] = {}
        self._since: dict[tuple[str, ...], int] = {}
        self._price: dict[int, int] = {}
        self._said: dict[int, bool] = {}
        self._state: dict[int, str] = {}
        self._last_move = 0
        self.left = 0  # orders that are in archives
        self.limits = Limits(settings, self._rows, self._find)
        self.stock = StockBooks(stocks, self._rows, self._find)
        self.texts = TextBooks(self._rows, self._find)
        self.network = NetworkBooks(self._rows, self._find, self.texts.drew)
        self.bank = BankBooks(self._rows, self._find)

    def credited(self, agent: str, amount: int) -> None:
        """An agent's deposit was raised, and the daemon said so."""
        self._credited[agent] += amount

    def wished(self, agent: str, reference: str | None, wish: Wish, times: int = 1) -> None:
        """An agent is about to ask for something, under a reference or by a text alone.

        `times`: as how many texts it may arrive.
        """
        now = len(self._prices[wish.product]) - 1
        self._since.setdefault(_key(agent, reference, wish), now)
        self.network.wished(_key(agent, reference, wish))
        if reference is None:
            self._texts[agent, wish.product, wish.destination] += times
        else:
            self._wishes[agent, reference] = wish
            self._refused.discard((agent, reference))

    def prices(self, product: str, *prices: int) -> None:
        """Besides what it was, a product costs one of these (rupiah) from now on."""
        self._prices.setdefault(product, []).extend(prices)

    def said(self, order: int, delivered: bool) -> None:
        """A person is about to decide an order by his word."""
        self._said[order] = delivered

    def refused(self, agent: str, reference: str | None) -> None:
        """The daemon answered that it does not take the order."""
        if reference is not None:
            self._refused.add((agent, reference))

    def acknowledged(self, agent: str, reference: str | None, wish: Wish, order_id: int) -> None:
        """The daemon answered that it has the order."""
        if _key(agent, reference, wish) not in self._since:
            self._find("P1", f"{agent} was answered order {order_id}, and never asked for {wish}")
            return
        known = self._acknowledged.setdefault(order_id, (agent, reference, wish))
        if known != (agent, reference, wish):
            self._find("P1", f"order {order_id} was acknowledged as {known} and {wish}")

    def was_told(self, agent: str, message_id: int, order_id: int, text: str) -> None:
        """An agent received a message about an order."""
        found = [state for word, state in SAYS.items() if word in text]
        if len(found) != 1:
            self._find("P6", f"order {order_id}: {agent} was told {text!r}")
            return
        (state,) = found
        told = self.told.setdefault(order_id, Told(state, {}))
        if message_id in told.texts:  # it may come again, but not otherwise
            if told.texts[message_id] != text:
                self._find("P6", f"message {message_id} was {told.texts[message_id]!r}: {text!r}")
            return
        told.texts[message_id] = text
        if state != told.state and (told.state, state) != ("SUCCEEDED", "REVERSED"):
            self._find("P6", f"order {order_id}: told {told.state}, then {state}")
        told.state = state
        self._is_true(order_id, state, text)
        self._names_it(agent, order_id, text)

    def _names_it(self, agent: str, order_id: int, text: str) -> None:
        """A message goes to whose order it is, and names product, number, price and proof."""
        rows = self._rows(
            "SELECT agent, product, destination, price, serial_number FROM orders WHERE id = ?",
            (order_id,),
        )
        if not rows:
            self._find("P6", f"{agent} was told of order {order_id}, which is not there: {text!r}")
        for owner, product, destination, price, number in rows:
            named = [f" {product} ", f" 0{destination[2:]} ", f" {price:,}".replace(",", ".")]
            # A text that was on its way when its number became known stays as it is.
            on_its_way = owner in self.texts.writers and "SN: -" in text
            if number is not None and "BERHASIL" in text and not on_its_way:
                named.append(f"SN: {number}")
            if owner != agent or not all(one in text for one in named):
                self._find("P6", f"order {order_id} of {owner}: {agent} was told {text!r}")

    def _is_true(self, order_id: int, state: str, text: str) -> None:
        delivery = self.delivered.get(order_id)
        self._is_the_reason(order_id, text)
        if self._mistaken(order_id):
            return
        if (state in ENDS_IN_DELIVERY) != (delivery is not None):
            what = "delivered" if delivery else "not delivered"
            self._find("P4", f"order {order_id}: told {state}, it was {what}")
        number = re.search(r"SN: (\w+)", text)
        if delivery and number and number[1] != str(delivery["serial_number"]):
            self._find("P4", f"order {order_id}: told {number[0]}, not {delivery}")

    def _is_the_reason(self, order: int, text: str) -> None:
        """An operator's refusal is told only if the operator refused it so."""
        words = re.search(r"GAGAL \(([^)]*)\)", text)
        told = REFUSALS.get(words[1]) if words else None
        if told is None:
            return
        attempts = self._rows("SELECT id FROM attempt WHERE order_id = ?", (order,))
        asked = [self.asked.get(attempt) for (attempt,) in attempts]
        reasons = {line["reason"] for line in asked if line is not None}
        of_menu = told in OF_THE_NUMBER and self._is_no_number(order)
        if told not in reasons and not of_menu:
            self._find("P6", f"order {order}: told {told}, the operator said {reasons}")

    def _is_no_number(self, order: int) -> bool:
        """Whether the number is one that menus refuse before anything is requested."""
        ((number,),) = self._rows("SELECT destination FROM orders WHERE id = ?", (order,))
        return str(number).endswith(REFUSED_ENDINGS)

    def _mistaken(self, order: int) -> bool:
        """Whether an order stands as a person said, who was wrong."""
        if order not in self._said or self._said[order] == (order in self.delivered):
            return False
        said = "DONE" if self._said[order] else "NOT_DONE"
        return bool(
            self._rows(
                "SELECT 1 FROM evidence e JOIN attempt a ON a.id = e.attempt_id"
                " WHERE a.order_id = ? AND e.rule IN ('admin', 'contradiction_settled')"
                " AND e.verdict = ?",
                (order, said),
            )
        )

    def booked(self, line: Booked) -> None:
        """An operator wrote a line into its books, just now."""
        self.stock.booked(line)
        if line["kind"] == "top_up":
            self._requested(line)

    def _requested(self, line: Booked) -> None:
        rows = self._rows(
            "SELECT a.id, a.order_id, a.committed_at, o.destination, o.denomination"
            " FROM attempt a JOIN orders o ON o.id = a.order_id"
            " WHERE a.chip = ? AND a.closed_at IS NULL",
            (line["chip"],),
        )
        wanted = (line["destination"], line["denomination"])
        alike = self._rows(
            "SELECT id FROM orders WHERE operator = ? AND destination = ? AND denomination = ?"
            " AND state IN ('SENDING', 'UNKNOWN')",
            (line["operator"], *wanted),
        )
        if len(alike) != 1:  # a late text must be able to belong to one order only
            self._find("P2", f"{line['operator']} was asked for {wanted}, under way are {alike}")
        mine = [row for row in rows if row[3:] == wanted]
        what = f"chip {line['chip']} asked for {wanted}"
        if not mine:
            self._find("P2", f"{what}, while its open attempts were {rows}")
            return
        attempt, order, committed = mine[0][:3]
        if committed is None:
            self._find("P2", f"{what}, before attempt {attempt} was committed")
        if attempt in self.asked:
            self._find("P2", f"{what} twice in attempt {attempt} of order {order}")
        self.asked[attempt] = line
        if line["delivered"]:
            if order in self.delivered:
                self._find("P2", f"order {order} was delivered twice")
            self.delivered[order] = line
            self.limits.delivered(attempt)

    def look(self) -> None:
        """Check everything that holds at every instant."""
        self._check_moves()
        orders = self._rows(
            "SELECT id, state, agent, client_reference, product, destination, price,"
            " serial_number, local_day, repeat_index, cost FROM orders"
        )
        self.network.look(archived=self.left > 0)
        self.texts.look()
        self._check_acknowledged({row[0]: row for row in orders})
        self._check_unique(orders)
        self._check_ends(orders)
        self._check_attempts()
        self._check_money(orders)

    def _check_moves(self) -> None:
        rows = self._rows(
            "SELECT id, order_id, state FROM transition WHERE id > ? ORDER BY id",
            (self._last_move,),
        )
        for number, order, state in rows:
            old = self._state.get(order)
            self.moves[old, state] += 1
            if state not in MOVES.get(old, set()):
                self._find("P1", f"order {order} went from {old} to {state}")
            self._state[order] = state
            self._last_move = number

    def _check_acknowledged(self, orders: dict[int, Row]) -> None:
        for order, (agent, reference, wish) in self._acknowledged.items():
            row = orders.get(order)
            if row is None:
                self._find("P1", f"order {order} of {agent} is gone")
                continue
            if row[2:6] != (agent, reference, wish.product, wish.destination):
                self._find("P1", f"order {order} of {agent} is {row}, asked for was {wish}")
            key = _key(agent, reference, wish)
            valid = self._prices[wish.product][self._since[key] :]
            self.network.check(order, key, agent, wish.product, row[6], valid)
            if row[1] != self._state.get(order):
                self._find("P1", f"order {order} is {row[1]}, its moves say otherwise")
            if row[6] != self._price.setdefault(order, row[6]):
                self._find("P3", f"order {order} cost {self._price[order]}, now {row[6]}")

    def _check_unique(self, orders: list[Row]) -> None:
        keys: Counter[Row] = Counter()
        texts: Counter[Row] = Counter()
        for _, state, agent, reference, product, destination, _, _, day, repeat, _ in orders:
            if reference is not None:
                keys[agent, reference] += 1
                wish = self._wishes.get((agent, reference))
                if (agent, reference) in self._refused:
                    self._find("P1", f"{agent} was told that {reference} is not taken; it is there")
                if wish is None or (wish.product, wish.destination) != (product, destination):
                    self._find("P1", f"{agent} never asked for {reference} as it stands: {wish}")
            else:
                texts[agent, product, destination] += 1
            if state not in ENDS_IN_REFUND:
                keys[agent, product, destination, day, repeat] += 1
        for key, count in keys.items():
            if count > 1:
                self._find("P2", f"{count} orders for one {key}")
        for key, count in (texts - self._texts).items():
            self._find("P1", f"{count} orders that nobody asked for: {key}")

    def _check_ends(self, orders: list[Row]) -> None:
        for row in orders:
            order, state, number = row[0], row[1], row[7]
            delivery = self.delivered.get(order)
            if self._mistaken(order):
                continue
            if state in ENDS_IN_DELIVERY and delivery is None:
                self._find("P4", f"order {order} is {state}, nothing was delivered")
            elif state not in (ENDS_IN_DELIVERY | {"SENDING", "UNKNOWN"}) and delivery:
                self._find("P4", f"order {order} is {state}, it was delivered: {delivery}")
            if delivery and number not in (None, delivery["serial_number"]):
                self._find("P4", f"order {order} has number {number}, not {delivery}")

    def _check_attempts(self) -> None:
        rows = self._rows("SELECT id, order_id, outcome FROM attempt WHERE closed_at IS NOT NULL")
        for attempt, order, outcome in rows:
            if self._mistaken(order):
                continue
            line = self.asked.get(attempt)
            delivered = line is not None and line["delivered"]
            if delivered != (outcome == "DONE"):
                self._find("P4", f"attempt {attempt} of order {order} is {outcome}, not {line}")

    def _check_money(self, orders: list[Row]) -> None:
        accounts = self._rows(
            "SELECT code, debits_posted, credits_posted, debits_held, credits_held FROM account"
        )
        for place, name in ((1, "posted"), (3, "held")):
            debits = sum(row[place] for row in accounts)
            credits_ = sum(row[place + 1] for row in accounts)
            if debits != credits_:
                self._find("P3", f"{name} debits are {debits}, credits {credits_}")
        earned = self.network.earned({row[0] for row in orders if row[1] == "SUCCEEDED"})
        drawn = self.network.drawn()
        deposited = self.bank.deposited()
        moved = self.texts.moved()
        paid: Counter[str] = Counter()
        held: Counter[str] = Counter()
        sold = 0
        for _, state, agent, _, _, _, price, _, _, _, _ in orders:
            paid[agent] += price if state == "SUCCEEDED" else 0
            held[agent] += price if state in OPEN else 0
            sold += price if state == "SUCCEEDED" else 0
        on_chips: dict[str, int] = dict(
            self._rows(
                "SELECT a.chip, sum(o.cost) FROM attempt a JOIN orders o ON o.id = a.order_id"
                " WHERE a.closed_at IS NULL GROUP BY a.chip"
            )
        )
        for code, debits, credits_, debits_held, credits_held in accounts:
            name = code.rsplit(":", 1)[-1]
            if code.startswith("liability:agent:"):
                has = (credits_ - debits, debits_held)
                came = self._credited[name] + deposited[name] + drawn[name] + moved[name]
                should = (came - paid[name], held[name])
            elif code.startswith("liability:commission:"):
                has = (credits_ - debits, debits_held)
                should = (earned[name] - drawn[name], 0)
            elif code == "expense:commission":
                has, should = (debits - credits_, 0), (earned.total(), 0)
            elif code.startswith("asset:chip:"):
                has, should = (0, credits_held), (0, on_chips.get(name, 0))
            elif code == "income:sales":
                has, should = (credits_ - debits, 0), (sold, 0)
            else:
                continue
            if has != should:
                self._find("P3", f"{code} has (posted, held) {has}, it should be {should}")

    def quiet(self) -> None:
        """Check what must hold when nothing is under way any more."""
        self.look()
        self.bank.quiet()
        self.texts.quiet()
        for order, state in self._state.items():
            told = self.told.get(order)
            if state in OPEN:
                self._find("P1", f"order {order} is still {state}")
            elif (told is None or told.state != state) and not self.texts.lost(order):
                self._find("P6", f"order {order} is {state}, its agent was told {told}")
        mistaken = {order: self._said[order] for order in self._said if self._mistaken(order)}
        self.stock.quiet(mistaken)

    def grown_old(self) -> None:
        """Check that again, with the orders that are in archives by now where they were."""
        self.close()
        self._connection = apsw.Connection(str(self._path))
        archives = sorted((self._path.parent / "archive").glob("*.sqlite"))
        for number, archive in enumerate(archives):
            self._rows(f"ATTACH ? AS past_{number}", (str(archive),))
        for table in LEAVE:
            parts = ["main", *(f"past_{number}" for number in range(len(archives)))]
            # Not UNION: a row in two places is one too many.
            whole = " UNION ALL ".join(f"SELECT * FROM {part}.{table}" for part in parts)
            self._rows(f"CREATE TEMP VIEW {table} AS {whole}")
        self._rows("PRAGMA query_only = ON")
        self.left = len(self._rows("SELECT 1 FROM main.past_order"))
        self.texts.let_go = True
        self.quiet()

    def secrets_kept(self, secrets: list[str], texts: dict[str, str]) -> None:
        """Look for secrets in what is kept or logged (name of the place: its text)."""
        for place, text in texts.items():
            for secret in secrets:
                if secret in text:
                    self._find("P7", f"{place} contains a PIN")

    def history(self, sql: str) -> list[Row]:
        """Anything else that a report wants to know."""
        return self._rows(sql)

    def counted(self) -> dict[str, list[int]]:
        """Orders by state."""
        found: dict[str, list[int]] = defaultdict(list)
        for order, state in self._state.items():
            found[state].append(order)
        return found

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    def _rows(self, sql: str, values: Row = ()) -> list[Row]:
        if self._connection is None:
            self._connection = apsw.Connection(str(self._path))
            self._connection.execute("PRAGMA query_only = ON")
        return list(self._connection.execute(sql, values))

    def find(self, promise: str, detail: str) -> None:
        """Somebody else saw that a promise was not kept."""
        self._find(promise, detail)

    def _find(self, promise: str, detail: str) -> None:
        self.broken.append(Broken(promise, detail))


def _key(agent: str, reference: str | None, wish: Wish) -> tuple[str, ...]:
    """What makes two requests one order."""
    return (agent, reference) if reference else (agent, wish.product, wish.destination)
