"""What all operators share: how a receipt becomes words, and words become an answer.

Each operator is one file with its wordings, its codes and its menus; the exchange books, the
shaping lets faults loose on the answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import ClassVar

from pulsarack.modems.simulator.books import Books
from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.faults import FaultKind, FaultPlan
from pulsarack.modems.simulator.operators.answer import Answer, Report, ScreenStatus, tell
from pulsarack.modems.simulator.operators.exchange import Exchange, Receipt, StockIn
from pulsarack.modems.simulator.operators.spelling import foreign_number
from pulsarack.modems.simulator.rack import OperatorPlan


class Operator(ABC):
    """One operator: takes USSD codes and SMS from its dealers, answers with plans."""

    name: ClassVar[str]
    network_name: ClassVar[str]
    prefixes: ClassVar[tuple[str, ...]]
    sender: ClassVar[str]
    sells_by_text: ClassVar[bool] = False
    applicable: ClassVar[frozenset[FaultKind]] = frozenset(FaultKind) - {FaultKind.SPLIT_REPLY}

    def __init__(
        self,
        plan: OperatorPlan,
        faults: FaultPlan,
        books: Books,
        now: Callable[[], float],
        seed: int,
    ) -> None:
        self.plan = plan
        self.exchange = Exchange(
            plan, self.prefixes, faults, self.applicable, self.serial_number, books, now, seed
        )
        self._rng = Random(f"{seed}/{self.name}/questions")

    def dial(self, dealer: Dealer, code: str) -> Answer:
        """A USSD code that opens a session."""
        return tell("Kode tidak dikenal.")

    def texted(self, dealer: Dealer, to: str, text: str) -> Answer:
        """An SMS from a dealer to any number; only the operator's own numbers answer."""
        return Answer()

    def decides(self, code: str) -> bool:
        """Whether dialling a code may decide a top-up, and not only ask."""
        return False

    def is_question(self, to: str, text: str) -> bool:
        """Whether an SMS from a dealer asks the operator something that decides nothing."""
        return False

    @abstractmethod
    def serial_number(self, number: int) -> str:
        """The proof the operator gives for attempt `number`; never the same twice."""

    @abstractmethod
    def success(self, receipt: Receipt) -> str:
        """The text that says a top-up was done."""

    @abstractmethod
    def failure(self, receipt: Receipt) -> str:
        """The text that says why a top-up was not done."""

    @abstractmethod
    def stock_in_text(self, stock_in: StockIn, dealer: Dealer, rng: Random) -> str:
        """The text that says a dealer was given stock."""

    def report(self, receipt: Receipt) -> str:
        """The SMS form of a success; the same text unless an operator words it otherwise."""
        return self.success(receipt)

    def give_stock(self, dealer: Dealer, amount: int, giver: str) -> Report:
        """Credit a dealer and word the text about it."""
        stock_in = self.exchange.give_stock(dealer, amount, giver)
        return self.stock_in_report(stock_in, dealer, self._rng)

    def stock_in_report(self, stock_in: StockIn, dealer: Dealer, rng: Random) -> Report:
        """The SMS about a stock-in."""
        return Report(self.sender, self.stock_in_text(stock_in, dealer, rng))

    def last_status(self, rng: Random) -> ScreenStatus:
        """<m> of a final screen: both are met in the field."""
        return rng.choice((ScreenStatus.NO_FURTHER_ACTION, ScreenStatus.TERMINATED_BY_NETWORK))

    def tell(self, text: str) -> Answer:
        """The last screen of a question (stock, history)."""
        return tell(text, self.last_status(self._rng))


def foreign(receipt: Receipt) -> Receipt:
    """The receipt of somebody else's top-up of the same amount."""
    rng = receipt.rng
    return replace(
        receipt,
        destination=foreign_number(receipt.destination, rng),
        serial_number=receipt.serial_number[:-4] + f"{rng.randrange(10**4):04d}",
        stock_after=rng.randrange(50_000, 900_000, 50),
        refusal=None,
    )


def scrambled(number: int, seed: int, digits: int) -> str:
    """A number of `digits` digits that never repeats for 10**digits attempts."""
    # 7919 is prime to 10, so the map is one to one.
    return f"{(number * 7919 + seed * 104_729) % 10**digits:0{digits}d}"
