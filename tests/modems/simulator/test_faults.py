"""Each fault: what it does to the books, and what of it is seen on the line."""

import re

import pytest

from pulsarack.modems.simulator.ussd_text import to_packed_hex
from tests.modems.simulator.virtual import STOCK, Bench, rack

DONE = STOCK - 10_150
TOP_UP = "*777*081200000012*10*1234#"


def struck(kind: str, more: str = "", seed: int = 1, dialect: str = "wavecom") -> Bench:
    fault = f'[[fault]]\nat_order = 1\nkind = "{kind}"\n{more}'
    bench = Bench(rack(dialect, "telkomsel", fault), seed)
    bench.say("AT+CNMI=2,1,0,0,0")
    return bench


def attempt(bench: Bench) -> tuple[bool, str | None, str | None]:
    (entry,) = bench.entries("top_up")
    return entry["delivered"], entry["reason"], entry["fault"]


@pytest.mark.parametrize("seed", range(6))
def test_done_no_reply(seed: int) -> None:
    bench = struck("done_no_reply", "report = false", seed)
    heard = bench.dial(TOP_UP, 59)
    assert heard in ("\r\nOK\r\n", "\r\nOK\r\n\r\n+CUSD: 5\r\n")
    assert attempt(bench) == (True, None, "done_no_reply")
    assert bench.stock == DONE
    bench.wait(300)
    assert bench.texts() == []


def test_both_kinds_of_silence_are_met() -> None:
    heard = {struck("done_no_reply", seed=seed).dial(TOP_UP, 59) for seed in range(12)}
    assert len({"+CUSD: 5" in one for one in heard}) == 2


def test_not_done_no_reply() -> None:
    bench = struck("not_done_no_reply")
    assert "berhasil" not in bench.dial(TOP_UP, 59).lower()
    bench.wait(300)
    assert attempt(bench) == (False, "LOST", "not_done_no_reply")
    assert bench.stock == STOCK and bench.texts() == []
    # And a second try meets no "just done".
    assert "081200000012" in bench.dial(TOP_UP)


def test_late_sms() -> None:
    bench = struck("late_sms")
    assert "081200000012" not in bench.dial(TOP_UP, 15)
    bench.wait(125)
    (text,) = bench.texts()
    serial = bench.entries("top_up")[0]["serial_number"]
    assert text.startswith(f"Isi ulang 10 ke 081200000012 berhasil. SN: {serial}.")
    assert attempt(bench) == (True, None, "late_sms")


def test_doubled_reply() -> None:
    bench = struck("doubled_reply")
    answers = re.findall(r'\+CUSD: \d,"(.*?)"', bench.dial(TOP_UP, 10), re.DOTALL)
    assert len(answers) == 2 and answers[0] == answers[1]
    assert bench.stock == DONE


def test_foreign_reply_names_another_number_first() -> None:
    seen = set()
    for seed in range(20):
        bench = struck("foreign_reply", seed=seed)
        heard = bench.dial(TOP_UP, 40) + "".join(bench.texts())
        numbers = re.findall(r"(?<!\d)0812\d{8}(?!\d)", heard)
        foreign = [number for number in numbers if number != "081200000012"]
        assert len(foreign) == 1 and foreign[0].startswith("081299")
        assert attempt(bench) == (True, None, "foreign_reply")
        by_text = bool(bench.texts())
        seen.add((by_text, "081200000012" in numbers))
    assert seen == {(True, True), (True, False), (False, True), (False, False)}


@pytest.mark.parametrize("dialect", ["wavecom", "simcom-sim800"])
def test_garbled_line_holds_octets_no_modem_sends(dialect: str) -> None:
    bench = struck("garbled_line", dialect=dialect)
    heard = bench.dial(TOP_UP, 10).encode("latin-1")
    strange = [octet for octet in heard if octet == 0 or octet >= 0x80]
    assert 3 <= len(strange) <= 6
    assert bench.stock == DONE
    assert bench.dial("*776*1234#").isascii()  # only that one line


@pytest.mark.parametrize("done", [True, False])
def test_hang_loses_everything_said_meanwhile(done: bool) -> None:
    bench = struck("hang", f"seconds = 30\nreport = true\ndone = {str(done).lower()}")
    assert bench.dial(TOP_UP, 10) == "\r\nOK\r\n"
    assert bench.say("AT", 10) == ""
    bench.wait(20)
    assert "OK" in bench.say("AT+CUSD=2")
    assert attempt(bench) == (done, None if done else "LOST", "hang")
    assert bench.stock == (DONE if done else STOCK)
    bench.wait(140)
    assert len(bench.texts()) == (1 if done else 0)


@pytest.mark.parametrize("done", [True, False])
def test_unplug_takes_the_modem_off_the_bus(done: bool) -> None:
    bench = struck("unplug", f"seconds = 10\nreport = true\ndone = {str(done).lower()}")
    bench.dial(TOP_UP, 5)
    assert bench.bus == ["gone"]
    assert bench.say("AT") == ""
    bench.wait(10)
    assert bench.bus == ["gone", "back"]
    bench.wait(10)
    assert bench.say("AT") == "AT\r\r\nOK\r\n"  # like new: echo is on again
    assert bench.stock == (DONE if done else STOCK)
    bench.wait(140)
    assert len(bench.texts()) == (1 if done else 0)


def test_urc_storm_hides_the_answer_among_lines() -> None:
    bench = struck("urc_storm", dialect="huawei-e1550")
    heard = bench.dial(to_packed_hex(TOP_UP), 15)
    assert heard.count("\r\n^") >= 40
    assert "+CUSD: " in heard and bench.stock == DONE


def test_stock_in_between() -> None:
    bench = struck("stock_in")
    heard = bench.dial(TOP_UP, 15)
    (entry,) = bench.entries("stock_in")
    assert "081200000012" in heard
    assert bench.stock == DONE + entry["amount"] == bench.entries("stock")[-1]["stock"]
    (text,) = bench.texts()
    assert re.match(r"Stok Anda bertambah Rp[ .]?[\d.]+ dari 081200009999\. Sisa stok Rp", text)


def test_operator_busy() -> None:
    bench = struck("operator_busy")
    assert "Maaf, sistem sedang sibuk." in bench.dial(TOP_UP)
    assert attempt(bench) == (False, "OPERATOR_BUSY", "operator_busy")
    assert bench.stock == STOCK


def test_late_booking_is_shown_late_and_true_at_once() -> None:
    bench = struck("late_booking", "seconds = 20")
    bench.dial(TOP_UP, 3)
    bench.say("AT+CUSD=2")
    assert bench.stock == DONE
    assert re.search(r"Anda Rp[ .]?500\.?000 per", bench.dial("*776*1234#", 5))
    assert "Belum ada transaksi." in bench.dial("*774*1234#", 5)
    bench.wait(15)
    assert re.search(r"Anda Rp[ .]?489\.?850 per", bench.dial("*776*1234#", 5))
    assert "081200000012 10 OK" in bench.dial("*774*1234#", 5)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [("doubled_reply", 2), ("not_done_no_reply", 0), ("late_sms", 1), ("operator_busy", 1)],
)
def test_faults_of_an_sms_channel(kind: str, texts: int) -> None:
    bench = Bench(rack("wavecom", "xl", f'[[fault]]\nat_order = 1\nkind = "{kind}"'))
    bench.send_sms("168", "BAGI 081700000012 10 1234", 15)
    if kind == "late_sms":
        assert bench.texts() == []
    bench.wait(150)
    assert len(bench.texts()) == texts
    assert attempt(bench)[2] == kind


def test_garbled_sms_is_whole_when_read_again() -> None:
    bench = Bench(rack("wavecom", "xl", '[[fault]]\nat_order = 1\nkind = "garbled_line"'))
    bench.send_sms("168", "BAGI 081700000012 10 1234", 30)
    assert not bench.say("AT+CMGL=4").isascii() or "\0" in bench.heard.decode("latin-1")
    assert bench.say("AT+CMGL=4").isascii()


def test_schedule_counts_attempts_and_may_name_an_operator() -> None:
    fault = '[[fault]]\nat_order = 2\nkind = "operator_busy"\noperator = "telkomsel"'
    bench = Bench(rack("wavecom", "telkomsel", fault))
    for last in (12, 13, 14):
        bench.dial(f"*777*0812000000{last}*5*1234#")
    assert [entry["fault"] for entry in bench.entries("top_up")] == [None, "operator_busy", None]
