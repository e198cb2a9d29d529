"""Dialogues as tables: what comes, and what the machine makes of it, for each recipe."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from pulsarack.ussd.dialogue import (
    Action,
    Answer,
    AwaitText,
    Dial,
    Dialogue,
    Event,
    Finished,
    NoAnswer,
    Screen,
    SendText,
    Sent,
    State,
    TextIn,
    Values,
)
from pulsarack.ussd.errors import IllegalEvent, ValuesUnfit
from pulsarack.ussd.outcome import OutcomeKind, Reason
from pulsarack.ussd.shelf import Shelf
from pulsarack.ussd.status import UssdStatus

DONE, NOT_DONE = OutcomeKind.DONE, OutcomeKind.NOT_DONE
IN_PROCESS, UNDECIDED = OutcomeKind.IN_PROCESS, OutcomeKind.UNDECIDED
PIN = "7391"
TELKOMSEL, INDOSAT, XL, TRI = "telkomsel-mkios", "indosat-dealer", "xl-sms", "tri-dealer"
NUMBERS = {
    TELKOMSEL: "6281200000012",
    INDOSAT: "6285600000012",
    XL: "6281700000012",
    TRI: "6289500000012",
}


def ended(text: str, status: UssdStatus = UssdStatus.TERMINATED_BY_NETWORK) -> Screen:
    return Screen(status, text)


def asking(text: str) -> Screen:
    return Screen(UssdStatus.ACTION_REQUIRED, text)


MENU = asking("Menu Dealer\n1. Isi Pulsa\n2. Cek Stok\n3. Riwayat")
ASK_NUMBER = asking("Masukkan nomor tujuan")
ASK_SIZE = asking("Masukkan nominal (ribuan)")
ASK_PIN = asking(
    "Isi pulsa Rp 10.000 ke 085600000012, harga Rp 10.150. Masukkan PIN untuk lanjut, 0 untuk batal"
)
TO_THE_PIN = (MENU, ASK_NUMBER, ASK_SIZE, ASK_PIN)

SOLD = "Isi ulang simPATI 10 ke 081200000012 berhasil. SN: 51012345678901. Sisa stok Rp 490.000"
SOLD_ELSEWHERE = SOLD.replace("0812", "0813")
PROCESS = "Permintaan isi ulang Anda sedang diproses. Tunggu SMS konfirmasi."
INDOSAT_SOLD = "Pengisian Rp 10.000 ke 085600000012 SUKSES. Ref 7700012345678. Stok: Rp 489.850"
XL_SOLD = (
    "27May 1135: 081700000001 has loaded LOAD 10 (P10,150.00) to 081700000012. "
    "New Load Wallet Balance:P489,850.00. Ref:071056787990"
)
TRI_SOLD = (
    "02/28/2017 05:24PM 089500000001 has loaded 10.00 Load(P10,150.00) to 6289500000012. "
    "New load wallet balance is P489,850.00. Ref:888811464"
)


def dialogue(shelf: Shelf, name: str, **given: object) -> Dialogue:
    recipe = shelf.get(name)
    values = Values(NUMBERS[name], 10, PIN, **given)  # type: ignore[arg-type]  # test shorthand
    return Dialogue(recipe, recipe.top_up, values)


def run(talk: Dialogue, events: Sequence[Event]) -> Action:
    action = talk.start()
    for event in events:
        assert not isinstance(action, Finished), f"finished before {event}"
        action = talk.receive(event)
    return action


def finish(talk: Dialogue, events: Sequence[Event]) -> Finished:
    action = run(talk, events)
    assert isinstance(action, Finished), action
    assert talk.state is State.FINISHED
    assert PIN not in action.outcome.why
    return action


@dataclass(frozen=True)
class Case:
    recipe: str
    events: tuple[Event, ...]
    kind: OutcomeKind
    reason: Reason | None = None
    cancel: bool = False


SILENCE = NoAnswer(left=True, why=Reason.NO_REPLY)

AFTER_COMMIT = {
    "success": Case(TELKOMSEL, (ended(SOLD),), DONE),
    "success with m=0": Case(TELKOMSEL, (ended(SOLD, UssdStatus.NO_FURTHER_ACTION),), DONE),
    "success with m=1": Case(TELKOMSEL, (asking(SOLD),), DONE, None, True),
    "success of another number": Case(
        TELKOMSEL, (ended(SOLD_ELSEWHERE),), UNDECIDED, Reason.FOREIGN_REPLY
    ),
    "success of another amount": Case(
        TELKOMSEL, (ended(SOLD.replace(" 10 ", " 20 ")),), UNDECIDED, Reason.FOREIGN_REPLY
    ),
    "failure of another number": Case(
        TELKOMSEL,
        (ended("Maaf, nomor 081300000012 tidak terdaftar."),),
        UNDECIDED,
        Reason.FOREIGN_REPLY,
    ),
    "unknown text": Case(TELKOMSEL, (ended("Terima kasih."),), UNDECIDED, Reason.UNPARSED_REPLY),
    "unknown text, open": Case(
        TELKOMSEL, (asking("Terima kasih."),), UNDECIDED, Reason.UNPARSED_REPLY, True
    ),
    "stock text": Case(
        TELKOMSEL, (ended("Sisa stok Anda Rp 5"),), UNDECIDED, Reason.UNEXPECTED_SCREEN
    ),
    "no text": Case(TELKOMSEL, (ended(" "),), UNDECIDED, Reason.NO_REPLY),
    "m=3": Case(
        TELKOMSEL,
        (Screen(UssdStatus.OTHER_CLIENT_RESPONDED, SOLD),),
        UNDECIDED,
        Reason.UNEXPECTED_SCREEN,
    ),
    "m=4": Case(
        TELKOMSEL, (Screen(UssdStatus.NOT_SUPPORTED, ""),), UNDECIDED, Reason.MODEM_REFUSED
    ),
    "m=5 with our own text": Case(
        TELKOMSEL, (Screen(UssdStatus.NETWORK_TIMEOUT, SOLD),), UNDECIDED, Reason.NO_REPLY
    ),
    "silence": Case(TELKOMSEL, (SILENCE,), UNDECIDED, Reason.NO_REPLY, True),
    "modem gone": Case(
        TELKOMSEL, (NoAnswer(True, Reason.MODEM_LOST),), UNDECIDED, Reason.MODEM_LOST
    ),
    "never left": Case(
        TELKOMSEL, (NoAnswer(False, Reason.MODEM_REFUSED),), NOT_DONE, Reason.MODEM_REFUSED, True
    ),
    "process, then the report": Case(
        TELKOMSEL, (ended(PROCESS), TextIn("M-KIOS", SOLD.replace("simPATI ", ""))), DONE
    ),
    "process, then others' texts, then the report": Case(
        TELKOMSEL,
        (
            ended(PROCESS),
            TextIn("M-KIOS", SOLD_ELSEWHERE),
            TextIn("0812", SOLD),
            TextIn("M-KIOS", "Promo!"),
            TextIn("M-KIOS", "Stok Anda bertambah Rp 5.000 dari 081200009999. Sisa stok Rp 9.000"),
            TextIn("M-KIOS", PROCESS),
            TextIn("M-KIOS", SOLD),
        ),
        DONE,
    ),
    "process, then a screen that comes of itself": Case(
        TELKOMSEL, (ended(PROCESS), ended("?"), ended(""), ended(SOLD)), DONE
    ),
    "process, then a failure": Case(
        TELKOMSEL,
        (ended(PROCESS), TextIn("M-KIOS", "Maaf, stok Anda tidak mencukupi.")),
        NOT_DONE,
        Reason.INSUFFICIENT_STOCK,
    ),
    "process, then silence": Case(
        TELKOMSEL, (ended(PROCESS), SILENCE), IN_PROCESS, Reason.NO_REPLY
    ),
    "process, then `left` means nothing": Case(
        TELKOMSEL, (ended(PROCESS), NoAnswer(False, Reason.NO_REPLY)), IN_PROCESS, Reason.NO_REPLY
    ),
    "a text before the screen decides if it names the number": Case(
        TELKOMSEL, (TextIn("M-KIOS", SOLD),), DONE, None, True
    ),
    "a text before the screen is only a text": Case(
        TELKOMSEL,
        (TextIn("M-KIOS", "Maaf, sistem sedang sibuk."), ended(SOLD)),
        DONE,
    ),
    "after a wait was handed out `left` no longer counts": Case(
        TELKOMSEL,
        (TextIn("M-KIOS", "Promo!"), NoAnswer(False, Reason.MODEM_REFUSED)),
        UNDECIDED,
        Reason.MODEM_REFUSED,
        True,
    ),
    "menu: success": Case(INDOSAT, (*TO_THE_PIN, ended(INDOSAT_SOLD)), DONE),
    "menu: silence at the PIN": Case(
        INDOSAT, (*TO_THE_PIN, SILENCE), UNDECIDED, Reason.NO_REPLY, True
    ),
    "menu: the menu again": Case(
        INDOSAT, (*TO_THE_PIN, MENU), UNDECIDED, Reason.UNEXPECTED_SCREEN, True
    ),
    "menu: the PIN never left": Case(
        INDOSAT, (*TO_THE_PIN, NoAnswer(False, Reason.MODEM_LOST)), NOT_DONE, Reason.MODEM_LOST
    ),
    "sms: success": Case(XL, (Sent(), TextIn("168", XL_SOLD)), DONE),
    "sms: report before it is known to be sent": Case(XL, (TextIn("168", XL_SOLD),), DONE),
    "sms: others' texts, then the report": Case(
        XL,
        (
            Sent(),
            TextIn("168", XL_SOLD.replace("to 0817", "to 0818")),
            TextIn("168", "2/2 Text BIG50 to 2477. Ref:800009604329"),
            TextIn("+628170", XL_SOLD),
            TextIn("168", XL_SOLD),
        ),
        DONE,
    ),
    "sms: silence": Case(XL, (Sent(), SILENCE), UNDECIDED, Reason.NO_REPLY),
    "sms: not understood, then silence": Case(
        XL, (Sent(), TextIn("168", "?"), SILENCE), UNDECIDED, Reason.UNPARSED_REPLY
    ),
    "sms: of another order, then silence": Case(
        XL,
        (Sent(), TextIn("168", XL_SOLD.replace("to 0817", "to 0818")), SILENCE),
        UNDECIDED,
        Reason.FOREIGN_REPLY,
    ),
    "sms: never left": Case(XL, (NoAnswer(False, Reason.NO_NETWORK),), NOT_DONE, Reason.NO_NETWORK),
    "sms: may have left": Case(XL, (NoAnswer(True, Reason.NO_REPLY),), UNDECIDED, Reason.NO_REPLY),
    "sms: an old failure before ours is sent": Case(
        XL, (TextIn("168", "Sorry, the system is busy."), Sent(), TextIn("168", XL_SOLD)), DONE
    ),
    "tri: success": Case(TRI, (ended(TRI_SOLD),), DONE),
    "tri: silence": Case(TRI, (SILENCE,), UNDECIDED, Reason.NO_REPLY, True),
}


@pytest.mark.parametrize("name", AFTER_COMMIT)
def test_after_the_point_of_no_return(shelf: Shelf, name: str) -> None:
    case = AFTER_COMMIT[name]
    talk = dialogue(shelf, case.recipe)
    finished = finish(talk, case.events)
    assert talk.committed
    assert (finished.outcome.kind, finished.outcome.reason) == (case.kind, case.reason)
    assert finished.cancel_session is case.cancel
    assert (finished.outcome.reply is not None) or case.kind is not DONE


BEFORE_COMMIT = {
    "wrong number": ((MENU, ASK_NUMBER, ended("Nomor tujuan salah.")), Reason.WRONG_NUMBER, False),
    "no such size": (
        (MENU, ASK_NUMBER, ASK_SIZE, ended("Nominal tidak tersedia.")),
        Reason.FORMAT_REJECTED,
        False,
    ),
    "busy": ((ended("Sistem sibuk."),), Reason.OPERATOR_BUSY, False),
    "busy, open": ((MENU, asking("Sistem sibuk.")), Reason.OPERATOR_BUSY, True),
    "unknown": ((MENU, asking("Promo!")), Reason.UNPARSED_REPLY, True),
    "wrong prompt": ((MENU, ASK_SIZE), Reason.UNEXPECTED_SCREEN, True),
    "prompt, but closed": (
        (MENU, ended("Masukkan nomor tujuan")),
        Reason.UNEXPECTED_SCREEN,
        False,
    ),
    "prompt for another number": (
        (MENU, ASK_NUMBER, ASK_SIZE, asking(ASK_PIN.text.replace("0856", "0857"))),
        Reason.UNEXPECTED_SCREEN,
        True,
    ),
    "prompt for another amount": (
        (MENU, ASK_NUMBER, ASK_SIZE, asking(ASK_PIN.text.replace("Rp 10.000", "Rp 100.000"))),
        Reason.UNEXPECTED_SCREEN,
        True,
    ),
    "a success that cannot be ours": ((MENU, ended(INDOSAT_SOLD)), Reason.UNEXPECTED_SCREEN, False),
    "silence": ((MENU, SILENCE), Reason.NO_REPLY, True),
    "gone": ((MENU, NoAnswer(True, Reason.MODEM_LOST)), Reason.MODEM_LOST, False),
    "ended": ((MENU, ended("")), Reason.NO_REPLY, False),
    "m=4": ((Screen(UssdStatus.NOT_SUPPORTED, ""),), Reason.MODEM_REFUSED, False),
    "a success by SMS that cannot be ours, then silence": (
        (MENU, TextIn("151", INDOSAT_SOLD), SILENCE),
        Reason.NO_REPLY,
        True,
    ),
}


@pytest.mark.parametrize("name", BEFORE_COMMIT)
def test_before_the_point_of_no_return_nothing_is_done(shelf: Shelf, name: str) -> None:
    events, reason, cancel = BEFORE_COMMIT[name]
    talk = dialogue(shelf, INDOSAT)
    finished = finish(talk, events)
    assert not talk.committed
    assert (finished.outcome.kind, finished.outcome.reason) == (NOT_DONE, reason)
    assert finished.cancel_session is cancel


WORDED_FAILURES = [
    (TELKOMSEL, "Maaf, nomor 081200000012 tidak terdaftar.", Reason.WRONG_NUMBER),
    (TELKOMSEL, "Maaf, nomor 081200000012 sudah tidak aktif.", Reason.NUMBER_INACTIVE),
    (TELKOMSEL, "Maaf, stok Anda tidak mencukupi.", Reason.INSUFFICIENT_STOCK),
    (TELKOMSEL, "PIN yang Anda masukkan salah.", Reason.WRONG_CHIP_PIN),
    (
        TELKOMSEL,
        "Maaf, transaksi yang sama ke 081200000012 baru saja dilakukan. Coba lagi nanti.",
        Reason.REPEATED_TOO_SOON,
    ),
    (
        TELKOMSEL,
        "Maaf, sistem sedang sibuk. Silakan coba beberapa saat lagi.",
        Reason.OPERATOR_BUSY,
    ),
    (TELKOMSEL, "Maaf, batas transaksi harian Anda telah tercapai.", Reason.LIMIT_REACHED),
    (TELKOMSEL, "Kartu Anda diblokir.", Reason.CHIP_BARRED),
    (
        TELKOMSEL,
        "Maaf, operasi gagal karena format pesan yang tidak valid.",
        Reason.FORMAT_REJECTED,
    ),
    (INDOSAT, "GAGAL. Nomor tidak aktif.", Reason.NUMBER_INACTIVE),
    (INDOSAT, "GAGAL. Nomor tujuan salah.", Reason.WRONG_NUMBER),
    (INDOSAT, "GAGAL. Stok tidak cukup.", Reason.INSUFFICIENT_STOCK),
    (INDOSAT, "GAGAL. PIN salah.", Reason.WRONG_CHIP_PIN),
    (INDOSAT, "GAGAL. Transaksi berulang, tunggu 5 menit.", Reason.REPEATED_TOO_SOON),
    (INDOSAT, "GAGAL. Gangguan sistem.", Reason.OPERATOR_BUSY),
    (INDOSAT, "GAGAL. Limit harian.", Reason.LIMIT_REACHED),
    (INDOSAT, "GAGAL. Kartu diblokir.", Reason.CHIP_BARRED),
] + [
    (name, sentence.format(number=number), reason)
    for name, number in ((XL, "081700000012"), (TRI, "089500000012"))
    for sentence, reason in (
        ("Sorry, {number} is not a valid number.", Reason.WRONG_NUMBER),
        ("Sorry, {number} is inactive.", Reason.NUMBER_INACTIVE),
        ("Sorry, your Load Wallet Balance is insufficient.", Reason.INSUFFICIENT_STOCK),
        ("Sorry, invalid PIN.", Reason.WRONG_CHIP_PIN),
        (
            "Sorry, you have just loaded the same amount to {number}. "
            "Please try again after 5 mins.",
            Reason.REPEATED_TOO_SOON,
        ),
        ("Sorry, the system is busy. Please try again later.", Reason.OPERATOR_BUSY),
        ("Sorry, daily limit reached.", Reason.LIMIT_REACHED),
        ("Sorry, your account is barred.", Reason.CHIP_BARRED),
        ("Sorry, invalid amount.", Reason.FORMAT_REJECTED),
    )
]


@pytest.mark.parametrize(("name", "text", "reason"), WORDED_FAILURES)
def test_each_failure_after_the_commit(shelf: Shelf, name: str, text: str, reason: Reason) -> None:
    if name == XL:
        events: tuple[Event, ...] = (Sent(), TextIn("168", f"27May 1135: {text} Ref:071056787990"))
    else:
        events = (*(TO_THE_PIN if name == INDOSAT else ()), ended(text))
    outcome = finish(dialogue(shelf, name), events).outcome
    assert (outcome.kind, outcome.reason) == (NOT_DONE, reason)


def test_what_is_said_on_the_air(shelf: Shelf) -> None:
    dial = dialogue(shelf, TELKOMSEL).start()
    assert isinstance(dial, Dial)
    assert dial.text.plain == f"*777*081200000012*10*{PIN}#"
    assert dial.text.masked == "*777*081200000012*10*****#"
    assert dial.commits
    assert dial.within_seconds == 30

    send = dialogue(shelf, XL).start()
    assert isinstance(send, SendText)
    assert (send.to, send.text.plain) == ("168", f"BAGI 081700000012 10 {PIN}")
    assert (send.commits, send.within_seconds) == (True, 60)

    talk = dialogue(shelf, INDOSAT)
    said = [talk.start()] + [talk.receive(screen) for screen in TO_THE_PIN]
    assert [one.text.plain for one in said if isinstance(one, Dial | Answer)] == [
        "*123#",
        "1",
        "085600000012",
        "10",
        PIN,
    ]
    assert [one.commits for one in said if isinstance(one, Dial | Answer)] == [False] * 4 + [True]
    assert talk.committed


def test_a_foreign_text_continues_the_wait_that_runs(shelf: Shelf) -> None:
    talk = dialogue(shelf, XL)
    assert run(talk, (Sent(),)) == AwaitText(60)
    assert talk.receive(TextIn("168", "?")) == AwaitText(60, continued=True)


def test_a_text_while_a_screen_is_awaited_never_dials_again(shelf: Shelf) -> None:
    talk = dialogue(shelf, TELKOMSEL)
    assert run(talk, (TextIn("M-KIOS", "?"),)) == AwaitText(30, continued=True)
    assert talk.state is State.WAITING_SCREEN


def test_a_repeat_of_a_reply_that_was_used_proves_nothing(shelf: Shelf) -> None:
    spent = frozenset({"071056787990"})
    talk = dialogue(shelf, XL, spent_serial_numbers=spent)
    again = XL_SOLD.replace("787990", "787991")
    assert finish(talk, (Sent(), TextIn("168", XL_SOLD), TextIn("168", again))).outcome.kind is DONE
    talk = dialogue(shelf, XL, spent_serial_numbers=spent)
    outcome = finish(talk, (Sent(), TextIn("168", XL_SOLD), SILENCE)).outcome
    assert (outcome.kind, outcome.reason) == (UNDECIDED, Reason.FOREIGN_REPLY)


def test_while_an_old_reply_is_owed_a_text_must_name_the_number(shelf: Shelf) -> None:
    busy = TextIn("168", "27May 1135: Sorry, the system is busy. Please try again later.")
    named = TextIn("168", "27May 1135: Sorry, 081700000012 is inactive.")
    outcome = finish(dialogue(shelf, XL, reply_owed=True), (Sent(), busy, named)).outcome
    assert (outcome.kind, outcome.reason) == (NOT_DONE, Reason.NUMBER_INACTIVE)
    # A screen answers our own session and needs no name.
    talk = dialogue(shelf, TRI, reply_owed=True)
    assert finish(talk, (ended("Sorry, the system is busy."),)).outcome.kind is NOT_DONE


def test_stock(shelf: Shelf) -> None:
    values = Values(chip_pin=PIN)
    recipe = shelf.get(INDOSAT)
    talk = Dialogue(recipe, recipe.stock, values)
    finished = finish(talk, (MENU, asking("Stok Anda: Rp 489.850")))
    assert finished.outcome.kind is DONE
    assert finished.cancel_session
    assert finished.outcome.reply is not None
    assert finished.outcome.reply.stock == 489_850
    assert not talk.committed

    recipe = shelf.get(XL)
    talk = Dialogue(recipe, recipe.stock, values)
    told = TextIn("168", "18Aug 09:18: 081700000001 Load Wallet Balance: P489,850.00. Ref:1")
    events = (Sent(), TextIn("168", XL_SOLD), told)
    assert finish(talk, events).outcome.kind is DONE


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((ended("PIN yang Anda masukkan salah."),), Reason.WRONG_CHIP_PIN),
        ((ended("?"),), Reason.UNPARSED_REPLY),
        ((ended(SOLD),), Reason.UNEXPECTED_SCREEN),
        ((SILENCE,), Reason.NO_REPLY),
        ((NoAnswer(False, Reason.MODEM_LOST),), Reason.MODEM_LOST),
    ],
)
def test_stock_not_read(shelf: Shelf, events: tuple[Event, ...], reason: Reason) -> None:
    recipe = shelf.get(TELKOMSEL)
    outcome = finish(Dialogue(recipe, recipe.stock, Values(chip_pin=PIN)), events).outcome
    assert (outcome.kind, outcome.reason) == (NOT_DONE, reason)


def test_history(shelf: Shelf) -> None:
    recipe = shelf.get(TELKOMSEL)
    assert recipe.history is not None
    text = (
        "1) 22/11 14:03 081200000012 10 OK SN51012345678901; 2) 22/11 13:50 081300000012 20 GAGAL"
    )
    talk = Dialogue(recipe, recipe.history, Values(chip_pin=PIN))
    outcome = finish(talk, (ended(text),)).outcome
    assert outcome.kind is DONE
    assert outcome.reply is not None
    assert [entry.succeeded for entry in outcome.reply.entries] == [True, False]


@pytest.mark.parametrize(
    ("name", "events", "illegal"),
    [
        (TELKOMSEL, (), Sent()),
        (TELKOMSEL, (ended(SOLD),), SILENCE),
        (XL, (Sent(),), Sent()),
        (INDOSAT, (MENU,), Sent()),
    ],
)
def test_an_illegal_event_raises_and_changes_nothing(
    shelf: Shelf, name: str, events: tuple[Event, ...], illegal: Event
) -> None:
    talk = dialogue(shelf, name)
    run(talk, events)
    state, committed = talk.state, talk.committed
    with pytest.raises(IllegalEvent):
        talk.receive(illegal)
    with pytest.raises(IllegalEvent):
        talk.start()
    assert (talk.state, talk.committed) == (state, committed)


def test_nothing_comes_before_the_start(shelf: Shelf) -> None:
    talk = dialogue(shelf, TELKOMSEL)
    with pytest.raises(IllegalEvent):
        talk.receive(ended(SOLD))
    assert isinstance(talk.start(), Dial)


@pytest.mark.parametrize(
    "values", [Values(), Values("6281200000012", 10), Values("6281200000012", None, PIN)]
)
def test_a_script_without_its_values_does_not_begin(shelf: Shelf, values: Values) -> None:
    recipe = shelf.get(TELKOMSEL)
    with pytest.raises(ValuesUnfit):
        Dialogue(recipe, recipe.top_up, values)
