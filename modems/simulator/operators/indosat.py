"""Indosat's dealer channel: a menu, a confirmation, and the PIN as the step that commits.

Wording Indonesian and unverified. Nothing is booked, and nothing reaches the books, before the
PIN is entered.
"""

import re
from random import Random

from pulsarack.modems.simulator.dealer import Dealer, HistoryLine
from pulsarack.modems.simulator.operators.answer import Answer, ask, tell
from pulsarack.modems.simulator.operators.exchange import Receipt, Refusal, StockIn
from pulsarack.modems.simulator.operators.mobile_operator import Operator, scrambled
from pulsarack.modems.simulator.operators.shaping import on_screen
from pulsarack.modems.simulator.operators.spelling import (
    INDONESIAN_ADVERTS,
    local_number,
    rupiah,
    vary,
)

MENU = "Menu Dealer\n1. Isi Pulsa\n2. Cek Stok\n3. Riwayat"

FAILURES = {
    Refusal.WRONG_NUMBER: "GAGAL. Nomor tujuan salah.",
    Refusal.NUMBER_INACTIVE: "GAGAL. Nomor tidak aktif.",
    Refusal.INSUFFICIENT_STOCK: "GAGAL. Stok tidak cukup.",
    Refusal.WRONG_CHIP_PIN: "GAGAL. PIN salah.",
    Refusal.REPEATED_TOO_SOON: "GAGAL. Transaksi berulang, tunggu 5 menit.",
    Refusal.OPERATOR_BUSY: "GAGAL. Gangguan sistem.",
    Refusal.LIMIT_REACHED: "GAGAL. Limit harian.",
    Refusal.CHIP_BARRED: "GAGAL. Kartu diblokir.",
    Refusal.FORMAT_REJECTED: "GAGAL. Nominal tidak tersedia.",
    Refusal.LOST: "",
}


class Indosat(Operator):
    """*123# opens the menu."""

    name = "indosat"
    network_name = "INDOSAT OOREDOO"
    prefixes = ("0814", "0815", "0816", "0855", "0856", "0857", "0858")
    sender = "151"

    def dial(self, dealer: Dealer, code: str) -> Answer:
        """Only the menu is known."""
        if code != "*123#":
            return tell("Kode tidak dikenal.")
        return self._menu(dealer)

    def serial_number(self, number: int) -> str:
        """13 digits."""
        return "77000" + scrambled(number, self.exchange.seed, 8)

    def success(self, receipt: Receipt) -> str:
        """One wording, by screen and by SMS."""
        rng = receipt.rng
        amount = rupiah(receipt.denomination * 1000, rng)
        text = (
            f"Pengisian {amount} ke {local_number(receipt.destination)} SUKSES. "
            f"Ref {receipt.serial_number}. Stok: {rupiah(receipt.stock_after, rng)}"
        )
        if rng.random() < 0.2:
            text = text.replace("SUKSES", "Sukses")
        return vary(text, rng, INDONESIAN_ADVERTS)

    def failure(self, receipt: Receipt) -> str:
        """One sentence a reason."""
        assert receipt.refusal is not None
        return FAILURES[receipt.refusal]

    def stock_in_text(self, stock_in: StockIn, dealer: Dealer, rng: Random) -> str:
        """By SMS."""
        return (
            f"Anda menerima stok {rupiah(stock_in.amount, rng)}. "
            f"Stok: {rupiah(stock_in.stock_after, rng)}"
        )

    def _menu(self, dealer: Dealer) -> Answer:
        def chosen(choice: str) -> Answer:
            match choice.strip():
                case "1":
                    return ask("Masukkan nomor tujuan", lambda number: self._number(dealer, number))
                case "2":
                    stock = dealer.shown_stock(self.exchange.now())
                    return self.tell(f"Stok Anda: {rupiah(stock, self._rng)}")
                case "3":
                    return self.tell(self._history(dealer))
                case _:
                    return self._menu(dealer)

        return ask(MENU, chosen)

    def _number(self, dealer: Dealer, number: str) -> Answer:
        destination = "62" + number[1:] if number.startswith("0") else number
        if not re.fullmatch(r"\d{8,15}", destination):
            return tell("Nomor tujuan salah.")
        if self.exchange.reject_number(destination) is Refusal.WRONG_NUMBER:
            return tell("Nomor tujuan salah.")
        if self._rng.random() < self.plan.menu_busy_share:
            return tell("Sistem sibuk.")
        return ask(
            "Masukkan nominal (ribuan)",
            lambda denomination: self._denomination(dealer, destination, denomination),
        )

    def _denomination(self, dealer: Dealer, destination: str, typed: str) -> Answer:
        if not re.fullmatch(r"\d{1,4}", typed) or int(typed) not in self.plan.costs:
            return tell("Nominal tidak tersedia.")
        denomination = int(typed)
        amount = rupiah(denomination * 1000, self._rng)
        cost = rupiah(self.plan.costs[denomination], self._rng)
        question = (
            f"Isi pulsa {amount} ke {local_number(destination)}, harga {cost}. "
            "Masukkan PIN untuk lanjut, 0 untuk batal"
        )

        def confirmed(typed: str) -> Answer:
            return self._confirm(dealer, destination, denomination, typed)

        return ask(question, confirmed, decides=True)

    def _confirm(self, dealer: Dealer, destination: str, denomination: int, typed: str) -> Answer:
        if typed == "0":
            return tell("Transaksi dibatalkan.")
        receipt = self.exchange.top_up(dealer, destination, denomination, typed)
        return on_screen(self, receipt)

    def _history(self, dealer: Dealer) -> str:
        lines = dealer.history(self.exchange.now())
        return "\n".join(["Riwayat:", *map(_line, lines)]) if lines else "Riwayat kosong"


def _line(line: HistoryLine) -> str:
    ending = f"SUKSES {line.serial_number}" if line.serial_number else "GAGAL"
    return f"{local_number(line.destination)} {line.denomination} {ending}"
