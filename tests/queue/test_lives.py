"""Random lives against an operator that keeps its own books.

The operator decides by itself whether a top-up happens and how it tells: in a reply, in a
text (late, twice, in any order), or never. Whatever happens, nothing it says is a lie, so
at every moment both audits must be clean, no order may be delivered twice, and what is
SUCCEEDED or FAILED must be what the operator did (P1 to P5).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import Database

from pulsarack.queue import attempts, chips, discrepancies, outcome, recovery, stock
from pulsarack.queue.attempts import Attempt
from pulsarack.queue.evidence import EvidenceKind, VerdictKind
from pulsarack.queue.intake import Accepted
from pulsarack.queue.resolution import StockReading, judge_stock
from pulsarack.queue.stock import Comparison
from pulsarack.queue.texts import Meaning, ReadText
from pulsarack.ussd.outcome import Reason
from tests.queue.world import World, failure, stock_in, success

SETTLING = 30
# Not REPEATED_TOO_SOON: said without cause it makes an earlier proof doubtful (suspicion.py).
FAILURES = (Reason.OPERATOR_BUSY, Reason.WRONG_NUMBER, Reason.NO_REPLY)
# How long the operator's texts stay on their way; the window of the world is longer.
UNDER_WAY_MS = 120_000


@dataclass
class Operator:
    """What really happened."""

    stock: dict[str, int] = field(default_factory=dict)
    delivered: Counter[int] = field(default_factory=Counter)
    done: dict[int, bool] = field(default_factory=dict)  # by attempt
    numbers: dict[int, str] = field(default_factory=dict)
    texts: list[tuple[int, str, ReadText, str]] = field(default_factory=list)


class Life:
    """One rack, one operator, and the verbs that chance chooses from."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.operator = Operator()
        world.agent(deposit=60_000)
        for number in (1, 2):
            self.operator.stock[world.chip(number, 60_000)] = 60_000
        self.cards = list(self.operator.stock)
        self.orders = 0
        self.owed: list[tuple[str, int]] = []  # of reversed orders, not given back yet
        self.untold: set[str] = set()  # cards to which stock came back and nobody said so

    def attempts(self, committed: bool, state: str) -> list[Attempt]:
        """The open attempts of that kind."""
        found = self.world.run(attempts.every_open)
        return [
            one
            for one in found
            if (one.committed_at is not None) == committed
            and self.world.get(one.order_id).state == state
        ]

    def order(self, chance: int) -> None:
        """One of four kinds of order, perhaps the same again."""
        self.orders += 1
        repeat = 1 + self.orders % 9
        text = f"S{(5, 10)[chance % 2]}.{repeat}.08120000001{chance // 2 % 2}"
        found = self.world.accept(text, reference=f"r{chance}" if chance % 3 == 0 else None)
        assert not isinstance(found, Accepted) or found.order.price > 0

    def claim(self, chance: int) -> None:
        """Idle chips are offered, the stock of doubtful ones is read first."""
        for card in self.cards:
            self.read_stock(card)
        self.world.claim(*self.cards[: 1 + chance % 2])

    def read_stock(self, card: str) -> None:
        """P5: an idle chip's stock is what the ledger says, whatever happened before."""
        figure, now = self.operator.stock[card], self.world.now
        compared = self.world.run(lambda db: stock.compare(db, card, figure, now_ms=now))
        if compared is Comparison.DIFFERENT:
            assert card in self.untold
            self.untold.remove(card)
            self.world.differ(card, figure)
        else:
            assert compared in (Comparison.EQUAL, Comparison.BUSY)

    def commit(self, chance: int) -> None:
        """The request leaves; what becomes of it is the operator's."""
        for one in self.attempts(committed=False, state="SENDING")[: 1 + chance % 2]:
            self.world.commit(one.id)
            self._happen(one, done=chance % 3 > 0, texts=chance // 3 % 2 == 0)

    def _happen(self, one: Attempt, *, done: bool, texts: bool) -> None:
        order, books = self.world.get(one.order_id), self.operator
        books.done[one.id] = done
        if done:
            books.delivered[order.id] += 1
            assert books.delivered[order.id] == 1, "P2: delivered twice"
            books.stock[one.chip] -= order.cost
            books.numbers[one.id] = f"SN{one.id}"
        if texts:
            read = (
                success(f"SN{one.id}", order.destination, order.denomination * 1000)
                if done
                else failure(FAILURES[one.id % 3], (None, order.destination)[one.id % 2])
            )
            books.texts.append((self.world.now, one.chip, read, f"words {one.id}"))

    def reply(self, chance: int) -> None:
        """The dialogue ends with an answer."""
        for one in self.attempts(committed=True, state="SENDING")[: 1 + chance % 2]:
            done = self.operator.done[one.id]
            if not done and any(words == f"words {one.id}" for *_, words in self.operator.texts):
                continue  # a failure is told once, here or by text
            figure = self.operator.stock[one.chip] if chance % 2 else None
            reason = None if done else FAILURES[chance % len(FAILURES)]
            number = self.operator.numbers.get(one.id)
            self.world.decide(one.id, done=done, reason=reason, number=number, figure=figure)

    def suspend(self, chance: int) -> None:
        """The dialogue ends without one."""
        for one in self.attempts(committed=True, state="SENDING")[: 1 + chance % 2]:
            self.world.suspend(one.id)

    def release(self, chance: int) -> None:
        """The modem is lost before anything left."""
        for one in self.attempts(committed=False, state="SENDING")[:1]:
            self.world.run(
                lambda db, a=one: recovery.release(
                    db,
                    a.id,
                    Reason.MODEM_LOST,
                    now_ms=self.world.now,
                    day_ends_at=self.world.day_ends,
                )
            )

    def text(self, chance: int) -> None:
        """One of the texts on their way arrives, and may arrive again."""
        now = self.world.now
        fresh = [one for one in self.operator.texts if now - one[0] <= UNDER_WAY_MS]
        if fresh:
            _, card, read, words = fresh[chance % len(fresh)]
            found = self.world.text(card, read, words)
            assert found.meaning is not Meaning.CONTRADICTION

    def refill(self, chance: int) -> None:
        """Stock arrives, and its text twice."""
        card = self.cards[chance % 2]
        self.operator.stock[card] += 7_000
        words = f"stock {self.world.now} {self.operator.stock[card]}"
        for _ in range(2):
            self.world.text(card, stock_in(7_000, self.operator.stock[card]), words)

    def reverse(self, chance: int) -> None:
        """A success is taken back; every second time the operator gives the stock back at once."""
        for key, cost, card in self.world.sql(
            "SELECT o.id, cost, chip FROM orders o JOIN attempt a ON a.order_id = o.id"
            " AND outcome = 'DONE' WHERE state = 'SUCCEEDED' ORDER BY -o.id LIMIT 1"
        ):
            returned = chance % 2 == 0
            if returned:
                self.operator.stock[card] += cost
            else:
                self.owed.append((card, cost))
            self.world.reverse(key, stock_returned=returned)

    def give_back(self, chance: int) -> None:
        """The operator gives the stock of a reversed order back, when nobody asks any more."""
        if self.owed:
            card, cost = self.owed.pop(chance % len(self.owed))
            self.operator.stock[card] += cost
            self.untold.add(card)

    def differ(self, chance: int) -> None:
        """A fee that no text tells, found while the chip is idle; perhaps it is explained."""
        card = self.cards[chance % 2]
        if self.operator.stock[card] < 3 or any(
            one.chip == card for one in self.world.run(attempts.every_open)
        ):
            return
        self.operator.stock[card] -= 3
        self.untold.discard(card)
        found = self.world.differ(card, self.operator.stock[card])
        if chance % 3:
            can_be = discrepancies.decisions(found)
            self.world.clear(found.id, can_be[chance % len(can_be)])

    def follow_up(self, chance: int) -> None:
        """Undecided chips are asked for their stock."""
        for one in self.attempts(committed=True, state="UNKNOWN"):
            readings = []
            for _ in range(1 + chance % 2):
                self.world.wait(SETTLING)
                ledger, figure = self.world.stock(one.chip).posted, self.operator.stock[one.chip]
                readings.append(StockReading(self.world.now, figure, ledger))
                self.world.run(lambda db, c=one.chip, f=figure: self._noted(db, c, f))
            verdict = judge_stock(
                readings,
                cost=self.world.get(one.order_id).cost,
                began_at=one.committed_at or 0,
                settling_ms=SETTLING * 1000,
                known_before=self.world.attempt(one.id).stock_before is not None,
                may_come_back=self.world.may_come_back(one.chip, self.world.get(one.order_id).cost),
            )
            if verdict is not VerdictKind.NONE:
                done = verdict is VerdictKind.DONE
                self.world.decide(
                    one.id,
                    done=done,
                    reason=None if done else Reason.PROVED_NOT_DONE,
                    figure=readings[-1].stock,
                    kind=EvidenceKind.STOCK,
                    answered=False,
                )

    def _noted(self, db: Database, card: str, figure: int) -> int:
        return stock.note_reading(db, card, figure, "query", now_ms=self.world.now)

    def crash(self, chance: int) -> None:
        """A new daemon starts."""
        self.world.recover()

    def cancel(self, chance: int) -> None:
        """An admin cancels what is queued."""
        for (key,) in self.world.sql("SELECT id FROM orders WHERE state = 'QUEUED' LIMIT 1"):
            self.world.run(lambda db, o=key: outcome.cancel(db, o, now_ms=self.world.now))

    def wait(self, chance: int) -> None:
        """Time passes; what is over is refunded, resting chips wake."""
        self.world.wait((1, 20, 90, 400)[chance % 4])
        self.world.run(lambda db: outcome.expire(db, now_ms=self.world.now))

    def enable(self, chance: int) -> None:
        """An admin brings the chips back."""
        for card in self.cards:
            self.world.run(lambda db, c=card: chips.enable(db, c))

    def judge(self) -> None:
        """P1 to P4."""
        assert self.world.findings() == []
        for key, state in self.world.sql("SELECT id, state FROM orders"):
            delivered = self.operator.delivered[key]
            if state in ("SUCCEEDED", "FAILED", "CANCELLED", "QUEUED"):
                assert delivered == (state == "SUCCEEDED"), f"order {key} is {state}"
            elif state == "REVERSED":
                assert delivered == 1, f"order {key} was never delivered"
        self._pays_for_what_stands()

    def _pays_for_what_stands(self) -> None:
        """P3: the agent has paid for his successes, and for nothing that was taken back."""
        ((paid,),) = self.world.sql(
            "SELECT coalesce(sum(price), 0) FROM orders WHERE state = 'SUCCEEDED'"
        )
        assert self.world.deposit().posted == 60_000 - paid


INCIDENTS: tuple[Callable[[Life, int], None], ...] = (
    Life.reply,
    Life.suspend,
    Life.text,
    Life.follow_up,
    Life.wait,
    Life.crash,
    Life.release,
    Life.refill,
    Life.reverse,
    Life.give_back,
    Life.differ,
)

VERBS: tuple[Callable[[Life, int], None], ...] = (
    Life.order,
    Life.order,
    Life.claim,
    Life.claim,
    Life.commit,
    Life.commit,
    Life.reply,
    Life.suspend,
    Life.release,
    Life.text,
    Life.text,
    Life.refill,
    Life.reverse,
    Life.give_back,
    Life.differ,
    Life.follow_up,
    Life.crash,
    Life.cancel,
    Life.wait,
    Life.enable,
)


@given(st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 11)), max_size=60))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_random_lives_keep_every_promise(
    new_world: Callable[[], World], steps: list[tuple[Callable[[Life, int], None], int]]
) -> None:
    world = new_world()
    life = Life(world)
    for number, (verb, chance) in enumerate(steps):
        verb(life, chance)
        if number % 7 == 0:
            life.judge()
    life.judge()
    world.close()


@given(st.lists(st.integers(0, 11), min_size=5, max_size=25), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_a_busy_day_keeps_every_promise(
    new_world: Callable[[], World], chances: list[int], rng: Random
) -> None:
    """As above, but every round sells, so that long lives are reached."""
    world = new_world()
    life = Life(world)
    for chance in chances:
        for verb in (Life.order, Life.claim, Life.commit, Life.text):
            verb(life, chance)
        for verb in rng.sample(INCIDENTS, 3):
            verb(life, rng.randrange(12))
    life.judge()
    world.close()
