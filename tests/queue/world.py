"""A small server in a real SQLite file: agents, products, chips, and the verbs of an order's life.

Each world is a copy of one migrated file, so that making one costs a file copy. Time is
`now`, moved by hand. Every verb is one transaction, as it is in the daemon.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from peewee import Database

from pulsarack.ledger import accounts, books, journal
from pulsarack.ledger import audit as ledger_audit
from pulsarack.queue import (
    admin_acts,
    agents,
    attempts,
    audit,
    chips,
    claim,
    clock_steps,
    discrepancies,
    facts,
    intake,
    orders,
    outcome,
    prefixes,
    products,
    recipe_versions,
    recovery,
    request,
    reversal,
    rows,
    stock,
    texts,
)
from pulsarack.queue.admin_acts import Act, ActOutcome
from pulsarack.queue.admins import Role
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.chips import Adoption, Chip
from pulsarack.queue.claim import Claim, IdleChip, Known
from pulsarack.queue.deposits import bank_rows
from pulsarack.queue.deposits.bank_rows import StatementRow
from pulsarack.queue.discrepancies import Cleared, ClearingKind, Discrepancy
from pulsarack.queue.evidence import Evidence, EvidenceKind, Rule, VerdictKind
from pulsarack.queue.facts import Limits, Presence
from pulsarack.queue.intake import Accepted
from pulsarack.queue.orders import Order
from pulsarack.queue.outcome import Decision
from pulsarack.queue.products import Product
from pulsarack.queue.recovery import Recovered
from pulsarack.queue.request import Request
from pulsarack.queue.texts import IncomingText, ReadText, Received, TextKind, Window
from pulsarack.queue.validation import Refusal
from pulsarack.ussd.outcome import Reason
from tests.daemon.store_inline import InlineStore

T = TypeVar("T")

HOUR = 3_600_000
START = 1_800_000_000_000
LATE_MS = 300_000
LIMIT_SECONDS = 600
TO = "6281200000012"
BANK_DAY = "2026-01-15"

# denomination: price, cost
PRICES = {5: (5_500, 5_125), 10: (10_500, 10_150), 100: (99_500, 98_500)}


def iccid(number: int) -> str:
    """The ICCID of the world's n-th chip."""
    return f"8962100000000000{number:03d}"


def paid_in(
    db: Database, agent: str, amount: int, note: str = "start", *, now_ms: int
) -> bank_rows.BankRow:
    """An agent's deposit raised by a row of a bank's statement, which an admin says is his."""
    row = StatementRow(BANK_DAY, amount, f"{agent} {note}")
    taken = bank_rows.take(db, "bank", [row], source="test", latest_day=BANK_DAY, now_ms=now_ms)
    assert isinstance(taken, bank_rows.Taken)
    (row_id,) = [one.id for one in taken.unmatched]
    found = bank_rows.assign(db, row_id, agent, who="test", uid=0, because="start", now_ms=now_ms)
    assert isinstance(found, bank_rows.BankRow)
    admin_acts.note(db, act("bank.assign", row_id, now_ms))
    return found


def act(call: str, subject: int, now_ms: int) -> Act:
    """What the gate records of a call of root's (daemon/admins/gate.py)."""
    return Act(now_ms, 0, "root", Role.ADMIN, call, str(subject), "{}", ActOutcome.DONE)


@dataclass(frozen=True)
class Money:
    """Posted, held and available of one account."""

    posted: int
    held: int
    available: int


class World:
    """One database, one time of day."""

    def __init__(self, path: Path, template: Path | None = None) -> None:
        if template is not None:
            shutil.copyfile(template, path)
        self.store = InlineStore.open(path, now_ms=START, synchronous="OFF")
        self.now = START
        self.day = "2027-01-15"
        self.day_starts = START - 6 * HOUR
        self.day_ends = START + 18 * HOUR
        self._texts = 0
        if template is None:
            self.run(self._furnish)

    def _furnish(self, db: Database) -> None:
        shared = (accounts.SALES, accounts.AIRTIME, accounts.OPENING, accounts.DISCREPANCY)
        for account in (*shared, accounts.COMMISSION_EXPENSE, agents.CASH):
            journal.open_account(db, account, now_ms=START)
        prefixes.ship(db)
        recipe_versions.note(db, "hash", "telkomsel", "text", now_ms=START)
        for denomination, (price, cost) in PRICES.items():
            name = f"simPATI {denomination}"
            row = Product(f"S{denomination}", "telkomsel", name, denomination, price, cost, None, 1)
            products.put(db, row)

    def run(self, job: Callable[[Database], T]) -> T:
        """One transaction."""
        return self.store.run_inline(job)

    def sql(self, statement: str, *params: object) -> list[tuple[Any, ...]]:
        """One statement; what it gave."""
        return self.run(lambda db: rows.tuples(db, statement, params))

    def close(self) -> None:
        """Give the file free."""
        self.store.close()

    # --- who is there ---

    def agent(self, code: str = "A1", deposit: int = 1_000_000) -> str:
        """An agent with a deposit."""

        def job(db: Database) -> None:
            agents.add(db, code, "Kios", now_ms=self.now)
            if deposit:
                paid_in(db, code, deposit, now_ms=self.now)

        self.run(job)
        return code

    def chip(
        self, number: int = 1, stock_figure: int | None = 500_000, **adoption: int | str
    ) -> str:
        """An adopted chip whose stock was read; None: it was not read yet."""
        card = iccid(number)
        settings: dict[str, Any] = {"operator": "telkomsel", "recipe": "telkomsel", **adoption}

        def job(db: Database) -> None:
            chips.adopt(db, card, Adoption(name=f"chip{number}", **settings), now_ms=self.now)
            if stock_figure is not None:
                stock.compare(db, card, stock_figure, now_ms=self.now)

        self.run(job)
        return card

    # --- the verbs ---

    def accept(
        self,
        text: str = "S10.081200000012",
        agent: str = "A1",
        reference: str | None = None,
        limit_seconds: int = LIMIT_SECONDS,
        most_price: int | None = None,
    ) -> Accepted | Refusal:
        """Send an order text in."""
        wanted = request.parse(text)
        assert isinstance(wanted, Request), wanted
        origin = intake.Origin(
            *(agent, "socket", text, reference, self.now, self.day),
            time_limit_seconds=limit_seconds,
            most_price=most_price,
        )
        return self.run(lambda db: intake.accept(db, wanted, origin))

    def order(self, text: str = "S10.081200000012", **more: Any) -> Order:
        """An order that is accepted."""
        found = self.accept(text, **more)
        assert isinstance(found, Accepted), found
        return found.order

    def claim(
        self,
        *cards: str,
        limits: Limits | None = None,
        known: Known | None = None,
        at_once: bool = False,
    ) -> list[Claim]:
        """Offer idle chips."""
        presence = Presence("1-1", "imei", limits=limits or Limits())
        operators = {chip.iccid: chip.operator or "" for chip in self.run(chips.every)}
        idle = {
            card: IdleChip(presence, operators.get(card, "telkomsel"), "hash", LATE_MS, at_once)
            for card in cards
        }
        return self.run(
            lambda db: claim.claim_ready(
                db, idle, known or Known(), now_ms=self.now, day_started_at=self.day_starts
            )
        )

    def commit(self, attempt_id: int) -> None:
        """Pass the point of no return."""
        self.run(lambda db: attempts.mark_committed(db, attempt_id, now_ms=self.now))

    def sent(self, card: str, text: str = "S10.081200000012", **more: Any) -> Claim:
        """An order, claimed by this chip and committed."""
        order = self.order(text, **more)
        (found,) = self.claim(card)
        assert found.order.id == order.id
        self.commit(found.attempt_id)
        return found

    def decide(
        self,
        attempt_id: int,
        *,
        done: bool,
        reason: Reason | None = None,
        number: str | None = None,
        figure: int | None = None,
        kind: EvidenceKind = EvidenceKind.REPLY,
        answered: bool = True,
    ) -> Order:
        """A proof arrives."""
        verdict = VerdictKind.DONE if done else VerdictKind.NOT_DONE
        proof = Evidence(kind, verdict, "the operator's words", rule_of(kind, verdict))
        decision = Decision(done, reason, "said so", proof, number, figure, answered)

        def job(db: Database) -> Order:
            decided = outcome.decide(
                db, attempt_id, decision, now_ms=self.now, day_ends_at=self.day_ends
            )
            if done:
                card = attempts.get(db, attempt_id).chip
                stock.after_sale(db, card, figure, now_ms=self.now)
            return decided

        return self.run(job)

    def suspend(self, attempt_id: int, reason: Reason = Reason.NO_REPLY) -> Order:
        """Nobody knows."""
        return self.run(
            lambda db: outcome.suspend(
                db, attempt_id, reason=reason, why="silence", now_ms=self.now
            )
        )

    def text(
        self,
        card: str,
        read: ReadText,
        words: str | None = None,
        fingerprint: str | None = None,
        *,
        awaited: bool = True,
    ) -> Received:
        """An SMS arrives at a chip. Without words it is unlike any other."""
        self._texts += 1
        incoming = IncomingText(
            card, fingerprint or f"f{self._texts}", "M-KIOS", words or f"text {self._texts}"
        )
        window = Window(LATE_MS, self.now, self.day_ends, awaited=awaited)
        return self.run(lambda db: texts.receive(db, incoming, read, "telkomsel", window))

    def reverse(
        self, order_id: int, *, stock_returned: bool = False, because: str = "taken back"
    ) -> Order:
        """A person takes a success back."""

        def job(db: Database) -> Order:
            done = reversal.reverse(
                db,
                order_id,
                because=because,
                who="admin1",
                stock_returned=stock_returned,
                now_ms=self.now,
            )
            admin_acts.note(db, act("order.reverse", order_id, self.now))
            return done

        return self.run(job)

    def may_come_back(self, card: str, cost: int) -> bool:
        """Whether the stock of an order of that cost may look untouched for a reversal's sake."""
        return self.run(lambda db: reversal.may_come_back(db, card, cost, now_ms=self.now))

    def differ(self, card: str, figure: int) -> Discrepancy:
        """Two readings agree on a figure that is not the ledger's; what was recorded."""
        booked = self.run(lambda db: stock.book_discrepancy(db, card, figure, now_ms=self.now))
        assert booked
        return self.run(lambda db: discrepancies.listed(db, chip=card))[0]

    def clear(
        self, discrepancy_id: int, kind: ClearingKind | None = None, because: str = "counted"
    ) -> Cleared:
        """A person decides what a discrepancy was."""

        def job(db: Database) -> Cleared:
            found = discrepancies.find(db, discrepancy_id)
            assert found is not None
            return discrepancies.clear(
                db, found, kind, because=because, who="admin1", now_ms=self.now
            )

        return self.run(job)

    def recover(self) -> Recovered:
        """A new daemon starts."""
        return self.run(lambda db: recovery.recover(db, now_ms=self.now, day_ends_at=self.day_ends))

    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.now += seconds * 1000

    def set_back(self, days: int) -> None:
        """Somebody sets the clock, and the daemon follows."""
        step = -days * 24 * HOUR
        self.now += step
        self.run(lambda db: clock_steps.follow(db, step, now_ms=self.now))
        self.day = str(datetime.fromtimestamp(self.now / 1000, UTC).date())

    # --- looking ---

    def get(self, order: Order | int) -> Order:
        """The order as it is now."""
        key = order if isinstance(order, int) else order.id
        return self.run(lambda db: orders.get(db, key))

    def attempt(self, attempt_id: int) -> Attempt:
        """The attempt as it is now."""
        return self.run(lambda db: attempts.get(db, attempt_id))

    def the_chip(self, card: str) -> Chip:
        """The chip as it is now."""
        found = self.run(lambda db: chips.find(db, card))
        assert found is not None
        return found

    def phase(self, hold_id: str) -> str:
        """How a hold ended: post, void, open, or none if there is no such hold."""
        found = self.sql(
            "SELECT coalesce(r.phase, 'open') FROM transfer h"
            " LEFT JOIN transfer r ON r.hold_id = h.id WHERE h.id = ?",
            hold_id,
        )
        return str(found[0][0]) if found else "none"

    def deposit(self, agent: str = "A1") -> Money:
        """An agent's money."""
        return self.money(accounts.agent(agent))

    def stock(self, card: str) -> Money:
        """A chip's stock."""
        return self.money(accounts.chip(card))

    def money(self, account: str) -> Money:
        """An account's balance."""
        found = self.run(lambda db: books.balance(db, account))
        assert found is not None, account
        return Money(found.posted, found.held, found.available)

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        tables = self.sql("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        return {name: self.sql(f"SELECT * FROM {name}") for (name,) in tables}

    def findings(self) -> list[tuple[str, str]]:
        """What both audits find: (rule, detail)."""

        def job(db: Database) -> list[tuple[str, str]]:
            ours = [(one.rule, f"{one.subject}: {one.detail}") for one in audit.audit(db)]
            theirs = [(one.rule, f"{one.subject}: {one.detail}") for one in ledger_audit.audit(db)]
            return ours + theirs

        return self.run(job)

    def clean(self) -> None:
        """Both audits find nothing."""
        assert self.findings() == []

    def judged(self, order: Order, cards: Iterable[str]) -> Sequence[facts.ChipFacts]:
        """The facts of chips as routing sees them."""
        presence = {card: Presence("1-1", "imei") for card in cards}
        return self.run(
            lambda db: facts.of_rack(db, presence, now_ms=self.now, day_started_at=self.day_starts)
        )


def rule_of(kind: EvidenceKind, verdict: VerdictKind) -> Rule:
    """The rule that such a proof is reached by."""
    unchanged = verdict is VerdictKind.NOT_DONE
    by_stock = Rule.STOCK_UNCHANGED_TWICE if unchanged else Rule.STOCK_FELL_BY_COST
    return {
        EvidenceKind.REPLY: Rule.REPLY_IN_DIALOGUE,
        EvidenceKind.LATE_SMS: Rule.TEXT_NAMES_ORDER,
        EvidenceKind.STOCK: by_stock,
        EvidenceKind.HISTORY: Rule.NEWEST_HISTORY_LINE,
        EvidenceKind.ADMIN: Rule.ADMIN,
        EvidenceKind.RECOVERY: Rule.NEVER_COMMITTED,
    }[kind]


def success(number: str | None = None, to: str = TO, amount: int | None = 10_000) -> ReadText:
    """A success text."""
    return ReadText(TextKind.SUCCESS, destination=to, amount=amount, serial_number=number)


def failure(reason: Reason = Reason.OPERATOR_BUSY, to: str | None = None) -> ReadText:
    """A failure text; without a number it is a bare one."""
    return ReadText(TextKind.FAILURE, destination=to, reason=reason)


def stock_in(amount: int | None, stock: int | None = None) -> ReadText:
    """A stock-in text."""
    return ReadText(TextKind.STOCK_IN, amount=amount, stock=stock)
