"""USSD on the line: each spelling, each order of OK and answer, sessions and their ends."""

import re

import pytest

from pulsarack.modems.simulator.ussd_text import (
    from_packed_hex,
    from_ucs2_hex,
    to_packed_hex,
    to_ucs2_hex,
)
from tests.modems.simulator.virtual import STOCK, Bench, rack

TOP_UP = "*777*081200000012*10*1234#"


def cusd(heard: str) -> tuple[str, int, str, int]:
    """What stands before +CUSD, its status, its text, its dcs; chatter behind it is let be."""
    match = re.fullmatch(
        r'(.*?)\+CUSD: (\d),"(.*)",(\d+)\s*(?:OK\s*)?(?:\^\S+\s*)*', heard, re.DOTALL
    )
    assert match, heard
    return match[1], int(match[2]), match[3], int(match[4])


@pytest.mark.parametrize(("text", "packed"), [("*888#", "2A1C0E3702"), ("*100#", "AA180C3602")])
def test_packed_vectors(text: str, packed: str) -> None:
    assert to_packed_hex(text) == packed
    assert from_packed_hex(packed) == text


@pytest.mark.parametrize("length", range(1, 40))
def test_packed_texts_come_back(length: int) -> None:
    text = ("*123*0856^{}€" * 5)[:length]
    assert from_packed_hex(to_packed_hex(text)) == text


def test_seven_septets_are_padded_with_cr() -> None:
    assert to_packed_hex("1234567").endswith("1A")
    assert from_packed_hex("31D98C56B3DD1A") == "1234567"


@pytest.mark.parametrize("dialect", ["wavecom", "simcom-sim800"])
def test_plain_text_after_ok(dialect: str) -> None:
    bench = Bench(rack(dialect, "telkomsel"))
    before, status, text, dcs = cusd(bench.dial(TOP_UP))
    assert before.startswith("\r\nOK\r\n")
    assert status in (0, 2)
    assert "081200000012" in text and "489" in text
    assert dcs == (0 if dialect == "wavecom" else 15)
    assert bench.stock == STOCK - 10_150


def test_e1550_packed_after_ok_and_plain_refused() -> None:
    bench = Bench(rack("huawei-e1550", "telkomsel"))
    bench.say("AT+CMEE=1")
    assert bench.dial(TOP_UP, 0) == "\r\nERROR\r\n"
    before, _, text, dcs = cusd(bench.dial(to_packed_hex(TOP_UP)))
    assert before.startswith("\r\nOK\r\n") and "^" in before
    assert dcs == 15
    assert "081200000012" in (from_packed_hex(text) or "")


def test_e173_holds_the_port_until_the_answer() -> None:
    bench = Bench(rack("huawei-e173", "telkomsel"))
    bench.say("AT+CMEE=1;^CURC=0")
    assert bench.dial(TOP_UP) == "\r\n+CME ERROR: 304\r\n"
    heard = bench.dial(to_packed_hex(TOP_UP))
    assert heard.startswith("\r\n+CUSD: ") and heard.endswith("\r\nOK\r\n")
    assert "OK" not in heard[:-6]


def test_e173_gives_up_when_written_to_and_answers_later() -> None:
    bench = Bench(rack("huawei-e173", "telkomsel"))
    bench.say("AT^CURC=0")
    bench.dial(to_packed_hex(TOP_UP), 0.1)
    assert bench.say("AT") == "\r\nOK\r\n"
    assert bench.wait(10).startswith("\r\n+CUSD: ")


def test_m35_speaks_ucs2_with_dcs_15_until_told_gsm() -> None:
    bench = Bench(rack("quectel-m35", "telkomsel"))
    assert bench.dial("*776*1234#") == "\r\nERROR\r\n"
    _, _, text, dcs = cusd(bench.dial(to_ucs2_hex("*776*1234#")))
    assert dcs == 15
    assert (from_ucs2_hex(text) or "").startswith("Sisa stok Anda Rp")
    bench.say('AT+CSCS="GSM"')
    assert cusd(bench.dial("*776*1234#"))[2].startswith("Sisa stok Anda Rp")


def test_failures_are_cusd_4_or_an_error() -> None:
    sim800 = Bench(rack("simcom-sim800", "telkomsel"))
    assert sim800.dial("hello") == "\r\nOK\r\n\r\n+CUSD: 4\r\n"
    quectel = Bench(rack("quectel-m35", "telkomsel"))
    quectel.say('AT+CMEE=1;+CSCS="GSM"')
    assert quectel.dial("hello") == "\r\n+CME ERROR: 50\r\n"


def menu(bench: Bench, *inputs: str) -> str:
    heard = ""
    for text in ("*123#", *inputs):
        heard = cusd(bench.dial(text))[2]
    return heard


def test_menu_dialogue_to_the_end() -> None:
    bench = Bench(rack("wavecom", "indosat"))
    assert menu(bench) == "Menu Dealer\n1. Isi Pulsa\n2. Cek Stok\n3. Riwayat"
    assert cusd(bench.dial("1"))[1:3] == (1, "Masukkan nomor tujuan")
    assert cusd(bench.dial("085600000012"))[1:3] == (1, "Masukkan nominal (ribuan)")
    _, status, question, _ = cusd(bench.dial("10"))
    assert status == 1
    assert re.fullmatch(
        r"Isi pulsa Rp[ .]?10\.?000 ke 085600000012, harga Rp[ .]?10\.?150\. "
        r"Masukkan PIN untuk lanjut, 0 untuk batal",
        question,
    )
    assert bench.entries("top_up") == []
    _, status, text, _ = cusd(bench.dial("1234"))
    assert status in (0, 2) and "SUKSES" in text.upper()
    (entry,) = bench.entries("top_up")
    assert entry["delivered"] and entry["serial_number"] in text
    assert entry["destination"] == "6285600000012"
    assert re.search(r"085600000012 10 SUKSES " + entry["serial_number"], menu(bench, "3"))
    assert re.fullmatch(r"Stok Anda: Rp[ .]?489\.?850", menu(bench, "2"))


def test_cancel_before_the_commit_books_nothing() -> None:
    bench = Bench(rack("wavecom", "indosat"))
    menu(bench, "1", "085600000012", "10")
    assert bench.say("AT+CUSD=2") == "\r\nOK\r\n"
    assert bench.wait(60) == ""
    assert bench.entries("top_up") == [] and bench.stock == STOCK
    assert menu(bench).startswith("Menu")  # the session is really gone


def test_cancel_after_the_commit_does_not_undo_it() -> None:
    bench = Bench(rack("wavecom", "indosat"))
    menu(bench, "1", "085600000012", "10")
    bench.dial("1234", 0.1)
    assert bench.say("AT+CUSD=2", 30) == "\r\nOK\r\n"
    (entry,) = bench.entries("top_up")
    assert entry["delivered"] and bench.stock == STOCK - 10_150


def test_cancel_without_session_is_an_error_on_one_model_only() -> None:
    assert Bench(rack("huawei-e1550", "xl")).say("AT+CUSD=2") == "\r\nERROR\r\n"
    assert Bench(rack("huawei-e173", "xl")).say("AT+CUSD=2") == "\r\nOK\r\n"


def test_idle_session_is_ended_by_the_network() -> None:
    bench = Bench(rack("wavecom", "indosat"))
    menu(bench)
    assert bench.wait(100) == "\r\n+CUSD: 2\r\n"


def test_menu_failures_before_the_pin() -> None:
    bench = Bench(rack("wavecom", "indosat"))
    assert menu(bench, "1", "081200000012") == "Nomor tujuan salah."
    assert menu(bench, "1", "085600000000") == "Nomor tujuan salah."
    assert menu(bench, "1", "085600000012", "7") == "Nominal tidak tersedia."
    assert bench.entries("top_up") == []


def answer(bench: Bench, destination: str, denomination: int = 10, pin: str = "1234") -> str:
    return cusd(bench.dial(f"*777*{destination}*{denomination}*{pin}#"))[2]


def test_telkomsel_refusals() -> None:
    bench = Bench(rack("wavecom", "telkomsel"))
    assert answer(bench, "081200000100") == "Maaf, nomor 081200000100 tidak terdaftar."
    assert answer(bench, "085600000012") == "Maaf, nomor 085600000012 tidak terdaftar."
    assert answer(bench, "081200000101") == "Maaf, nomor 081200000101 sudah tidak aktif."
    assert answer(bench, "081200000012", 7).startswith("Maaf, operasi gagal")
    assert "081200000012" in answer(bench, "081200000012")
    assert answer(bench, "081200000012").startswith("Maaf, transaksi yang sama ke 081200000012")
    bench.wait(300)
    assert "081200000012" in answer(bench, "081200000012")
    for destination in ("081200000013", "081200000014", "081200000015", "081200000016"):
        answer(bench, destination, 100)
    assert answer(bench, "081200000017", 100) == "Maaf, stok Anda tidak mencukupi."
    reasons = [entry["reason"] for entry in bench.entries("top_up")]
    assert reasons == [
        "WRONG_NUMBER",
        "WRONG_NUMBER",
        "NUMBER_INACTIVE",
        "FORMAT_REJECTED",
        None,
        "REPEATED_TOO_SOON",
        None,
        *([None] * 4),
        "INSUFFICIENT_STOCK",
    ]


def test_three_wrong_pins_bar_the_chip() -> None:
    bench = Bench(rack("wavecom", "telkomsel"))
    for _ in range(3):
        assert answer(bench, "081200000012", pin="9999") == "PIN yang Anda masukkan salah."
    assert answer(bench, "081200000012") == "Kartu Anda diblokir."
    assert cusd(bench.dial("*776*1234#"))[2] == "Kartu Anda diblokir."


def test_history_lists_five_newest_first() -> None:
    bench = Bench(rack("wavecom", "telkomsel"))
    assert cusd(bench.dial("*774*1234#"))[2] == "Belum ada transaksi."
    for last in range(12, 18):
        answer(bench, f"0812000000{last}", 5)
    answer(bench, "081200000100", 20)
    serial = bench.entries("top_up")[5]["serial_number"]
    history = cusd(bench.dial("*774*1234#"))[2]
    assert re.match(
        rf"1\) 22/11 14:\d\d 081200000100 20 GAGAL; "
        rf"2\) 22/11 14:\d\d 081200000017 5 OK SN{serial}; 3\) ",
        history,
    )
    assert history.count(") ") == 5


def test_tri_one_shot() -> None:
    bench = Bench(rack("simcom-sim800", "tri"))
    text = cusd(bench.dial("*111*089500000012*10*1234#"))[2]
    assert re.fullmatch(
        r"11/22/2026 02:05PM (0|62)89500000001 has loaded 10\.00 Load\(P10,150\.00\) to "
        r"(0|62)89500000012\. New load wallet balance is P489,850\.00\. Ref:\d{9}",
        text,
    )
    assert cusd(bench.dial("*111*089500000000*10*1234#"))[2] == (
        "Sorry, 089500000000 is not a valid number."
    )
    assert re.fullmatch(
        r"You have P489,850\.00 in your AutoLoadMAX account\. Trace No: \d{8} "
        r"11/22/2026 02:\d\dPM\.",
        cusd(bench.dial("*112*1234#"))[2],
    )


def test_telkomsel_may_answer_by_sms() -> None:
    bench = Bench(rack("wavecom", "telkomsel", per_operator="process_share = 1"))
    bench.say("AT+CNMI=2,1,0,0,0")
    text = cusd(bench.dial(TOP_UP, 5))[2]
    assert text == "Permintaan isi ulang Anda sedang diproses. Tunggu SMS konfirmasi."
    assert '+CMTI: "SM",1' in bench.wait(60)
    ((sender, report),) = bench.messages()
    (entry,) = bench.entries("top_up")
    assert sender == "M-KIOS"
    assert report.startswith(
        f"Isi ulang 10 ke 081200000012 berhasil. SN: {entry['serial_number']}. Sisa stok Rp"
    )
