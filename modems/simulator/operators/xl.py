"""XL's dealer channel: an SMS out, an SMS back, whole or in two texts marked 1/2 and 2/2.

Wording after the field texts of another country's operator, with rupiah in its way of writing.
"""

import re
from random import Random

from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.faults import FaultKind
from pulsarack.modems.simulator.operators.answer import Answer, Report
from pulsarack.modems.simulator.operators.exchange import Receipt, Refusal, StockIn
from pulsarack.modems.simulator.operators.load_wallet import FAILURES
from pulsarack.modems.simulator.operators.mobile_operator import Operator, scrambled
from pulsarack.modems.simulator.operators.shaping import by_text
from pulsarack.modems.simulator.operators.spelling import either_number, local_number, pesos

SERVICE_NUMBER = "168"
ADVERT = "Maari ring ibenta ang Big Bytes 50 w/ 700 MB valid for 3 days! Text BIG50 to 2477."


class Xl(Operator):
    """BAGI D N PIN to 168 tops up, SALDO PIN shows the stock."""

    name = "xl"
    network_name = "XL"
    prefixes = ("0817", "0818", "0819", "0859", "0877", "0878", "0879")
    sender = SERVICE_NUMBER
    sells_by_text = True
    applicable = frozenset(FaultKind)

    def texted(self, dealer: Dealer, to: str, text: str) -> Answer:
        """What 168 answers."""
        if to != SERVICE_NUMBER:
            return Answer()
        words = text.split()
        match [word.upper() for word in words]:
            case ["BAGI", number, denomination, chip_pin] if _is_request(number, denomination):
                return self._top_up(dealer, number, int(denomination), chip_pin)
            case ["SALDO", chip_pin]:
                return self._stock(dealer, chip_pin)
            case _:
                return self._say("Sorry, invalid keyword.")

    def is_question(self, to: str, text: str) -> bool:
        """SALDO."""
        return to == SERVICE_NUMBER and text.upper().startswith("SALDO ")

    def serial_number(self, number: int) -> str:
        """12 digits."""
        return "0710" + scrambled(number, self.exchange.seed, 8)

    def success(self, receipt: Receipt) -> str:
        """The whole form."""
        rng = receipt.rng
        return (
            f"{self._clock(rng)} {either_number(receipt.dealer.msisdn, rng)} has loaded "
            f"LOAD {receipt.denomination} ({pesos(receipt.cost)}) to "
            f"{local_number(receipt.destination)}. "
            f"New Load Wallet Balance:{pesos(receipt.stock_after)}. Ref:{receipt.serial_number}"
        )

    def failure(self, receipt: Receipt) -> str:
        """One sentence a reason, between the time and the reference."""
        assert receipt.refusal is not None
        sentence = FAILURES[receipt.refusal].format(number=local_number(receipt.destination))
        return f"{self._clock(receipt.rng)} {sentence} Ref:{receipt.serial_number}"

    def stock_in_text(self, stock_in: StockIn, dealer: Dealer, rng: Random) -> str:
        """By SMS."""
        return (
            f"{self.exchange.local_time():%d%b %H:%M}: {pesos(stock_in.amount)} is loaded to Load "
            f"Wallet of {local_number(dealer.msisdn)} from DEALER 18 {stock_in.giver}."
            f"New Balance:{pesos(stock_in.stock_after)} Ref:8605{rng.randrange(10**8):08d}"
        )

    def _top_up(self, dealer: Dealer, number: str, denomination: int, chip_pin: str) -> Answer:
        destination = "62" + number[1:] if number.startswith("0") else number
        receipt = self.exchange.top_up(dealer, destination, denomination, chip_pin)
        if not receipt.delivered:
            return by_text(self, receipt, [self.failure(receipt)])
        split = receipt.fault is not None and receipt.fault.kind is FaultKind.SPLIT_REPLY
        parts = self._two_parts(receipt) if split else [self.success(receipt)]
        return by_text(self, receipt, parts)

    def _two_parts(self, receipt: Receipt) -> list[str]:
        rng = receipt.rng
        first = (
            f"1/2 {self.exchange.local_time():%d-%b %H:%M}:{receipt.dealer.msisdn} has loaded "
            f"SMARTLoad All Text {receipt.denomination} ({pesos(receipt.cost)}) to "
            f"{local_number(receipt.destination)}. "
            f"Your new Load Wallet Balance is {pesos(receipt.stock_after)}."
        )
        second = f"2/2 {ADVERT} Ref:{receipt.serial_number}"
        return [first, second] if rng.random() < 0.7 else [second, first]

    def _stock(self, dealer: Dealer, chip_pin: str) -> Answer:
        if dealer.barred:
            return self._say(FAILURES[Refusal.CHIP_BARRED])
        if not dealer.pin_is(chip_pin):
            return self._say(FAILURES[Refusal.WRONG_CHIP_PIN])
        stock = pesos(dealer.shown_stock(self.exchange.now()))
        balance = f"{local_number(dealer.msisdn)} Load Wallet Balance: {stock}."
        return self._say(balance, "%d%b %H:%M")

    def _say(self, sentence: str, form: str = "%d%b %H%M") -> Answer:
        when = self.exchange.local_time().strftime(form)
        reference = f"0049{self._rng.randrange(10**8):08d}"
        return Answer(reports=(Report(self.sender, f"{when}: {sentence} Ref:{reference}"),))

    def _clock(self, rng: Random) -> str:
        form = rng.choice(("%d%b %H%M:", "%d%b %H:%M:"))
        return self.exchange.local_time().strftime(form)


def _is_request(number: str, denomination: str) -> bool:
    return bool(re.fullmatch(r"\d{8,15}", number) and re.fullmatch(r"\d{1,4}", denomination))
