"""Telkomsel's dealer channel: everything in one USSD code, the answer in one screen.

Wording Indonesian and unverified. Now and then the screen only says that the request is being
processed, and the result comes as an SMS.
"""

import re
from random import Random

from pulsarack.modems.simulator.dealer import Dealer, HistoryLine
from pulsarack.modems.simulator.operators.answer import Answer, Report, Screen, ScreenStatus, tell
from pulsarack.modems.simulator.operators.exchange import Receipt, Refusal, StockIn, local_time
from pulsarack.modems.simulator.operators.mobile_operator import Operator, scrambled
from pulsarack.modems.simulator.operators.shaping import on_screen
from pulsarack.modems.simulator.operators.spelling import (
    INDONESIAN_ADVERTS,
    local_number,
    louder,
    rupiah,
    vary,
)

BAD_FORMAT = "Maaf, operasi gagal karena format pesan yang tidak valid."
WRONG_PIN = "PIN yang Anda masukkan salah."
BARRED = "Kartu Anda diblokir."
PROCESSING = "Permintaan isi ulang Anda sedang diproses. Tunggu SMS konfirmasi."

FAILURES = {
    Refusal.WRONG_NUMBER: "Maaf, nomor {number} tidak terdaftar.",
    Refusal.NUMBER_INACTIVE: "Maaf, nomor {number} sudah tidak aktif.",
    Refusal.INSUFFICIENT_STOCK: "Maaf, stok Anda tidak mencukupi.",
    Refusal.WRONG_CHIP_PIN: WRONG_PIN,
    Refusal.REPEATED_TOO_SOON: (
        "Maaf, transaksi yang sama ke {number} baru saja dilakukan. Coba lagi nanti."
    ),
    Refusal.OPERATOR_BUSY: "Maaf, sistem sedang sibuk. Silakan coba beberapa saat lagi.",
    Refusal.LIMIT_REACHED: "Maaf, batas transaksi harian Anda telah tercapai.",
    Refusal.CHIP_BARRED: BARRED,
    Refusal.FORMAT_REJECTED: BAD_FORMAT,
    Refusal.LOST: "",
}


class Telkomsel(Operator):
    """*777*D*N*PIN# tops up, *776*PIN# shows the stock, *774*PIN# the last transactions."""

    name = "telkomsel"
    network_name = "TELKOMSEL"
    prefixes = ("0811", "0812", "0813", "0821", "0822", "0823", "0851", "0852", "0853")
    sender = "M-KIOS"

    def dial(self, dealer: Dealer, code: str) -> Answer:
        """One code, one answer."""
        if match := re.fullmatch(r"\*777\*(\d{8,15})\*(\d{1,4})\*(\d{4,8})#", code):
            return self._top_up(dealer, match[1], int(match[2]), match[3])
        if match := re.fullmatch(r"\*(776|774)\*(\d{4,8})#", code):
            if refused := self._refuse(dealer, match[2]):
                return refused
            return self._stock(dealer) if match[1] == "776" else self._history(dealer)
        return tell(BAD_FORMAT)

    def decides(self, code: str) -> bool:
        """The top-up code."""
        return code.startswith("*777*")

    def serial_number(self, number: int) -> str:
        """14 digits."""
        return "510123" + scrambled(number, self.exchange.seed, 8)

    def success(self, receipt: Receipt) -> str:
        """Two wordings are met."""
        rng, number = receipt.rng, local_number(receipt.destination)
        stock = rupiah(receipt.stock_after, rng)
        if rng.random() < 0.6:
            text = (
                f"Isi ulang simPATI {receipt.denomination} ke {number} berhasil. "
                f"SN: {receipt.serial_number}. Sisa stok {stock}"
            )
            return vary(louder(text, "berhasil", rng), rng, INDONESIAN_ADVERTS)
        amount = rupiah(receipt.denomination * 1000, rng)
        return vary(
            f"Transaksi BERHASIL: pulsa {amount} utk {number} SN {receipt.serial_number} "
            f"stok Anda {stock}. Promo: cek *363#",
            rng,
        )

    def report(self, receipt: Receipt) -> str:
        """The SMS form."""
        return (
            f"Isi ulang {receipt.denomination} ke {local_number(receipt.destination)} berhasil. "
            f"SN: {receipt.serial_number}. Sisa stok {rupiah(receipt.stock_after, receipt.rng)}"
        )

    def failure(self, receipt: Receipt) -> str:
        """One sentence a reason."""
        assert receipt.refusal is not None
        return FAILURES[receipt.refusal].format(number=local_number(receipt.destination))

    def stock_in_text(self, stock_in: StockIn, dealer: Dealer, rng: Random) -> str:
        """By SMS."""
        return (
            f"Stok Anda bertambah {rupiah(stock_in.amount, rng)} dari "
            f"{local_number(stock_in.giver)}. Sisa stok {rupiah(stock_in.stock_after, rng)}"
        )

    def _top_up(self, dealer: Dealer, number: str, denomination: int, chip_pin: str) -> Answer:
        destination = "62" + number[1:] if number.startswith("0") else number
        receipt = self.exchange.top_up(dealer, destination, denomination, chip_pin)
        plain = receipt.delivered and receipt.fault is None
        if plain and receipt.rng.random() < self.plan.process_share:
            screen = Screen(ScreenStatus.NO_FURTHER_ACTION, PROCESSING)
            late = Report(self.sender, self.report(receipt), receipt.rng.uniform(2, 20))
            return Answer(screens=(screen,), reports=(late,))
        return on_screen(self, receipt)

    def _refuse(self, dealer: Dealer, chip_pin: str) -> Answer | None:
        if dealer.barred:
            return tell(BARRED)
        return None if dealer.pin_is(chip_pin) else tell(WRONG_PIN)

    def _stock(self, dealer: Dealer) -> Answer:
        stock = rupiah(dealer.shown_stock(self.exchange.now()), self._rng)
        return self.tell(f"Sisa stok Anda {stock} per {self.exchange.local_time():%d/%m/%Y %H:%M}")

    def _history(self, dealer: Dealer) -> Answer:
        lines = dealer.history(self.exchange.now())
        listed = "; ".join(f"{place}) {_line(line)}" for place, line in enumerate(lines, start=1))
        return self.tell(listed or "Belum ada transaksi.")


def _line(line: HistoryLine) -> str:
    ending = f"OK SN{line.serial_number}" if line.serial_number else "GAGAL"
    when = f"{local_time(line.at):%d/%m %H:%M}"
    return f"{when} {local_number(line.destination)} {line.denomination} {ending}"
