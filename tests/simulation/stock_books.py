"""The auditor's books of the chips: what came and went, and what the product has on record.

Whatever moved a chip's stock besides the orders that ended as the operator did is either in
a stock-in text or a discrepancy, once. What people decide about discrepancies leaves the
suspense account as it says, and nothing else does.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

Row = tuple[Any, ...]
Booked = dict[str, Any]
SUSPENSE = "suspense:discrepancy"


class StockBooks:
    """One for a whole history. `rows` asks the database, `find` takes what is broken."""

    def __init__(
        self,
        stocks: dict[str, int],
        rows: Callable[..., list[Row]],
        find: Callable[[str, str], None],
    ) -> None:
        self._rows = rows
        self._find = find
        self._opening = dict(stocks)
        self._there = dict(stocks)
        self._unasked: Counter[str] = Counter()
        self._moves: dict[str, list[int]] = defaultdict(list)
        self._gifts: Counter[tuple[str, int]] = Counter()
        self._weighed: set[int] = set()  # orders a person was wrong about

    def booked(self, line: Booked) -> None:
        """An operator wrote a line into its books."""
        chip, fault = line.get("chip", ""), line.get("fault")
        if line["kind"] == "stock":
            self._there[chip] = line["stock"]
        elif line["kind"] == "stock_in":
            self._gifts[chip, line["amount"]] += 1
            self._moved(chip, line["amount"])
            # Its text may come so late that the stock was believed before: then it comes off again.
            self._moves[chip].append(-line["amount"])
        elif line["kind"] == "weather" and fault == "stock_taken":
            self._moved(chip, -line["amount"])
        elif line["kind"] == "weather" and fault == "stock_given_back":
            self._moved(chip, line["amount"])

    def quiet(self, mistaken: dict[int, bool]) -> None:
        """Compare, when nothing is under way. `mistaken`: orders a person was wrong about."""
        for order, said_done in mistaken.items():
            if order in self._weighed:
                continue
            self._weighed.add(order)
            for chip, cost in self._rows(
                "SELECT a.chip, o.cost FROM orders o JOIN attempt a ON a.id ="
                " (SELECT max(id) FROM attempt WHERE order_id = o.id) WHERE o.id = ?",
                (order,),
            ):
                self._moved(chip, cost if said_done else -cost)
        recorded = self._recorded()
        for iccid, exact, state, posted in self._rows(
            "SELECT iccid, stock_exact, state, debits_posted - credits_posted FROM chip"
            " JOIN account ON code = 'asset:chip:' || iccid"
        ):
            if state == "OUT":
                continue  # its stock cannot be asked any more
            there, moved = self._there[iccid], self._unasked[iccid]
            if not exact:
                self._find("P5", f"the stock of chip {iccid} is not known at the end")
            elif posted != there:
                self._find("P5", f"chip {iccid}: {posted} in the books, {there} there")
            elif recorded[iccid] != moved:
                self._find("P5", f"chip {iccid}: {moved} came unasked, {recorded[iccid]} recorded")
        self._check_differences()
        self._check_cleared()

    def _moved(self, chip: str, amount: int) -> None:
        self._unasked[chip] += amount
        self._moves[chip].append(amount)

    def _recorded(self) -> Counter[str]:
        """What the product booked on each chip besides its orders, rupiah."""
        found: Counter[str] = Counter()
        for debit, credit, amount in self._rows(
            "SELECT debit, credit, amount FROM transfer WHERE phase IN ('posted', 'post')"
            f" AND ('{SUSPENSE}' IN (debit, credit) OR id GLOB 'attempt:*:cost:reversal')"
        ):
            found[debit.rsplit(":", 1)[-1]] += amount
            found[credit.rsplit(":", 1)[-1]] -= amount
        booked: Counter[tuple[str, int]] = Counter()
        for debit, amount in self._rows(
            "SELECT debit, amount FROM transfer WHERE id GLOB 'sms:*:stock_in'"
        ):
            found[debit.rsplit(":", 1)[-1]] += amount
            booked[debit.rsplit(":", 1)[-1], amount] += 1
        for (iccid, amount), count in (booked - self._gifts).items():
            self._find("P5", f"chip {iccid}: {amount} came in the books {count} times too often")
        opened = self._opened()
        for iccid, opening in self._opening.items():
            found[iccid] += opened.get(iccid, 0) - opening
        return found

    def _opened(self) -> dict[str, int]:
        """The opening balance of each chip."""
        found: dict[str, int] = {}
        for code, amount in self._rows(
            "SELECT debit, amount FROM transfer WHERE credit = 'equity:opening'"
            " AND debit GLOB 'asset:chip:*' UNION ALL"
            " SELECT credit, -amount FROM transfer WHERE debit = 'equity:opening'"
            " AND credit GLOB 'asset:chip:*'"
        ):
            iccid = code.rsplit(":", 1)[-1]
            if iccid in found:
                self._find("P5", f"chip {iccid} was opened twice")
            found[iccid] = amount
        return found

    def _check_differences(self) -> None:
        """Every difference is what came and went unasked, or some of it: orders make none."""
        possible_moves = {iccid: list(moves) for iccid, moves in self._moves.items()}
        # What a person said was given back with a reversal may come later than he said.
        for debit, amount in self._rows(
            "SELECT debit, amount FROM transfer WHERE id GLOB 'attempt:*:cost:reversal'"
        ):
            possible_moves.setdefault(debit.rsplit(":", 1)[-1], []).append(-amount)
        for number, iccid, difference in self._rows("SELECT id, chip, difference FROM discrepancy"):
            possible = {0}
            moves = possible_moves.get(iccid, [])
            for amount in moves:
                possible |= {one + amount for one in possible}
            if difference not in possible:
                self._find("P5", f"discrepancy {number} of {iccid}: {difference}, not of {moves}")

    def _check_cleared(self) -> None:
        """What is left in suspense is the rest of the discrepancies, what left it is decided."""
        rest = sum(amount for (amount,) in self._rows("SELECT difference FROM discrepancy"))
        decided: dict[str, int] = defaultdict(int)
        for amount, account in self._rows("SELECT amount, account FROM discrepancy_clearing"):
            rest -= amount
            decided[account] += amount
        balances = {
            code: debits - credits_
            for code, debits, credits_ in self._rows(
                "SELECT code, debits_posted, credits_posted FROM account"
            )
        }
        if balances.get(SUSPENSE, 0) != -rest:
            self._find("P5", f"{balances.get(SUSPENSE, 0)} in suspense, open is {-rest}")
        for account in ("expense:stock-loss", "income:stock-gain"):
            if balances.get(account, 0) != -decided[account]:
                has = balances.get(account, 0)
                self._find("P5", f"{account} has {has}, decided was {-decided[account]}")
