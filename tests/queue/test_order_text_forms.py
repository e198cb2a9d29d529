"""Every form of order text that is seen in the trade, and the command it must come to."""

import re
from pathlib import Path

import pytest

from pulsarack.queue.order_text import commands as c
from pulsarack.queue.order_text.commands import HiddenPin, PlaceOrder
from pulsarack.queue.order_text.grammar import Grammar, Vocabulary
from pulsarack.queue.order_text.misread import MisreadCode
from pulsarack.queue.order_text.reading import Reading, read
from pulsarack.queue.order_text.words import shipped, with_aliases
from tests.queue.text_world import (
    DEFAULT,
    METER,
    PRODUCTS,
    WORDS,
    A,
    B,
    grammar,
    misread,
    reading,
    shown,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "order-texts.md"


def of(product: str, number: str = A, repeat: int = 1, reply: str | None = None) -> PlaceOrder:
    return PlaceOrder(product, None, number, repeat, reply)


def by_prefix(thousands: int, number: str = A, repeat: int = 1) -> PlaceOrder:
    return PlaceOrder(None, thousands, number, repeat)


E164 = "6281200000012"
AGAIN = "transfer balance to 'K1' amount 9 repeat_index 2, no PIN"
TOLD = f"PLN20 to {METER}, told to 6281900000034, a PIN"

# (the text, its commands, its PIN)
ORDERS = [
    (f"S5.{A}.1234", [of("S5")], "1234"),
    (f"s5.{A}.1234", [of("S5")], "1234"),
    (f"10.{A}.1234", [by_prefix(10)], "1234"),
    (f"{A}.20.1234", [by_prefix(20)], "1234"),
    (f"I.S50.{A}.1234", [of("S50")], "1234"),
    (f"TB10.1234.{A}", [of("TB10")], "1234"),
    (f"S20R.{A};1234", [of("S20R")], "1234"),
    (f"PLN {METER} 20 9999", [of("PLN20", METER)], "9999"),
    (f"S5.2.{A}.1234", [of("S5", repeat=2)], "1234"),
    (f"S5-2.{A}.1234", [of("S5", repeat=2)], "1234"),
    (f"10.{A}.2.1234", [by_prefix(10, repeat=2)], "1234"),
    (f"S5.{A}.1234#2", [of("S5", repeat=2)], "1234"),
    (f"2#TB10.{A}.1234", [of("TB10", repeat=2)], "1234"),
    (f"#2.S5.{A}.1234", [of("S5", repeat=2)], "1234"),
    (f"S5.{A}.1234.RO", [of("S5", repeat=2)], "1234"),
    (f"Ulang.S20.{A}.1234.1", [of("S20", repeat=2)], "1234"),
    (f"Ulang.S20.{A}.1", [of("S20", repeat=2)], None),
    (f"S5.{A}.1234.", [of("S5")], "1234"),
    (f"S5.{A},X5.{B}.1234", [of("S5"), of("X5", B)], "1234"),
    (f"5.{A}.10.{B}.1234", [by_prefix(5), by_prefix(10, B)], "1234"),
    (f"MULTI.S5.{A}.X5.{B}.1234", [of("S5"), of("X5", B)], "1234"),
    (f"M-S5.{A}-GS10.{B}-9999", [of("S5"), of("GS10", B)], "9999"),
    (f"PLN20.{METER}.1234.{B}", [of("PLN20", METER, reply="6281900000034")], "1234"),
    (f"S5.{A}", [of("S5")], None),
    (f"1234.S5.{A}", [of("S5")], "1234"),
    (f"S5\n{A}\n1234", [of("S5")], "1234"),
    (f"S5.{A}\r\nX5.{B}\r\n1234", [of("S5"), of("X5", B)], "1234"),
    (f"S5\u00a0{A}\u200e.12\u200b34", [of("S5")], "1234"),
    ("S5.+62 812-0000-0012.1234", [of("S5", "6281200000012")], "1234"),
    ("S5.81200000012.1234", [of("S5", "81200000012")], "1234"),
]

COMMANDS = [
    ("S.1234", c.ShowBalance(), "1234"),
    ("SAL.1234", c.ShowBalance(), "1234"),
    ("SALDO", c.ShowBalance(), None),
    ("H.S.1234", c.ShowPrices("S"), "1234"),
    ("CH.S", c.ShowPrices("S"), None),
    ("HARGA.S10.1234", c.ShowPrices("S10"), "1234"),
    ("TIKET.500000.1234", c.AskTicket(500_000), "1234"),
    ("DEP.BCA.200000", c.AskTicket(200_000, "BCA"), None),
    ("Tiket.BCA.500000.1234", c.AskTicket(500_000, "BCA"), "1234"),
    ("TIKET.Rp.1.500.000,-", c.AskTicket(1_500_000), None),
    ("GP.1234.5678", c.ChangePin(HiddenPin("5678")), "1234"),
    (f"DAFTAR.Budi.Bandung.{A}.100.1234", c.RegisterDownline("Budi", "Bandung", E164, 100), "1234"),
    (f"REG\nBudi S\nKota B\n{A}", c.RegisterDownline("Budi S", "Kota B", E164), None),
    (f"REG#Budi#Bandung#{A}", c.RegisterDownline("Budi", "Bandung", E164), None),
    ("LDL", c.ListDownlines(), None),
    ("LDL2.K1", c.ListDownlines("K1"), None),
    ("A.K1.1234", c.SetActive("K1", True), "1234"),
    ("NA.K1.1234", c.SetActive("K1", False), "1234"),
    ("A.1001.1234", c.SetActive("1001", True), "1234"),
    ("T.K1.50000.1234", c.TransferBalance("K1", 50_000), "1234"),
    ("TRF.K-1.50000.1234#2", c.TransferBalance("K-1", 50_000, 2), "1234"),
    ("TD.S5.50000.1234", c.TransferBalance("S5", 50_000), "1234"),
    ("TARIK.K1.-50000.1234", c.PullBalance("K1", 50_000), "1234"),
    ("TK.SEMUA.1234", c.ExchangeCommission(), "1234"),
    ("M.100.1234", c.SetMarkup(100), "1234"),
    ("M.0.1234", c.SetMarkup(0), "1234"),
    ("MS.K1.50.1234", c.SetMarkup(50, "K1"), "1234"),
    ("MP.S5.50.1234", c.SetMarkup(50, None, "S5"), "1234"),
    ("GH.K1.I5=5200.1234", c.SetMarkup(None, "K1", "I5", 5_200), "1234"),
    ("GH.K1.I5=5.200.1234", c.SetMarkup(None, "K1", "I5", 5_200), "1234"),
    ("CM", c.ShowMarkups(), None),
    (f"K.{A}.pulsa belum masuk.1234", c.Complain(A, "pulsa belum masuk"), "1234"),
    (f"K.{A}.pin saya 1234 ya.1234", c.Complain(A, "pin saya **** ya"), "1234"),
    (f"INFO.{A}", c.Complain(A), None),
    (f"BTL.{A}.1234", c.CancelOrder(A), "1234"),
    ("LAP.15", c.ShowRecap(15), None),
    ("REK.18", c.ShowRecap(18), None),
    (f"CEK.{A}", c.ShowOrder(A), None),
    (f"CEK.31.{A}.1234", c.ShowOrder(A, 31), "1234"),
    ("PASSIP*old*new*1234", c.ChangeNetworkPassword(HiddenPin("old"), HiddenPin("new")), "1234"),
    ("IPADDRESS*192.0.2.7*1234", c.SetNetworkAddress("192.0.2.7"), "1234"),
    ("IPADDRESS*2001:db8::7*1234", c.SetNetworkAddress("2001:db8::7"), "1234"),
    ("REPORTURL*https://a.example/b/*1234", c.SetReportUrl("https://a.example/b/"), "1234"),
    ("TAMBAHWA.0812-0000-0012.1234", c.AddSender("whatsapp", "6281200000012"), "1234"),
    ("TAMBAHXMPP.Budi-1@a.example.1234", c.AddSender("xmpp", "budi-1@a.example"), "1234"),
    ("HAPUSNOMOR 0812 0000 0012", c.RemoveSender("sms", "6281200000012"), None),
    ("LP.1234", c.ListSenders(), "1234"),
    ("GN.Budi Cell.1234", c.ChangeName("Budi Cell"), "1234"),
    ("AKHIR.5", c.LastOrders(5), None),
    ("MUTASI.10", c.ShowStatement(None, 10), None),
    ("MUTTGL.15", c.ShowStatement(15), None),
    ("KOSONG.1234", c.ShowOutOfStock(), "1234"),
    ("1234.SALDO", c.ShowBalance(), "1234"),
    ("CEK SALDO;1234", c.ShowBalance(), "1234"),
    ("HELP", c.Help(), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted", "pin"),
    [*ORDERS, *((text, [command], pin) for text, command, pin in COMMANDS)],
)
def test_a_form_of_the_trade(text: str, wanted: list[c.Command], pin: str | None) -> None:
    found = reading(text)
    assert list(found.commands) == wanted
    assert found.pin == (None if pin is None else HiddenPin(pin))
    for secret in (pin, "5678" if "GP" in text else None):
        assert secret is None or secret not in found.masked
    assert found.why


REFUSED = [
    ("", MisreadCode.EMPTY, ""),
    (" . ", MisreadCode.EMPTY, ""),
    ("x" * 919, MisreadCode.TOO_LONG, "918"),
    ("5 " * 81, MisreadCode.TOO_LONG, "80 fields"),
    (f"5.{A}.2.5.{B}", MisreadCode.AMBIGUOUS, "(no. 5 of the day)"),
    (f"2#5.{A}", MisreadCode.AMBIGUOUS, "denomination 2 to"),
    (f"PLN20.{METER}.5.{B}", MisreadCode.AMBIGUOUS, f"denomination 5 to {B}"),
    (f"1000.{A}.5", MisreadCode.AMBIGUOUS, "no PIN"),
    (f"PLN20.{METER}.{B}.1000", MisreadCode.AMBIGUOUS, "told to"),
    (f"I.5.{A}", MisreadCode.AMBIGUOUS, "I5 to"),
    ("S5 0812 0000 001 2 1234", MisreadCode.AMBIGUOUS, "(no. 2 of the day), a PIN"),
    ("S5 0812-0000-001-2.1234", MisreadCode.AMBIGUOUS, "S5 to 081200000012, a PIN"),
    ("S5 08120 00001 2", MisreadCode.AMBIGUOUS, "S5 to 08120000012, no PIN"),
    ("5 0812 0000 0012 5", MisreadCode.AMBIGUOUS, "denomination 5 to 0812000000125"),
    ("T.K1.-50000.1234", MisreadCode.BAD_FIELD, "'****' is no amount"),
    ("T K1 -50000", MisreadCode.BAD_FIELD, "'****' is no amount"),
    ("TIKET.-Rp50000", MisreadCode.BAD_FIELD, "'Rp****' is no amount"),
    ("TIKET.Rp-50.000", MisreadCode.BAD_FIELD, "'Rp' is no amount"),
    ("TARIK.K1.x", MisreadCode.BAD_FIELD, "'x' is no amount"),
    ("M.-500", MisreadCode.BAD_FIELD, "'500' is no markup"),
    ("TK.1234", MisreadCode.AMBIGUOUS, "amount ****, no PIN"),
    (f"DAFTAR.a.b.{A}.1234", MisreadCode.AMBIGUOUS, "markup ****, no PIN"),
    ("T.KIOS-7.100", MisreadCode.AMBIGUOUS, "to 'KIOS' amount ****"),
    ("REG Budi Santoso Bandung 081200000012", MisreadCode.AMBIGUOUS, "town 'Santoso Bandung'"),
    ("S5.0812000000121234", MisreadCode.NO_NUMBER, ""),
    ("S5.+63917000000012", MisreadCode.NO_NUMBER, ""),
    ("0812 000 000 100 5", MisreadCode.AMBIGUOUS, "denomination 100 to 0812000000 (no. 5"),
    (f"K.{A}.kurang 5000", MisreadCode.AMBIGUOUS, "words 'kurang ****'"),
    (f"S6.{A}.1234", MisreadCode.UNKNOWN_PRODUCT, "'S6'"),
    ("S5.08120000.1234", MisreadCode.NO_NUMBER, "number"),
    (f"{A}.1234", MisreadCode.NO_PRODUCT, "what"),
    (f"S5.{A}.10.1234", MisreadCode.BAD_FIELD, "'10'"),
    (f"S5.{A}.{B}", MisreadCode.BAD_FIELD, ""),
    (f"S5.{A}.1234,X5.{B}.5678", MisreadCode.BAD_FIELD, ""),
    (f"S5.2.{A}.2", MisreadCode.BAD_FIELD, ""),
    (f"S5.{A}.1234.terima kasih", MisreadCode.BAD_FIELD, "'terima'"),
    (f"ULANG.S5.{A}.X5.{B}", MisreadCode.BAD_FIELD, ""),
    (f"S5.{A}." * 11, MisreadCode.BAD_FIELD, ""),
    ("T.K1", MisreadCode.BAD_FIELD, "amount is missing"),
    ("T.K1.abc", MisreadCode.BAD_FIELD, "'abc' is no amount"),
    ("T.K1.0", MisreadCode.BAD_FIELD, "'0' is no amount"),
    ("GP.1234", MisreadCode.BAD_FIELD, "PIN"),
    ("GP.12.5678", MisreadCode.BAD_FIELD, "'12' is no PIN"),
    ("SALDO.K1", MisreadCode.BAD_FIELD, "more than belongs"),
    ("LAP.32", MisreadCode.BAD_FIELD, "'32'"),
    ("SALDOO", MisreadCode.UNKNOWN_WORD, "SALDOO"),
    ("\u0661\u0662", MisreadCode.UNKNOWN_WORD, ""),
    (f"S5.{A} R#", MisreadCode.BAD_REFERENCE, ""),
    (f"S5.{A} R#a R#b", MisreadCode.BAD_REFERENCE, "twice"),
    (f"S5.{A} R#{'x' * 65}", MisreadCode.BAD_REFERENCE, ""),
    (f"S5.{A} R#\u00e9", MisreadCode.BAD_REFERENCE, ""),
]


@pytest.mark.parametrize(("text", "code", "said"), REFUSED)
def test_a_text_that_is_not_read_says_why(text: str, code: MisreadCode, said: str) -> None:
    found = misread(text)
    assert found.code is code, found
    assert said in found.message
    assert found.remedy and "{" not in found.remedy
    assert "1234" not in found.message + found.remedy + found.masked + found.field


def test_the_nearest_word_product_and_form_are_told() -> None:
    assert "SALDO" in misread("SALDOO").remedy
    assert "did you mean S20R?" in misread(f"S20RR.{A}").remedy
    assert misread("T.K1").form == "T.ID.NOMINAL.PIN"
    assert misread("T.K1").form_en == "T.ID.AMOUNT.PIN"
    assert misread("GP.1").form == "GP.PIN.PIN"
    assert misread(f"S6.{A}").form == "KODE.NOMOR.PIN"
    unlisted = read("S6.081200000012", DEFAULT, Vocabulary.of(lambda code: code == "S5"))
    assert unlisted.masked == "S6.081200000012"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("TK.1234", "exchange commission, a PIN"),
        (f"DAFTAR.a.b.{A}.1234", f"register downline name 'a' town 'b' number '62{A[1:]}', a PIN"),
        (f"K.{A}.kurang 5000", f"complain about '{A}' words 'kurang', a PIN"),
        (f"1000.{A}.5", f"denomination 5 to {A}, a PIN"),
    ],
)
def test_who_must_give_a_pin_has_given_it(text: str, wanted: str) -> None:
    assert shown(text) == "AMBIGUOUS"
    assert shown(text, pin_expected=True) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "S5 0812-0000-0012 2 1234",  # the gap tells the counter from the number
        "S5.0812 0000 0012.2.1234",
        "S5 +62 81200000012 2 1234",
        "S5 081200000012 2 1234",
        "S5 0812 0000 00123 2 1234",  # 14 figures are no number
    ],
)
def test_figures_behind_a_grouped_number_are_no_part_of_it(text: str) -> None:
    (order,) = reading(text).commands
    assert isinstance(order, c.PlaceOrder) and order.repeat_index == 2


def test_where_a_pin_is_expected_a_text_without_one_is_read_too() -> None:
    assert reading(f"S5.{A}", pin_expected=True).pin is None
    assert misread("REG Budi Santoso Bandung 081200000012", pin_expected=True)


MASKED = [
    (f"S5.{A}.1234", f"S5.{A}.****"),
    ("1234 S5 0812 0000 0012", "**** S5 0812 0000 0012"),
    ("S5 0812-0000-0012", "S5 0812-0000-0012"),
    (f"S5.{A}.1234,X5.{B}.1234", f"S5.{A}.****,X5.{B}.****"),
    ("GP.1234.5678", "GP.****.****"),
    ("PASSIP*old*new*1234", "PASSIP*****"),
    ("PASSIP*old*new", "PASSIP*****"),
    ("PASIP*old*new*1234", "PASIP*****"),
    ("GP.123.56789", "GP.****"),
    # The downline was forgotten: what is read as an amount may be the PIN.
    ("T.5000.1234", "T.****.****"),
    ("T.K1.1234", "T.K1.****"),
    ("TIKET.1234.1234", "TIKET.****.****"),
    ("S5.0812000000121234", "S5.081200000****"),
    ("S5 \u0661\u0662\u0663\u0664", "S5 ****"),
    ("S5 \uff11\uff12\uff13\uff14", "S5 ****"),
    ("PIN 1 2 3 4", "PIN ****"),
    ("SALDO 1234x", "SALDO ****x"),
    ("TEXT \ud800", "TEXT \ufffd"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), MASKED)
def test_what_is_kept_has_no_pin(text: str, wanted: str) -> None:
    masked = read(text, DEFAULT, WORDS).masked
    assert masked.replace("*", "") == wanted.replace("*", "")
    assert masked.count("****") >= 1 or masked == wanted


def test_an_operators_own_word_for_a_secret_hides_what_follows_it() -> None:
    own = grammar('aliases = { SANDIWEB = "PASSIP" }')
    for text in ("SANDIWEB*old", "SANDIWEB*old*new*more*than*fits", "SANDIWEP*old*new"):
        assert "old" not in misread(text, own).masked


REFERENCES = [
    (f"S5.{A}.1234 R#dfasdf1234", "dfasdf1234"),
    (f"R#a-1 S5.{A}.1234", "a-1"),
    (f"S5.{A}.1234.R#2026/11:7_b", "2026/11:7_b"),
    (f"S5.{A}.1234 r#9", "9"),
    (f"S20R#{A}#1234", None),
]


@pytest.mark.parametrize(("text", "reference"), REFERENCES)
def test_a_reference_is_no_field(text: str, reference: str | None) -> None:
    found = reading(text)
    assert found.reference == reference
    assert len(found.commands) == 1 and found.pin == HiddenPin("1234")


def test_a_counter_is_no_part_of_a_code() -> None:
    words = Vocabulary.of(frozenset({"S1", "S12"}))
    found = read(f"S1.2.{A}.1234", DEFAULT, words)
    assert isinstance(found, Reading) and found.commands == (of("S1", repeat=2),)
    assert isinstance(read(f"S12.{A}", DEFAULT, words), Reading)
    assert isinstance(read(f"S 12 {A}", DEFAULT, words), Reading)


def test_a_misread_text_keeps_its_reference() -> None:
    assert misread(f"S6.{A} R#7").reference == "7"


OPTIONS = [
    ("reference = false", f"S5.{A}.1234 R#2", "BAD_FIELD"),
    ('pin_places = ["semicolon"]', f"S5.{A};1234", f"S5 to {A}, a PIN"),
    ('pin_places = ["semicolon"]', f"S5.{A}.1234", "BAD_FIELD"),
    ('pin_places = ["semicolon"]', "SALDO.1234", "BAD_FIELD"),
    ('pin_places = ["semicolon"]', "SALDO;1234", "show balance, a PIN"),
    ('pin_places = ["last"]', f"TB10.1234.{A}", "BAD_FIELD"),
    ('pin_places = ["last"]', f"1234.S5.{A}", "BAD_FIELD"),
    ('pin_places = ["last"]', "1234.SALDO", "UNKNOWN_WORD"),
    ('pin_places = ["last"]', f"PLN20.{METER}.1234.{B}", "BAD_FIELD"),
    ('pin_places = ["middle"]', f"PLN20.{METER}.1234.{B}", TOLD),
    ('pin_places = ["middle"]', f"S5.{A}.1234", "BAD_FIELD"),
    ('field_orders = ["product_first"]', f"{A}.S5.1234", "BAD_FIELD"),
    ('field_orders = ["number_first"]', f"S5.{A}.1234", "BAD_FIELD"),
    ('field_orders = ["number_first"]', f"{A}.S5.1234", f"S5 to {A}, a PIN"),
    ("split_product = false", f"PLN {METER} 20 9999", "UNKNOWN_PRODUCT"),
    ("reply_number = false", f"PLN20.{METER}.1234.{B}", "BAD_FIELD"),
    ("most_orders = 1", f"S5.{A},X5.{B}", "BAD_FIELD"),
    ("highest_counter = 99", f"S5.10.{A}", f"S5 to {A} (no. 10 of the day), no PIN"),
    ('separators = "."', f"S5\n{A}\n1234", f"S5 to {A}, a PIN"),
    ("denominations = [7]", f"7.{A}", f"denomination 7 to {A}, no PIN"),
    ("denominations = [7]", f"5.{A}", "NO_PRODUCT"),
    ('trailing_dot = "counter"', "T.K1.9.", AGAIN),
    ('trailing_dot = "counter"', "T.K1.50000.1234#2.", "BAD_FIELD"),
    ('aliases = { ISIKAN = "ISI" }', f"ISIKAN S5 {A}", f"S5 to {A}, no PIN"),
    ('aliases = { LAGI = "ULANG" }', f"LAGI.S5.{A}", f"S5 to {A} (no. 2 of the day), no PIN"),
    ('aliases = { LAGI = "RO" }', f"S5.{A}.LAGI", f"S5 to {A} (no. 2 of the day), no PIN"),
    ('aliases = { M = "SALDO" }', f"M.S5.{A}", "BAD_FIELD"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "text", "wanted"), OPTIONS)
def test_an_option(options: str, text: str, wanted: str) -> None:
    assert shown(text, grammar(options)) == wanted


@pytest.mark.parametrize("counter", sorted(Grammar().counters))
def test_every_spelling_of_the_counter_can_be_left_out(counter: str) -> None:
    texts = {
        "between": f"S5.2.{A}",
        "after_number": f"S5.{A}.2",
        "hash_suffix": f"S5.{A}.1234#2",
        "hash_prefix": f"#2.S5.{A}",
        "prefix_hash": f"2#S5.{A}",
        "behind": f"S5.{A}.RO",
        "before": f"ULANG.S5.{A}",
    }
    assert "no. 2" in shown(texts[counter])
    left = ", ".join(f'"{each}"' for each in texts if each != counter)
    assert misread(texts[counter], grammar(f"counters = [{left}]"))


def test_an_alias_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="there is no word 'SALDU'"):
        with_aliases(shipped(), {"X": "saldu"})


def test_every_word_of_the_table_can_be_read_and_explained() -> None:
    table = shipped()
    for word, entries in table.meanings.items():
        assert re.fullmatch(r"[A-Z][A-Z0-9]*", word), word
        for entry in entries:
            for form in entry.forms:
                for language in ("id", "en"):
                    assert table.shown(word, form, language).startswith(word)
    assert set(table.names["id"]) == set(table.names["en"])


def _documented() -> list[tuple[str, str, str]]:
    """The rows of the document's tables with the options of the block before them."""
    rows, options, block = [], "", False
    for line in DOCUMENT.read_text("utf-8").splitlines():
        if line.startswith("#"):
            options = ""
        elif line == "```toml":
            options, block = "", True
        elif line == "```":
            block = False
        elif block:
            options += line + "\n"
        elif match := re.fullmatch(r"\| `(.+)` \| (.+) \|", line):
            rows.append((options, match[1], match[2]))
    return rows


@pytest.mark.parametrize(("options", "text", "wanted"), _documented())
def test_the_document_tells_the_truth(options: str, text: str, wanted: str) -> None:
    assert shown(text, grammar(options) if options else DEFAULT) == wanted


def test_the_document_names_the_products_of_the_tests() -> None:
    assert f"`{' '.join(sorted(PRODUCTS))}`" in DOCUMENT.read_text("utf-8")
    assert len(_documented()) > 100
