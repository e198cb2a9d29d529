"""Tri's dealer channel: one USSD code, one screen, in the wording of a second foreign operator."""

import re
from random import Random

from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.operators.answer import Answer, tell
from pulsarack.modems.simulator.operators.exchange import Receipt, Refusal, StockIn
from pulsarack.modems.simulator.operators.load_wallet import FAILURES
from pulsarack.modems.simulator.operators.mobile_operator import Operator, scrambled
from pulsarack.modems.simulator.operators.shaping import on_screen
from pulsarack.modems.simulator.operators.spelling import (
    either_number,
    local_number,
    pesos,
)

CLOCK = "%m/%d/%Y %I:%M%p"


class Tri(Operator):
    """*111*D*N*PIN# tops up, *112*PIN# shows the stock."""

    name = "tri"
    network_name = "3"
    prefixes = ("0895", "0896", "0897", "0898", "0899")
    sender = "AutoLoadMAX"

    def dial(self, dealer: Dealer, code: str) -> Answer:
        """One code, one answer."""
        if match := re.fullmatch(r"\*111\*(\d{8,15})\*(\d{1,4})\*(\d{4,8})#", code):
            number = match[1]
            destination = "62" + number[1:] if number.startswith("0") else number
            receipt = self.exchange.top_up(dealer, destination, int(match[2]), match[3])
            return on_screen(self, receipt)
        if match := re.fullmatch(r"\*112\*(\d{4,8})#", code):
            return self._stock(dealer, match[1])
        return tell("Sorry, invalid keyword.")

    def decides(self, code: str) -> bool:
        """The top-up code."""
        return code.startswith("*111*")

    def serial_number(self, number: int) -> str:
        """9 digits."""
        return "88" + scrambled(number, self.exchange.seed, 7)

    def success(self, receipt: Receipt) -> str:
        """One wording, by screen and by SMS; the denomination with two decimals."""
        rng = receipt.rng
        return (
            f"{self.exchange.local_time():{CLOCK}} {either_number(receipt.dealer.msisdn, rng)} "
            f"has loaded {receipt.denomination}.00 Load({pesos(receipt.cost)}) to "
            f"{either_number(receipt.destination, rng)}. "
            f"New load wallet balance is {pesos(receipt.stock_after)}. "
            f"Ref:{receipt.serial_number}"
        )

    def failure(self, receipt: Receipt) -> str:
        """One sentence a reason."""
        assert receipt.refusal is not None
        return FAILURES[receipt.refusal].format(number=local_number(receipt.destination))

    def stock_in_text(self, stock_in: StockIn, dealer: Dealer, rng: Random) -> str:
        """By SMS."""
        return (
            f"You have received {pesos(stock_in.amount)} load. New load wallet balance is "
            f"{pesos(stock_in.stock_after)}. Ref:89{rng.randrange(10**7):07d}"
        )

    def _stock(self, dealer: Dealer, chip_pin: str) -> Answer:
        if dealer.barred:
            return tell(FAILURES[Refusal.CHIP_BARRED])
        if not dealer.pin_is(chip_pin):
            return tell(FAILURES[Refusal.WRONG_CHIP_PIN])
        stock = pesos(dealer.shown_stock(self.exchange.now()))
        trace = f"{self._rng.randrange(10**7, 10**8)}"
        when = self.exchange.local_time().strftime(CLOCK)
        return self.tell(f"You have {stock} in your AutoLoadMAX account. Trace No: {trace} {when}.")
