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
P6 the final result reaches its agent, and never changes.
P7 no PIN is in what is kept or logged.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

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


@dataclass(frozen=True)
class Broken:
    """One promise that was not kept."""

    promise: str
    detail: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.detail}"


@dataclass(frozen=True)
class Wish:
    """What an agent asked for under a reference. Price and cost in rupiah."""

    product: str
    destination: str
    price: int


@dataclass
class Told:
    """What an agent was told of an order."""

    state: str
    texts: dict[int, str]


class Auditor:
    """One for a whole simulated history, whatever becomes of the daemon."""

    def __init__(self, path: Path, stocks: dict[str, int]) -> None:
        self.broken: list[Broken] = []
        self.stock = dict(stocks)
        self._opening = dict(stocks)
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
        self._given: Counter[str] = Counter()
        self._gifts: Counter[tuple[str, int]] = Counter()
        self._taken: Counter[str] = Counter()
        self._state: dict[int, str] = {}
        self._last_move = 0

    def credited(self, agent: str, amount: int) -> None:
        """An agent's deposit was raised, and the daemon said so."""
        self._credited[agent] += amount

    def wished(self, agent: str, reference: str | None, wish: Wish) -> None:
        """An agent is about to ask for something, under a reference or by a text alone."""
        if reference is None:
            self._texts[agent, wish.product, wish.destination] += 1
        else:
            self._wishes[agent, reference] = wish
            self._refused.discard((agent, reference))

    def refused(self, agent: str, reference: str | None) -> None:
        """The daemon answered that it does not take the order."""
        if reference is not None:
            self._refused.add((agent, reference))

    def acknowledged(self, agent: str, reference: str | None, wish: Wish, order_id: int) -> None:
        """The daemon answered that it has the order."""
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
        """A message goes to whose order it is, and names its product, number and price."""
        for owner, product, destination, price in self._rows(
            "SELECT agent, product, destination, price FROM orders WHERE id = ?", (order_id,)
        ):
            named = (f" {product} ", f" 0{destination[2:]} ", f" {price:,}".replace(",", "."))
            if owner != agent or not all(one in text for one in named):
                self._find("P6", f"order {order_id} of {owner}: {agent} was told {text!r}")

    def _is_true(self, order_id: int, state: str, text: str) -> None:
        delivery = self.delivered.get(order_id)
        if (state in ENDS_IN_DELIVERY) != (delivery is not None):
            what = "delivered" if delivery else "not delivered"
            self._find("P4", f"order {order_id}: told {state}, it was {what}")
        number = re.search(r"SN: (\w+)", text)
        if delivery and number and number[1] != str(delivery["serial_number"]):
            self._find("P4", f"order {order_id}: told {number[0]}, not {delivery}")

    def booked(self, line: Booked) -> None:
        """An operator wrote a line into its books, just now."""
        if line["kind"] == "stock":
            self.stock[line["chip"]] = line["stock"]
        elif line["kind"] == "stock_in":
            self._given[line["chip"]] += line["amount"]
            self._gifts[line["chip"], line["amount"]] += 1
        elif line["kind"] == "weather" and line["fault"] == "stock_taken":
            self._taken[line["chip"]] += line["amount"]
        elif line["kind"] == "top_up":
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

    def look(self) -> None:
        """Check everything that holds at every instant."""
        self._check_moves()
        orders = self._rows(
            "SELECT id, state, agent, client_reference, product, destination, price,"
            " serial_number, local_day, repeat_index, cost FROM orders"
        )
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
            if row[2:7] != (agent, reference, wish.product, wish.destination, wish.price):
                self._find("P1", f"order {order} of {agent} is {row}, asked for was {wish}")
            if row[1] != self._state.get(order):
                self._find("P1", f"order {order} is {row[1]}, its moves say otherwise")

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
            if state in ENDS_IN_DELIVERY and delivery is None:
                self._find("P4", f"order {order} is {state}, nothing was delivered")
            elif state not in (ENDS_IN_DELIVERY | {"SENDING", "UNKNOWN"}) and delivery:
                self._find("P4", f"order {order} is {state}, it was delivered: {delivery}")
            if delivery and number not in (None, delivery["serial_number"]):
                self._find("P4", f"order {order} has number {number}, not {delivery}")

    def _check_attempts(self) -> None:
        rows = self._rows("SELECT id, order_id, outcome FROM attempt WHERE closed_at IS NOT NULL")
        for attempt, order, outcome in rows:
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
                should = (self._credited[name] - paid[name], held[name])
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
        for order, state in self._state.items():
            told = self.told.get(order)
            if state in OPEN:
                self._find("P1", f"order {order} is still {state}")
            elif told is None or told.state != state:
                self._find("P6", f"order {order} is {state}, its agent was told {told}")
        self._check_stock()

    def _check_stock(self) -> None:
        differences: Counter[str] = Counter()
        for debit, credit, amount in self._rows(
            "SELECT debit, credit, amount FROM transfer WHERE phase IN ('posted', 'post')"
            " AND 'suspense:discrepancy' IN (debit, credit)"
        ):
            differences[debit.rsplit(":", 1)[-1]] += amount
            differences[credit.rsplit(":", 1)[-1]] -= amount
        from_texts: Counter[str] = Counter()
        booked: Counter[tuple[str, int]] = Counter()
        for debit, amount in self._rows(
            "SELECT debit, amount FROM transfer WHERE id GLOB 'sms:*:stock_in'"
        ):
            from_texts[debit.rsplit(":", 1)[-1]] += amount
            booked[debit.rsplit(":", 1)[-1], amount] += 1
        for (iccid, amount), count in (booked - self._gifts).items():
            self._find("P5", f"chip {iccid}: {amount} came in the books {count} times too often")
        opened = self._opened()
        for iccid, exact, state, posted in self._rows(
            "SELECT iccid, stock_exact, state, debits_posted - credits_posted FROM chip"
            " JOIN account ON code = 'asset:chip:' || iccid"
        ):
            if state == "OUT":
                continue  # its stock cannot be asked any more
            if not exact:
                self._find("P5", f"the stock of chip {iccid} is not known at the end")
            elif posted != self.stock[iccid]:
                self._find("P5", f"chip {iccid}: {posted} in the books, {self.stock[iccid]} there")
            recorded = (
                differences[iccid] + from_texts[iccid] + opened.get(iccid, -self._opening[iccid])
            )
            moved = self._given[iccid] - self._taken[iccid]
            if exact and recorded != moved:
                self._find("P5", f"chip {iccid}: {moved} came unasked, {recorded} is on record")

    def _opened(self) -> dict[str, int]:
        """By how much each chip's opening balance is off what it had when the history began."""
        found: dict[str, int] = {}
        for debit, amount in self._rows(
            "SELECT debit, amount FROM transfer WHERE credit = 'equity:opening'"
            " AND debit GLOB 'asset:chip:*'"
        ):
            iccid = debit.rsplit(":", 1)[-1]
            if iccid in found:
                self._find("P5", f"chip {iccid} was opened twice")
            found[iccid] = amount - self._opening[iccid]
        return found

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

    def _find(self, promise: str, detail: str) -> None:
        self.broken.append(Broken(promise, detail))
