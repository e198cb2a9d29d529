"""The operator's exchange: where a top-up is decided and booked, once, for all channels.

A request is numbered, meets the fault that is due for its number, is checked in a fixed order,
and is booked or refused. The books get one entry for each. What the dealer is then told, and
whether anything is told at all, is decided elsewhere from the receipt.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from random import Random

from pulsarack.modems.simulator.books import Books
from pulsarack.modems.simulator.dealer import Dealer, HistoryLine, Lag
from pulsarack.modems.simulator.faults import Fault, FaultKind, FaultPlan
from pulsarack.modems.simulator.rack import OperatorPlan

WESTERN_INDONESIA = timezone(timedelta(hours=7))
STOCK_IN_AMOUNTS = (500_000, 1_000_000, 2_000_000)


class Refusal(Enum):
    """Why a top-up was not done; LOST means that the operator never looked at it."""

    WRONG_NUMBER = "WRONG_NUMBER"
    NUMBER_INACTIVE = "NUMBER_INACTIVE"
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    WRONG_CHIP_PIN = "WRONG_CHIP_PIN"
    REPEATED_TOO_SOON = "REPEATED_TOO_SOON"
    OPERATOR_BUSY = "OPERATOR_BUSY"
    LIMIT_REACHED = "LIMIT_REACHED"
    CHIP_BARRED = "CHIP_BARRED"
    FORMAT_REJECTED = "FORMAT_REJECTED"
    LOST = "LOST"


@dataclass(frozen=True)
class StockIn:
    """Stock a dealer was given. Money is rupiah; stock_after is right after the credit."""

    amount: int
    giver: str
    stock_after: int
    at: float


@dataclass(frozen=True)
class Receipt:
    """How one top-up request ended. refusal is None exactly when it was delivered.

    destination: E.164 digits; denomination: thousands of rupiah; cost, stock_after: rupiah;
    at: virtual Unix seconds; rng: the attempt's own randomness, for wordings and delays.
    """

    dealer: Dealer
    destination: str
    denomination: int
    cost: int
    serial_number: str
    refusal: Refusal | None
    stock_after: int
    at: float
    fault: Fault | None
    rng: Random
    stock_in: StockIn | None = None

    @property
    def delivered(self) -> bool:
        """Whether the customer got the credit."""
        return self.refusal is None


class Exchange:
    """One operator's booking engine."""

    def __init__(
        self,
        plan: OperatorPlan,
        prefixes: Sequence[str],
        faults: FaultPlan,
        applicable: frozenset[FaultKind],
        serial: Callable[[int], str],
        books: Books,
        now: Callable[[], float],
        seed: int,
    ) -> None:
        self.plan = plan
        self.now = now
        self.seed = seed
        self._prefixes = tuple(prefixes)
        self._faults = faults
        self._applicable = applicable
        self._serial = serial
        self._books = books
        self._attempts = 0
        self._done_at: dict[tuple[str, int], float] = {}

    def local_time(self) -> datetime:
        """Virtual now in Jakarta."""
        return local_time(self.now())

    def is_ours(self, destination: str) -> bool:
        """Whether a number lies in this operator's prefixes and has a sound length."""
        local = "0" + destination.removeprefix("62")
        return (
            destination.startswith("62")
            and local.startswith(self._prefixes)
            and 10 <= len(local) <= 13
        )

    def reject_number(self, destination: str) -> Refusal | None:
        """What is wrong with a number, by the rack's rules."""
        if not self.is_ours(destination) or destination.endswith(self._not_registered()):
            return Refusal.WRONG_NUMBER
        if destination.endswith(self.plan.inactive_endings or ("-",)):
            return Refusal.NUMBER_INACTIVE
        return None

    def top_up(self, dealer: Dealer, destination: str, denomination: int, chip_pin: str) -> Receipt:
        """Decide and book one request; the books know of it when this returns."""
        self._attempts += 1
        rng = Random(f"{self.seed}/{self.plan.name}/{self._attempts}")
        fault = self._faults.draw(self.plan.name, self._attempts, rng)
        if fault is not None and fault.kind not in self._applicable:
            fault = None
        stock_in = self._stock_in_between(dealer, fault, rng)
        refusal = self._lost_or_busy(fault, rng) or self._check(
            dealer, destination, denomination, chip_pin
        )
        receipt = Receipt(
            dealer=dealer,
            destination=destination,
            denomination=denomination,
            cost=self.plan.costs.get(denomination, 0),
            serial_number=self._serial(self._attempts),
            refusal=refusal,
            stock_after=dealer.stock,
            at=self.now(),
            fault=fault,
            rng=rng,
            stock_in=stock_in,
        )
        return self._book(receipt)

    def give_stock(self, dealer: Dealer, amount: int, giver: str) -> StockIn:
        """Credit a dealer's stock."""
        dealer.stock += amount
        at = self.now()
        fields = {"operator": self.plan.name, "chip": dealer.iccid, "amount": amount}
        self._books.enter("stock_in", at, {**fields, "stock": dealer.stock})
        self._enter_stock(dealer)
        return StockIn(amount, giver, dealer.stock, at)

    def take_stock(self, dealer: Dealer, amount: int) -> int:
        """Debit a stock for somebody else's sale; returns what was there to be taken."""
        taken = min(amount, dealer.stock)
        dealer.stock -= taken
        if taken:
            self._enter_stock(dealer)
        return taken

    def give_back(self, dealer: Dealer, amount: int) -> None:
        """Credit what a sale that was taken back had cost."""
        dealer.stock += amount
        self._enter_stock(dealer)

    def sold_elsewhere(self, destination: str, denomination: int) -> None:
        """Another dealer, of another rack, sold this just now: the same again is too soon."""
        self._done_at[destination, denomination] = self.now()

    def _not_registered(self) -> tuple[str, ...]:
        return self.plan.not_registered_endings or ("-",)

    def _stock_in_between(self, dealer: Dealer, fault: Fault | None, rng: Random) -> StockIn | None:
        if fault is None or fault.kind is not FaultKind.STOCK_IN:
            return None
        giver = dealer.msisdn[:-4] + "9999"
        return self.give_stock(dealer, rng.choice(STOCK_IN_AMOUNTS), giver)

    def _lost_or_busy(self, fault: Fault | None, rng: Random) -> Refusal | None:
        if fault is None:
            return None
        if fault.kind is FaultKind.OPERATOR_BUSY:
            return Refusal.OPERATOR_BUSY
        if fault.kind is FaultKind.NOT_DONE_NO_REPLY:
            return Refusal.LOST
        if fault.kind in (FaultKind.HANG, FaultKind.UNPLUG):
            done = rng.random() < 0.6 if fault.done is None else fault.done
            return None if done else Refusal.LOST
        return None

    def _check(
        self, dealer: Dealer, destination: str, denomination: int, chip_pin: str
    ) -> Refusal | None:
        if dealer.barred:
            return Refusal.CHIP_BARRED
        if not dealer.pin_is(chip_pin):
            return Refusal.WRONG_CHIP_PIN
        cost = self.plan.costs.get(denomination)
        if cost is None:
            return Refusal.FORMAT_REJECTED
        if wrong_number := self.reject_number(destination):
            return wrong_number
        if dealer.done_on(self._day()) >= dealer.per_day:
            return Refusal.LIMIT_REACHED
        if dealer.stock < cost:
            return Refusal.INSUFFICIENT_STOCK
        done_at = self._done_at.get((destination, denomination))
        if done_at is not None and self.now() - done_at < self.plan.repeat_window_seconds:
            return Refusal.REPEATED_TOO_SOON
        return None

    def _book(self, receipt: Receipt) -> Receipt:
        dealer, fault = receipt.dealer, receipt.fault
        shown_from = receipt.at
        if fault is not None and fault.kind is FaultKind.LATE_BOOKING:
            shown_from += fault.seconds or receipt.rng.uniform(*self.plan.late_booking_seconds)
        if receipt.delivered:
            lag = Lag(receipt.cost, shown_from) if shown_from > receipt.at else None
            dealer.debit(receipt.cost, self._day(), lag)
            self._done_at[receipt.destination, receipt.denomination] = receipt.at
        if receipt.refusal not in _UNLISTED:
            serial_number = receipt.serial_number if receipt.delivered else None
            line = HistoryLine(
                receipt.at, receipt.destination, receipt.denomination, serial_number, shown_from
            )
            dealer.remember(line)
        self._enter_top_up(receipt)
        if receipt.delivered:
            self._enter_stock(dealer)
        return replace(receipt, stock_after=dealer.stock)

    def _enter_top_up(self, receipt: Receipt) -> None:
        fields = {
            "operator": self.plan.name,
            "chip": receipt.dealer.iccid,
            "destination": receipt.destination,
            "denomination": receipt.denomination,
            "amount": receipt.denomination * 1000,
            "cost": receipt.cost,
            "serial_number": receipt.serial_number if receipt.delivered else None,
            "delivered": receipt.delivered,
            "reason": receipt.refusal.value if receipt.refusal else None,
            "fault": receipt.fault.kind.value if receipt.fault else None,
        }
        self._books.enter("top_up", receipt.at, fields)

    def _enter_stock(self, dealer: Dealer) -> None:
        self._books.enter("stock", self.now(), {"chip": dealer.iccid, "stock": dealer.stock})

    def _day(self) -> str:
        return f"{self.local_time():%Y-%m-%d}"


_UNLISTED = frozenset(
    {
        Refusal.LOST,
        Refusal.OPERATOR_BUSY,
        Refusal.WRONG_CHIP_PIN,
        Refusal.CHIP_BARRED,
        Refusal.FORMAT_REJECTED,
    }
)


def local_time(at: float) -> datetime:
    """Virtual Unix seconds as a time of day in Jakarta (UTC+7)."""
    return datetime.fromtimestamp(at, WESTERN_INDONESIA)
