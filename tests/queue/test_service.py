"""Every command of an agent, in both languages: what is answered, and what it changed."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from peewee import Database

from pulsarack.queue import agents, products
from pulsarack.queue.identity import accounts
from pulsarack.queue.identity.accounts import Account
from pulsarack.queue.network import markups
from pulsarack.queue.order_text.commands import (
    AddSender,
    AskTicket,
    CancelOrder,
    ChangeName,
    ChangeNetworkPassword,
    ChangePin,
    Command,
    Complain,
    ExchangeCommission,
    Help,
    HiddenPin,
    LastOrders,
    ListDownlines,
    ListSenders,
    PlaceOrder,
    PullBalance,
    RegisterDownline,
    RemoveSender,
    ResetPin,
    SetActive,
    SetMarkup,
    SetNetworkAddress,
    SetReportUrl,
    ShowBalance,
    ShowMarkups,
    ShowOrder,
    ShowOutOfStock,
    ShowPrices,
    ShowRecap,
    ShowStatement,
    TransferBalance,
)
from pulsarack.queue.order_text.misread import Misread, MisreadCode
from pulsarack.queue.products import Product
from pulsarack.queue.service import misread, queries, service
from pulsarack.queue.validation import METER
from pulsarack.queue.wordings import parts, table
from pulsarack.ussd.outcome import Reason
from tests.queue.service_world import SETTINGS, Talk, fills
from tests.queue.world import World, iccid

TO = "081200000012"
PIN_HASH = "$argon2id$" + "x" * 40
S10 = PlaceOrder("S10", None, TO)


@pytest.fixture
def talk(world: World) -> Iterator[Talk]:
    """A network that has said nothing yet, and one chip; the books are right in the end."""
    world.chip()
    yield Talk(world)
    world.clean()


def done(talk: Talk, to: str = TO) -> None:
    """An order that succeeded."""
    talk.say(PlaceOrder("S10", None, to))
    decided(talk, done=True)


def decided(talk: Talk, *, done: bool) -> None:
    """The queued order ends."""
    (claimed,) = talk.world.claim(iccid(1))
    talk.world.commit(claimed.attempt_id)
    reason = None if done else Reason.WRONG_NUMBER
    number = f"SN{claimed.order.id}" if done else None
    talk.world.decide(claimed.attempt_id, done=done, reason=reason, number=number)


def failed(talk: Talk) -> None:
    talk.say(S10)
    decided(talk, done=False)


def placed(talk: Talk) -> None:
    talk.say(S10)


def sent(talk: Talk) -> None:
    talk.say(S10)
    talk.world.claim(iccid(1))


def empty(talk: Talk) -> None:
    talk.say(TransferBalance("B1", 995_000))


def earned(talk: Talk) -> None:
    """A1 has earned 300 of its downline B1."""
    talk.say(SetMarkup(300))
    talk.say(S10, agent="B1")
    decided(talk, done=True)


def no_stock(talk: Talk) -> None:
    talk.world.differ(iccid(1), 6_000)


def transferred(talk: Talk) -> None:
    talk.say(TransferBalance("B1", 5_000))


def marked_up(talk: Talk) -> None:
    talk.say(SetMarkup(100))
    talk.say(SetMarkup(0, "b1"))
    talk.say(SetMarkup(50, "B1", "s10"))


def stopped(talk: Talk) -> None:
    talk.world.run(lambda db: agents.put_active(db, "B1", False))


def bound(talk: Talk) -> None:
    talk.say(AddSender("sms", "6281200000077"))


def known(talk: Talk) -> None:
    talk.say(AddSender("sms", "6281200000066"), agent="C1")


def complained(talk: Talk) -> None:
    done(talk)
    talk.say(Complain(TO, "pulsa belum masuk"))


def two_tickets(talk: Talk) -> None:
    talk.say(AskTicket(500_000))
    talk.say(AskTicket(400_000))


def nothing(_talk: Talk) -> None:
    return None


Before = Callable[[Talk], None]

# What happened before, what is asked, the name of the answer, the answer in both languages.
ROWS: list[tuple[Before, Command, str, str, str]] = [
    (
        nothing,
        S10,
        "order_accepted",
        "Trx#1 S10 ke 081200000012 sedang diproses. Saldo 1.000.000 - 10.500 = 989.500",
        "Trx#1 S10 to 081200000012 is being done. Balance 1.000.000 - 10.500 = 989.500",
    ),
    (
        nothing,
        PlaceOrder(None, 10, TO),
        "order_accepted",
        "Trx#1 S10 ke 081200000012 sedang diproses. Saldo 1.000.000 - 10.500 = 989.500",
        "Trx#1 S10 to 081200000012 is being done. Balance 1.000.000 - 10.500 = 989.500",
    ),
    (
        placed,
        S10,
        "order_repeated",
        "S10 ke 081200000012 sdh pernah jam 15:00, status DALAM ANTRIAN. SN: -."
        " Utk isi lagi ketik S10.2.081200000012",
        "S10 to 081200000012 was ordered at 15:00, it is QUEUED. SN: -."
        " For one more write S10.2.081200000012",
    ),
    (
        done,
        S10,
        "order_repeated",
        "S10 ke 081200000012 sdh pernah jam 15:00, status SUKSES. SN: SN1."
        " Utk isi lagi ketik S10.2.081200000012",
        "S10 to 081200000012 was ordered at 15:00, it is SUCCEEDED. SN: SN1."
        " For one more write S10.2.081200000012",
    ),
    (
        done,
        PlaceOrder("S10", None, TO, 2),
        "order_accepted",
        "Trx#2 S10 ke 081200000012 sedang diproses. Saldo 989.500 - 10.500 = 979.000",
        "Trx#2 S10 to 081200000012 is being done. Balance 989.500 - 10.500 = 979.000",
    ),
    (
        failed,
        S10,
        "order_accepted",
        "Trx#2 S10 ke 081200000012 sedang diproses. Saldo 1.000.000 - 10.500 = 989.500",
        "Trx#2 S10 to 081200000012 is being done. Balance 1.000.000 - 10.500 = 989.500",
    ),
    (
        nothing,
        PlaceOrder("Q7", None, TO),
        "product_unknown",
        "Produk Q7 tidak ada atau sedang ditutup. Cek kode: CH",
        "There is no product Q7, or it is not sold now. For codes write CH",
    ),
    (
        nothing,
        PlaceOrder("SP10", None, TO),
        "product_unknown",
        "Produk SP10 tidak ada atau sedang ditutup. Cek kode: CH",
        "There is no product SP10, or it is not sold now. For codes write CH",
    ),
    (
        nothing,
        PlaceOrder(None, 25, TO),
        "no_product_for_number",
        "Nominal 25.000 utk 081200000012 (telkomsel) tidak ada. Pilih: S5, S10, S100",
        "No 25.000 for 081200000012 (telkomsel). Choose: S5, S10, S100",
    ),
    (
        nothing,
        PlaceOrder("X10", None, TO),
        "wrong_operator",
        "081200000012 nomor telkomsel, bukan utk produk X10. Pilih: S5, S10, S100",
        "081200000012 is a number of telkomsel, not for X10. Choose: S5, S10, S100",
    ),
    (
        nothing,
        PlaceOrder("S10", None, "021200000012"),
        "number_bad",
        "Nomor 021200000012 salah. Tulis 08..., 10 sampai 13 angka.",
        "021200000012 is not a mobile number. Write 08..., 10 to 13 digits.",
    ),
    (
        nothing,
        PlaceOrder(None, 10, "12345"),
        "number_bad",
        "Nomor 12345 salah. Tulis 08..., 10 sampai 13 angka.",
        "12345 is not a mobile number. Write 08..., 10 to 13 digits.",
    ),
    (
        nothing,
        PlaceOrder("S10", None, "+6591234567"),
        "number_foreign",
        "Nomor +6591234567 bukan nomor Indonesia.",
        "+6591234567 is not an Indonesian number.",
    ),
    (
        nothing,
        PlaceOrder("S10", None, "085000000012"),
        "prefix_unknown",
        "Operator nomor 085000000012 tidak dikenal. Periksa nomornya atau hubungi admin.",
        "No operator is known for 085000000012. Check the number, or ask the admin.",
    ),
    (
        nothing,
        PlaceOrder(None, 10, "085000000012"),
        "prefix_unknown",
        "Operator nomor 085000000012 tidak dikenal. Periksa nomornya atau hubungi admin.",
        "No operator is known for 085000000012. Check the number, or ask the admin.",
    ),
    (
        empty,
        S10,
        "balance_too_small",
        "Saldo tidak cukup. Perlu 10.500, saldo Anda 5.000. Silakan isi saldo dulu.",
        "The balance is too small. It takes 10.500, you have 5.000. Please pay in first.",
    ),
    (
        placed,
        CancelOrder(TO),
        "cancel_done",
        "Trx#1 S10 ke 081200000012 dibatalkan. Saldo: 1.000.000",
        "Trx#1 S10 to 081200000012 is cancelled. Balance: 1.000.000",
    ),
    (
        sent,
        CancelOrder(TO),
        "cancel_too_late",
        "Trx#1 S10 ke 081200000012 tidak bisa dibatalkan, status SEDANG DIPROSES. SN: -",
        "Trx#1 S10 to 081200000012 cannot be cancelled, it is SENDING. SN: -",
    ),
    (
        nothing,
        CancelOrder(TO),
        "order_not_found",
        "Tidak ada transaksi ke 081200000012.",
        "There is no order to 081200000012.",
    ),
    (
        done,
        ShowOrder(TO),
        "order_status",
        "Trx#1 S10 ke 081200000012, 15/01 15:00: SUKSES. SN: SN1. Harga: 10.500. Saldo: 989.500",
        "Trx#1 S10 to 081200000012, 15/01 15:00: SUCCEEDED. SN: SN1. Price: 10.500."
        " Balance: 989.500",
    ),
    (
        failed,
        ShowOrder(TO, 15),
        "order_status_failed",
        "Trx#1 S10 ke 081200000012, 15/01 15:00: GAGAL (nomor tujuan salah). Saldo: 1.000.000",
        "Trx#1 S10 to 081200000012, 15/01 15:00: FAILED (wrong number). Balance: 1.000.000",
    ),
    (
        done,
        ShowOrder(TO, 14),
        "order_not_found",
        "Tidak ada transaksi ke 081200000012.",
        "There is no order to 081200000012.",
    ),
    (
        nothing,
        ShowOrder(TO, 32),
        "day_bad",
        "Tanggal 32 tidak benar. Tulis 1 sampai 31.",
        "32 is not a day. Write 1 to 31.",
    ),
    (
        done,
        LastOrders(),
        "last_orders",
        "1 trx terakhir: S10.081200000012 SUKSES",
        "Last 1: S10.081200000012 SUCCEEDED",
    ),
    (nothing, LastOrders(3), "no_orders", "Belum ada transaksi.", "There are no orders yet."),
    (
        done,
        Complain("#1", "pulsa belum masuk"),
        "complaint_opened",
        "Komplain #1 utk trx#1 S10 ke 081200000012 (SUKSES) sudah dicatat, mohon ditunggu.",
        "Complaint #1 about trx#1 S10 to 081200000012 (SUCCEEDED) is noted, please wait.",
    ),
    (
        complained,
        Complain(TO, "belum juga"),
        "complaint_again",
        "Komplain #1 utk trx#1 S10 ke 081200000012 (SUKSES) masih kami periksa.",
        "Complaint #1 about trx#1 S10 to 081200000012 (SUCCEEDED) is being looked into.",
    ),
    (
        nothing,
        Complain("99", "?"),
        "order_not_found",
        "Tidak ada transaksi ke #99.",
        "There is no order to #99.",
    ),
    (
        placed,
        ShowBalance(),
        "balance",
        "Kios (A1). Saldo: 989.500. Dalam proses: 10.500. Komisi: 0",
        "Kios (A1). Balance: 989.500. In process: 10.500. Commission: 0",
    ),
    (
        nothing,
        ShowBalance("c1"),
        "balance_downline",
        "Cici (C1). Saldo: 0. Dalam proses: 0",
        "Cici (C1). Balance: 0. In process: 0",
    ),
    (
        nothing,
        ShowPrices("S"),
        "prices",
        "Harga: S5=5.500, S10=10.500, S100=99.500",
        "Prices: S5=5.500, S10=10.500, S100=99.500",
    ),
    (nothing, ShowPrices("s10"), "prices", "Harga: S10=10.500", "Prices: S10=10.500"),
    (
        nothing,
        ShowPrices(),
        "prices_groups",
        "Produk: telkomsel S5 S10 S100, xl X10. Harga: ketik CH.S5",
        "Products: telkomsel S5 S10 S100, xl X10. For prices write CH.S5",
    ),
    (
        nothing,
        ShowPrices("Z"),
        "prices_none",
        "Tidak ada produk Z. Daftar produk: ketik CH",
        "No product begins with Z. For all products write CH",
    ),
    (nothing, ShowOutOfStock(), "out_of_stock", "Sedang kosong: X10", "Not to be had now: X10"),
    (
        no_stock,
        ShowOutOfStock(),
        "out_of_stock",
        "Sedang kosong: S10, S100, X10",
        "Not to be had now: S10, S100, X10",
    ),
    (
        nothing,
        AskTicket(500_000, "BCA"),
        "ticket",
        "Tiket #1: transfer TEPAT Rp500.332 ke BCA 123 a/n TOKO sebelum 16/01 15:00."
        " Nominal beda tidak otomatis masuk.",
        "Ticket #1: pay EXACTLY Rp500.332 to BCA 123 a/n TOKO before 16/01 15:00."
        " Another amount does not count by itself.",
    ),
    (
        nothing,
        AskTicket(500_000, "BNI"),
        "bank_unknown",
        "Bank BNI tidak ada. Pilih: BCA, BRI",
        "There is no bank BNI. Choose: BCA, BRI",
    ),
    (
        two_tickets,
        AskTicket(300_000),
        "tickets_too_many",
        "Tiket Anda yang belum dibayar sudah terlalu banyak. Bayar dulu atau tunggu kedaluwarsa.",
        "You have too many open tickets. Pay one, or wait until one expires.",
    ),
    (nothing, AskTicket(0), "amount_bad", "Jumlah 0 tidak benar.", "0 is not a right amount."),
    (
        nothing,
        TransferBalance("b1", 5_000),
        "transfer_sent",
        "Transfer Rp5.000 ke Sari (B1) BERHASIL. Saldo: 995.000",
        "Rp5.000 went to Sari (B1). Balance: 995.000",
    ),
    (
        transferred,
        TransferBalance("B1", 5_000),
        "transfer_repeated",
        "Transfer Rp5.000 ke B1 sudah pernah hari ini. Saldo: 995.000."
        " Utk transfer lagi ketik T.B1.5000.PIN#2",
        "Rp5.000 went to B1 today already. Balance: 995.000. For one more write T.B1.5000.PIN#2",
    ),
    (
        nothing,
        TransferBalance("B1", 5_000_000),
        "balance_too_small",
        "Saldo tidak cukup. Perlu 5.000.000, saldo Anda 1.000.000. Silakan isi saldo dulu.",
        "The balance is too small. It takes 5.000.000, you have 1.000.000. Please pay in first.",
    ),
    (
        nothing,
        TransferBalance("X1", 5_000),
        "not_a_downline",
        "X1 bukan downline Anda.",
        "X1 is not your downline.",
    ),
    (
        nothing,
        TransferBalance("nobody", 5_000),
        "not_a_downline",
        "nobody bukan downline Anda.",
        "nobody is not your downline.",
    ),
    (
        nothing,
        TransferBalance("A1", 5_000),
        "same_agent",
        "Transfer ke diri sendiri tidak bisa.",
        "You cannot transfer to yourself.",
    ),
    (
        nothing,
        PullBalance("B1", 20_000),
        "pulled_back",
        "Rp20.000 ditarik dari Sari (B1). Saldo: 1.020.000",
        "Rp20.000 came back from Sari (B1). Balance: 1.020.000",
    ),
    (
        nothing,
        PullBalance("B1", 60_000),
        "downline_balance_too_small",
        "Saldo B1 tidak cukup untuk ditarik Rp60.000. Saldonya 50.000",
        "B1 does not have Rp60.000. Its balance is 50.000",
    ),
    (
        nothing,
        PullBalance("D1", 5_000),
        "not_a_downline",
        "D1 bukan downline Anda.",
        "D1 is not your downline.",
    ),
    (
        earned,
        ExchangeCommission(),
        "commission_exchanged",
        "Komisi Rp300 sudah masuk saldo. Sisa komisi: 0. Saldo: 1.000.300",
        "Rp300 of commission is in the balance. Left: 0. Balance: 1.000.300",
    ),
    (
        earned,
        ExchangeCommission(400),
        "commission_too_small",
        "Komisi tidak cukup. Komisi Anda: 300",
        "There is not so much commission. You have 300",
    ),
    (
        done,
        ShowStatement(count=1),
        "statement",
        "Mutasi: 15/01 15:00 beli S10.081200000012 -10.500. Saldo 989.500",
        "Statement: 15/01 15:00 order S10.081200000012 -10.500. Balance 989.500",
    ),
    (
        transferred,
        ShowStatement(15, 1),
        "statement",
        "Mutasi: 15/01 15:00 transfer B1 -5.000, 15/01 15:00 setoran +1.000.000. Saldo 995.000",
        "Statement: 15/01 15:00 transfer B1 -5.000, 15/01 15:00 deposit +1.000.000."
        " Balance 995.000",
    ),
    (
        done,
        ShowStatement(14),
        "statement_none",
        "Tidak ada mutasi. Saldo: 989.500",
        "No movements. Balance: 989.500",
    ),
    (
        nothing,
        ShowStatement(0),
        "day_bad",
        "Tanggal 0 tidak benar. Tulis 1 sampai 31.",
        "0 is not a day. Write 1 to 31.",
    ),
    (
        done,
        ShowRecap(),
        "recap",
        "Rekap 15/01: 1 trx, sukses 1, gagal 0, proses 0. Total Rp10.500. Saldo: 989.500",
        "Recap 15/01: 1 orders, succeeded 1, failed 0, in process 0. Total Rp10.500."
        " Balance: 989.500",
    ),
    (
        nothing,
        ShowRecap(99),
        "day_bad",
        "Tanggal 99 tidak benar. Tulis 1 sampai 31.",
        "99 is not a day. Write 1 to 31.",
    ),
    (
        nothing,
        RegisterDownline("Toko Baru", "Bogor", "6281200000099", 100),
        "downline_registered",
        "Toko Baru terdaftar, kode AG0001, nomor 081200000099, markup 100. PIN diatur oleh admin.",
        "Toko Baru is registered as AG0001, number 081200000099, mark-up 100."
        " The admin gives a PIN.",
    ),
    (
        bound,
        RegisterDownline("Toko Baru", "Bogor", "6281200000077"),
        "sender_refused",
        "sms 081200000077 tidak bisa didaftarkan. Periksa penulisannya atau hubungi admin.",
        "sms 081200000077 cannot be registered. Check it, or ask the admin.",
    ),
    (
        known,
        RegisterDownline("Toko Baru", "Bogor", "081200000066"),
        "downline_known",
        "Nomor 081200000066 sudah terdaftar: Cici, kode C1.",
        "Number 081200000066 is registered already: Cici, code C1.",
    ),
    (
        nothing,
        RegisterDownline(" ", "Bogor", "6281200000099"),
        "name_bad",
        "Nama tidak bisa dipakai. Pakai 1 sampai 60 huruf.",
        "This name cannot be taken. Use 1 to 60 letters.",
    ),
    (
        nothing,
        RegisterDownline("Toko", "Bogor", "6281200000099", -5),
        "amount_bad",
        "Jumlah -5 tidak benar.",
        "-5 is not a right amount.",
    ),
    (
        stopped,
        ListDownlines(),
        "downlines",
        "1 downline: B1 Sari 50.000 (off)",
        "1 downlines: B1 Sari 50.000 (off)",
    ),
    (
        nothing,
        ListDownlines("B1"),
        "downlines",
        "1 downline: C1 Cici 0",
        "1 downlines: C1 Cici 0",
    ),
    (
        nothing,
        ListDownlines("C1"),
        "downlines_none",
        "Belum ada downline.",
        "There are no downlines yet.",
    ),
    (
        nothing,
        ListDownlines("D1"),
        "not_a_downline",
        "D1 bukan downline Anda.",
        "D1 is not your downline.",
    ),
    (
        nothing,
        SetActive("B1", False),
        "downline_off",
        "Sari (B1) sudah dinonaktifkan.",
        "Sari (B1) may order no more.",
    ),
    (
        nothing,
        SetActive("C1", True),
        "downline_on",
        "Cici (C1) sudah aktif.",
        "Cici (C1) may order.",
    ),
    (
        stopped,
        SetActive("B1", True),
        "downline_stopped",
        "B1 dihentikan oleh admin atau upline lain.",
        "B1 was stopped by an admin or another upline.",
    ),
    (
        nothing,
        SetActive("X1", False),
        "not_a_downline",
        "X1 bukan downline Anda.",
        "X1 is not your downline.",
    ),
    (
        nothing,
        SetMarkup(100),
        "markup_set",
        "Markup 100 utk downline *, produk * sudah diatur.",
        "Mark-up 100 for downline *, product * is set.",
    ),
    (
        nothing,
        SetMarkup(None, "B1", "S10", 10_700),
        "markup_set",
        "Markup 200 utk downline B1, produk S10 sudah diatur.",
        "Mark-up 200 for downline B1, product S10 is set.",
    ),
    (
        nothing,
        SetMarkup(None, "B1", "S10", 9_000),
        "amount_bad",
        "Jumlah 9.000 tidak benar.",
        "9.000 is not a right amount.",
    ),
    (
        nothing,
        SetMarkup(100, "B1", "Q7"),
        "product_unknown",
        "Produk Q7 tidak ada atau sedang ditutup. Cek kode: CH",
        "There is no product Q7, or it is not sold now. For codes write CH",
    ),
    (
        nothing,
        SetMarkup(100, "X1"),
        "not_a_downline",
        "X1 bukan downline Anda.",
        "X1 is not your downline.",
    ),
    (
        marked_up,
        ShowMarkups(),
        "markups",
        "Markup: *=100, B1=0, B1 S10=50",
        "Mark-ups: *=100, B1=0, B1 S10=50",
    ),
    (nothing, ShowMarkups(), "markups_none", "Belum ada markup.", "There are no mark-ups."),
    (
        nothing,
        ChangeName("  Kios   Maju "),
        "name_changed",
        "Nama diganti menjadi Kios Maju.",
        "The name is now Kios Maju.",
    ),
    (
        nothing,
        ChangeName("x" * 61),
        "name_bad",
        "Nama tidak bisa dipakai. Pakai 1 sampai 60 huruf.",
        "This name cannot be taken. Use 1 to 60 letters.",
    ),
    (
        nothing,
        AddSender("xmpp", "kios@example.org"),
        "sender_added",
        "xmpp kios@example.org sudah terdaftar.",
        "xmpp kios@example.org may order for you.",
    ),
    (
        nothing,
        AddSender("xmpp", "not an address"),
        "sender_refused",
        "xmpp not an address tidak bisa didaftarkan. Periksa penulisannya atau hubungi admin.",
        "xmpp not an address cannot be registered. Check it, or ask the admin.",
    ),
    (
        bound,
        RemoveSender("sms", "6281200000077"),
        "sender_removed",
        "sms 6281200000077 sudah dihapus.",
        "sms 6281200000077 may order no more.",
    ),
    (
        nothing,
        RemoveSender("sms", "6281200000077"),
        "sender_unknown",
        "sms 6281200000077 bukan pengirim Anda.",
        "sms 6281200000077 is not yours.",
    ),
    (
        bound,
        ListSenders(),
        "senders",
        "Pengirim: sms 6281200000077",
        "Senders: sms 6281200000077",
    ),
    (nothing, ListSenders(), "senders_none", "Belum ada pengirim.", "There are no senders."),
    (
        nothing,
        SetReportUrl("https://example.org/report"),
        "no_account",
        "Anda belum punya akun API. Hubungi admin.",
        "You have no API account. Ask the admin.",
    ),
    (
        nothing,
        SetNetworkAddress("nowhere"),
        "account_refused",
        "nowhere tidak bisa dipakai. Periksa penulisannya.",
        "nowhere cannot be taken. Check it.",
    ),
    (
        nothing,
        ChangePin(HiddenPin("2580")),
        "not_here",
        "Perintah ini tidak tersedia di sini.",
        "This command cannot be used here.",
    ),
    (
        nothing,
        ResetPin("B1", HiddenPin("2580")),
        "not_here",
        "Perintah ini tidak tersedia di sini.",
        "This command cannot be used here.",
    ),
    (
        nothing,
        ChangeNetworkPassword(HiddenPin("old1"), HiddenPin("new1")),
        "not_here",
        "Perintah ini tidak tersedia di sini.",
        "This command cannot be used here.",
    ),
    (
        nothing,
        Help(),
        "help",
        "Isi: S10.0812xxx.PIN. Ulang: S10.2.0812xxx.PIN. Saldo: S.PIN. Harga: H.S.PIN."
        " Cek: CEK.0812xxx.PIN. Tiket: TIKET.500000.PIN",
        "Order: S10.0812xxx.PIN. Again: S10.2.0812xxx.PIN. Balance: S.PIN. Prices: H.S.PIN."
        " Status: CEK.0812xxx.PIN. Ticket: TIKET.500000.PIN",
    ),
]


@pytest.mark.usefixtures("each_job_runs_once")
@pytest.mark.parametrize(
    ("before", "command", "key", "indonesian", "english"),
    ROWS,
    ids=[f"{type(row[1]).__name__}-{row[2]}-{row[0].__name__}" for row in ROWS],
)
def test_what_is_answered(
    talk: Talk, before: Before, command: Command, key: str, indonesian: str, english: str
) -> None:
    before(talk)
    talk.speak("A1", "en")
    assert talk.try_(command).text == english
    talk.speak("A1", "id")
    found = talk.say(command)
    assert (found.key, found.text) == (key, indonesian)
    assert parts.needed(english) == parts.needed(indonesian) == 1


def test_every_command_is_carried_out() -> None:
    known = set(Command.__args__)  # type: ignore[attr-defined]
    assert set(service.COMMANDS) == known == {type(row[1]) for row in ROWS}


# --- what the table does not show ---------------------------------------------------------------


def test_an_agent_that_is_off_does_nothing(talk: Talk) -> None:
    stopped(talk)
    for command in (S10, ShowBalance(), TransferBalance("C1", 1)):
        assert talk.say(command, agent="B1").key == "agent_inactive"
    assert talk.world.sql("SELECT count(*) FROM orders") == [(0,)]


def test_several_products_of_a_denomination_are_asked_back(talk: Talk) -> None:
    talk.world.sql("UPDATE product SET active = 1 WHERE code = 'SP10'")
    found = talk.say(PlaceOrder(None, 10, TO))
    assert found.key == "several_products_for_number"
    assert found.text == (
        "Nominal 10.000 utk 081200000012 ada beberapa produk, pakai kodenya: S10, SP10"
    )
    assert talk.world.sql("SELECT count(*) FROM orders") == [(0,)]


def test_nothing_to_choose_is_said(talk: Talk) -> None:
    # axis has a prefix, and nobody sells it here.
    for command in (PlaceOrder("S10", None, "083100000012"), PlaceOrder(None, 10, "083100000012")):
        assert talk.say(command).text.endswith("Pilih: -")


def test_an_order_goes_where_it_came_from(talk: Talk) -> None:
    answer = talk.say(
        PlaceOrder("S10", None, TO, reply_number="6281200000055"),
        channel="xmpp",
        address="kios@example.org/desk",
        receiver="server@example.org",
        client_reference="r9",
    ).answers[0]
    (order,) = answer.orders
    assert (order.channel, order.text, order.client_reference) == ("xmpp", "the text", "r9")
    assert talk.world.sql("SELECT * FROM order_origin") == [
        (order.id, "kios@example.org/desk", "server@example.org", "6281200000055", "")
    ]
    decided(talk, done=True)
    told = talk.world.sql("SELECT channel, address, kind, text FROM outgoing ORDER BY id")
    assert told == [
        (
            "xmpp",
            "kios@example.org/desk",
            "result",
            "R#r9 Transaksi S10 ke 081200000012 BERHASIL. SN: SN1. Harga: 10.500."
            " Saldo: 989.500. Trx#1",
        ),
        ("sms", "6281200000055", "buyer", "S10 ke 081200000012 BERHASIL. SN/Token: SN1."
         " Terima kasih."),
    ]  # fmt: skip


def test_the_same_reference_is_the_same_order(talk: Talk) -> None:
    first = talk.say(S10, client_reference="r1")
    assert first.text.startswith("R#r1 Trx#1 S10 ke 081200000012 sedang diproses.")
    again = talk.say(S10, client_reference="r1")
    assert again.key == "order_same_reference" and not again.answers[0].orders
    assert again.text.startswith("R#r1 Trx#1 S10 ke 081200000012 sdh pernah 15/01 15:00")
    other = talk.say(PlaceOrder("S5", None, TO), client_reference="r1")
    assert other.text == "R#r1 sudah dipakai untuk transaksi lain. Pakai referensi baru."
    # Whatever is answered, the reference is in front.
    assert talk.say(ShowBalance(), client_reference="r2").text.startswith("R#r2 Kios (A1)")
    many = talk.say(LastOrders(20), client_reference="r" * 60)
    assert many.text.startswith("R#rrr") and parts.needed(many.text) == 1


def test_the_counter_of_a_repeat_is_the_next_free_one(talk: Talk) -> None:
    done(talk)
    talk.say(PlaceOrder("S10", None, TO, 2))
    assert talk.say(S10).text.endswith("ketik S10.3.081200000012")


def test_several_orders_of_one_message(talk: Talk) -> None:
    orders = [PlaceOrder("S5", None, f"0812000000{number:02}") for number in range(11, 14)]
    found = talk.say(*orders, PlaceOrder("Q7", None, TO), PlaceOrder("X10", None, TO), orders[0])
    keys = [answer.key for answer in found.answers]
    assert keys == ["order_accepted"] * 3 + ["product_unknown", "wrong_operator", "order_repeated"]
    assert len([one for answer in found.answers for one in answer.orders]) == 3
    assert found.text == (
        "3 dari 6 diproses: Q7.081200000012 DITOLAK (produk tidak ada),"
        " X10.081200000012 DITOLAK (bukan nomor produk ini).... Saldo 983.500"
    )
    wide = talk.say(*orders, channel="whatsapp").text
    assert wide.count("DITOLAK (sdh pernah, DALAM ANTRIAN)") == 3
    refused = talk.say(*orders, client_reference="r1")
    assert refused.text == "R#r1 hanya untuk satu transaksi. Kirim satu per satu."


def test_several_orders_spend_no_more_than_there_is(talk: Talk) -> None:
    orders = [PlaceOrder("S10", None, f"0812000000{number:02}") for number in range(20, 30)]
    found = talk.say(*orders, agent="B1")
    assert [len(answer.orders) for answer in found.answers] == [1] * 4 + [0] * 6
    assert talk.money()["B1"] == 8_000


def test_a_repeated_message_exchanges_once(talk: Talk) -> None:
    earned(talk)
    first = talk.say(ExchangeCommission(200), inbound_id=77)
    again = talk.say(ExchangeCommission(200), inbound_id=77)
    assert first.text == again.text
    assert talk.money()["A1"] == 1_000_200


def test_who_gets_balance_is_told_at_his_telephone(talk: Talk) -> None:
    talk.say(TransferBalance("B1", 1_000))
    assert talk.world.sql("SELECT count(*) FROM outgoing") == [(0,)]
    chat = {"channel": "xmpp", "sender": "sari@example.org", "agent": "B1"}
    talk.say(AddSender("xmpp", "sari@example.org"), **chat)
    talk.say(AddSender("sms", "6281200000088"), **chat)
    talk.speak("B1", "en")
    talk.say(TransferBalance("B1", 5_000))
    assert talk.world.sql("SELECT channel, address, kind, agent, text FROM outgoing") == [
        ("sms", "6281200000088", "answer", "B1", "Rp5.000 came from Kios (A1). Balance: 56.000")
    ]


def test_what_is_done_from_elsewhere_is_told_at_the_telephone(talk: Talk) -> None:
    bound(talk)  # from that telephone itself
    talk.say(AddSender("xmpp", "kios@example.org"))
    talk.say(ChangePin(HiddenPin("2580")), new_pin_hash=PIN_HASH)
    assert talk.world.sql("SELECT count(*) FROM outgoing") == [(0,)]
    chat = {"channel": "xmpp", "sender": "kios@example.org"}
    talk.say(AddSender("whatsapp", "6281200000088"), **chat)
    talk.say(ChangePin(HiddenPin("2580")), new_pin_hash=PIN_HASH, **chat)
    assert talk.world.sql("SELECT channel, address, text FROM outgoing ORDER BY id") == [
        ("sms", "6281200000077", "Pengirim baru A1: whatsapp 6281200000088. Bukan Anda?"
         " Segera hubungi admin."),
        ("sms", "6281200000077", "PIN A1 diganti lewat xmpp kios@example.org. Bukan Anda?"
         " Segera hubungi admin."),
    ]  # fmt: skip


def test_across_the_network_if_the_shop_allows_it(talk: Talk) -> None:
    across = replace(SETTINGS, transfers_across=True)
    assert talk.say(TransferBalance("X1", 5_000), settings=across).key == "transfer_sent"
    assert talk.money()["X1"] == 1_005_000


def test_the_codes_of_new_downlines_begin_as_the_shop_says(talk: Talk) -> None:
    named = replace(SETTINGS, code_prefix="K-")
    said = talk.say(RegisterDownline("Toko", "Bogor", "6281200000099"), settings=named)
    assert "K-0001" in said.text


def test_a_new_downline_can_write_and_orders(talk: Talk) -> None:
    talk.say(RegisterDownline("Toko Baru", "Bogor", "6281200000099", 100))
    (sender,) = talk.say(ListSenders(), agent="AG0001").answers[0].variables["list"]
    assert sender == "sms 6281200000099"
    talk.say(TransferBalance("AG0001", 50_000))
    assert talk.say(ShowPrices("S10"), agent="AG0001").text == "Harga: S10=10.600"
    assert "Saldo 50.000 - 10.600 = 39.400" in talk.say(S10, agent="AG0001").text
    assert talk.world.run(lambda db: markups.of(db, "A1"))[0].amount == 100


def test_nothing_is_left_of_a_registration_that_is_refused(talk: Talk) -> None:
    bound(talk)
    before = talk.world.contents()
    talk.say(RegisterDownline("Toko", "Bogor", "6281200000077"))
    assert talk.world.contents() == before


def test_a_new_pin_is_the_hash_that_was_made(talk: Talk) -> None:
    assert talk.say(ChangePin(HiddenPin("2580")), new_pin_hash=PIN_HASH).key == "pin_changed"
    assert talk.world.sql("SELECT hash FROM agent_pin WHERE agent = 'A1'") == [(PIN_HASH,)]


def test_an_upline_gives_a_pin_where_the_shop_allows_it(talk: Talk) -> None:
    allowed = replace(SETTINGS, upline_resets_pin=True)
    more = {"new_pin_hash": PIN_HASH, "settings": allowed}
    assert talk.say(ResetPin("b1", HiddenPin("2580")), **more).text == (
        "PIN Sari (B1) sudah diganti. Hapus SMS Anda yang berisi PIN."
    )
    for stranger in ("X1", "D1", "A1"):
        assert talk.say(ResetPin(stranger, HiddenPin("2580")), **more).key == "not_a_downline"
    assert talk.say(ResetPin("B1", HiddenPin("2580")), new_pin_hash=PIN_HASH).key == "not_here"
    assert talk.world.sql("SELECT agent, hash FROM agent_pin") == [("B1", PIN_HASH)]


def test_programs_of_an_agent(talk: Talk) -> None:
    account = Account(
        "M1", "A1", "trade", None, "sealed", "sealed", None, 0, "", "", "otomax", 1, 0
    )
    talk.world.run(lambda db: accounts.add(db, account, by="admin1", now_ms=talk.world.now))
    url = "https://example.org/report"
    assert talk.say(SetReportUrl(url)).text == f"URL laporan diganti: {url}"
    assert talk.say(SetNetworkAddress("192.0.2.7")).text == "Alamat IP diganti: 192.0.2.7"
    assert talk.say(SetReportUrl("ftp://x")).key == "account_refused"
    assert talk.world.sql("SELECT report_url, networks FROM api_account") == [(url, "192.0.2.7/32")]


def test_what_an_operator_set_is_answered(talk: Talk) -> None:
    words = "Sisa saldo {saldo}, bos"
    talk.world.run(
        lambda db: table.put(db, "balance", "id", words, parts=1, who="admin1", now_ms=0)
    )
    assert talk.say(ShowBalance()).text == "Sisa saldo 1.000.000, bos"
    assert talk.say(ShowBalance(), agent="D1").text == "Sisa saldo 1.000.000, bos"


def test_a_chat_has_more_room(talk: Talk) -> None:
    for number in range(10, 25):
        talk.say(PlaceOrder("S5", None, f"0812000000{number}"))
    narrow = talk.say(LastOrders(20)).text
    wide = talk.say(LastOrders(20), channel="whatsapp").text
    assert parts.needed(narrow) == 1 and narrow.endswith("...")
    assert wide.count("DALAM ANTRIAN") == 15 and not wide.endswith("...")


@pytest.mark.parametrize(
    ("today", "day", "found"),
    [
        ("2027-01-15", 15, "2027-01-15"),
        ("2027-01-15", 1, "2027-01-01"),
        ("2027-01-15", 16, "2026-12-16"),
        ("2027-03-01", 31, None),
        ("2027-03-01", 28, "2027-02-28"),
        ("2027-01-15", 0, None),
        ("2027-01-15", 10**9, None),
    ],
)
def test_a_day_is_the_newest_of_its_number(today: str, day: int, found: str | None) -> None:
    assert queries.day_of_month(today, day) == found


def test_an_answer_to_a_text_that_was_not_read() -> None:
    for code in MisreadCode:
        read = Misread(code, "m", "r", "****", "KODE.NOMOR.PIN", "CODE.NUMBER.PIN", "0812")
        for language, form in (("id", "KODE.NOMOR.PIN"), ("en", "CODE.NUMBER.PIN")):
            answer = misread.answer(read, language)
            fills(answer.key, answer.variables)
            assert answer.variables["example"] == form


METER_NUMBER = "11023356621"


def test_a_token_for_a_meter(talk: Talk) -> None:
    token = Product("PLN20", "pln", "Token", 20, 20_500, 20_100, None, 1, 0, METER)
    talk.world.run(lambda db: products.put(db, token))
    bad = talk.say(PlaceOrder("PLN20", None, TO[:9]))
    assert bad.text == "Nomor meter 081200000 salah. Tulis 11 atau 12 angka."
    first = talk.say(PlaceOrder("PLN20", None, METER_NUMBER, reply_number="6281200000055"))
    assert first.text.startswith("Trx#1 PLN20 ke 11023356621 sedang diproses.")
    again = talk.say(PlaceOrder("PLN20", None, METER_NUMBER))
    assert again.text.endswith("Utk isi lagi ketik PLN20.2.11023356621")
    for command in (ShowOrder(METER_NUMBER), Complain(METER_NUMBER, "?")):
        assert " PLN20 ke 11023356621" in talk.say(command).text
    assert talk.say(CancelOrder(METER_NUMBER)).key == "cancel_done"


def test_a_long_list_of_downlines_is_cut(talk: Talk) -> None:
    def many(db: Database) -> None:
        for number in range(60):
            agents.add(db, f"M{number:02}", "x", now_ms=0, upline="A1")

    talk.world.run(many)
    text = talk.say(ListDownlines(), channel="whatsapp").text
    assert text.startswith("61 downline: B1 Sari 50.000, M00 x 0,") and text.endswith(
        "M48 x 0, ..."
    )
