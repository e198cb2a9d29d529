"""SMS on the line: the prompt, the store, the indications, and XL's whole channel."""

import re
from datetime import datetime, timedelta, timezone

import gammu
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems.simulator.pdu import deliver_pdus, read_submit, split_text
from tests.modems.simulator.virtual import STOCK, Bench, rack, submit_pdu

WHEN = datetime(2026, 11, 22, 14, 5, 6, tzinfo=timezone(timedelta(hours=7)))
ORDER = "BAGI 081700000012 10 1234"


def xl(dialect: str = "wavecom", extra: str = "") -> Bench:
    bench = Bench(rack(dialect, "xl", extra))
    bench.say("AT^CURC=0")
    bench.say("AT+CMGF=0")
    bench.say("AT+CNMI=1,1,0,0,0")
    return bench


def test_deliver_octets() -> None:
    assert deliver_pdus("168", "abc", WHEN, 1) == [
        "07912618010000F0" + "04" + "038161F8" + "0000" + "62112241506082" + "0361F118"
    ]


@given(
    st.text(st.characters(codec="utf-16-be", exclude_categories=["Cc", "Cs", "Cn"]), max_size=400)
)
def test_nothing_of_a_text_is_lost_in_parts(text: str) -> None:
    parts = split_text(text, gsm=False)
    assert "".join(parts) == text
    assert all(len(part.encode("utf-16-be")) <= 140 for part in parts)


def test_long_text_is_concatenated() -> None:
    pdus = deliver_pdus("M-KIOS", "x" * 200, WHEN, 7)
    headers = [gammu.DecodePDU(bytes.fromhex(pdu), True)["UDH"]["Text"] for pdu in pdus]
    assert headers == [bytes([5, 0, 3, 7, 2, 1]), bytes([5, 0, 3, 7, 2, 2])]


def test_submit_is_read() -> None:
    pdu = submit_pdu("168", ORDER)
    submit = read_submit(pdu, len(pdu) // 2 - 1)
    assert (submit.to, submit.text, submit.part) == ("168", ORDER, None)


@pytest.mark.parametrize(
    ("dialect", "prompt"),
    [("wavecom", "\r\n> "), ("huawei-e173", "\r\n> "), ("quectel-m35", "\r\n> ")],
)
def test_order_by_sms(dialect: str, prompt: str) -> None:
    bench = xl(dialect)
    pdu = submit_pdu("168", ORDER)
    assert bench.say(f"AT+CMGS={len(pdu) // 2 - 1}") == prompt
    heard = bench.write(pdu.encode() + b"\x1a", 5)
    assert heard.startswith("\r\n+CMGS: 1\r\n\r\nOK\r\n")
    assert '+CMTI: "SM",1' in heard + bench.wait(10)
    ((sender, text),) = bench.messages()
    (entry,) = bench.entries("top_up")
    assert sender == "168"
    assert re.fullmatch(
        r"22Nov 14:?05: (0|62)81700000001 has loaded LOAD 10 \(P10,150\.00\) to 081700000012\. "
        rf"New Load Wallet Balance:P489,850\.00\. Ref:{entry['serial_number']}",
        text,
    )
    assert bench.stock == STOCK - 10_150


def test_escape_leaves_the_prompt_and_sends_nothing() -> None:
    bench = xl()
    pdu = submit_pdu("168", ORDER)
    bench.say(f"AT+CMGS={len(pdu) // 2 - 1}")
    assert bench.write(pdu.encode() + b"\x1b", 60) == "\r\nOK\r\n"
    assert bench.say("AT") == "\r\nOK\r\n"
    assert bench.entries("top_up") == []


def test_wrong_length_and_rubbish_are_refused() -> None:
    bench = xl()
    pdu = submit_pdu("168", ORDER)
    for length, body in ((5, pdu), (len(pdu) // 2 - 1, "zz"), (12, "00" * 13)):
        bench.say(f"AT+CMGS={length}")
        assert bench.write(body.encode() + b"\x1a", 10) == "\r\n+CMS ERROR: 304\r\n"


def test_split_report_in_two_texts() -> None:
    bench = xl(extra='[[fault]]\nat_order = 1\nkind = "split_reply"')
    bench.send_sms("168", ORDER, 40)
    (entry,) = bench.entries("top_up")
    first, second = sorted(bench.texts())
    assert re.fullmatch(
        r"1/2 22-Nov 14:05:6281700000001 has loaded SMARTLoad All Text 10 \(P10,150\.00\) to "
        r"081700000012\. Your new Load Wallet Balance is P489,850\.00\.",
        first,
    )
    assert second.startswith("2/2 ") and second.endswith(f"Ref:{entry['serial_number']}")
    assert entry["fault"] == "split_reply"


def test_stock_and_refusals_by_sms() -> None:
    bench = xl()
    bench.send_sms("168", "SALDO 1234", 30)
    bench.send_sms("168", "BAGI 081700000000 10 1234", 30)
    bench.send_sms("168", "SALDO 9999", 30)
    bench.send_sms("081200000012", "hello", 30)
    assert [re.sub(r"\d{12}$", "REF", text) for text in bench.texts()] == [
        "22Nov 14:05: 081700000001 Load Wallet Balance: P500,000.00. Ref:REF",
        bench.texts()[1][:-12] + "REF",
        bench.texts()[2][:-12] + "REF",
    ]
    assert "Sorry, 081700000000 is not a valid number. Ref:" in bench.texts()[1]
    assert "Sorry, invalid PIN. Ref:" in bench.texts()[2]
    assert bench.world.network.sent[-1].submit.text == "hello"


def test_store_is_listed_read_and_deleted() -> None:
    bench = xl("quectel-m35")
    bench.send_sms("168", "SALDO 1234", 30)
    pdu = bench.modem.card.messages[1].pdu
    length = len(pdu) // 2 - 8
    assert bench.say("AT+CMGL=4") == f"\r\n+CMGL: 1,0,,{length}\r\n{pdu}\r\n\r\nOK\r\n"
    assert bench.say("AT+CMGL=0") == "\r\nOK\r\n"
    assert bench.say("AT+CMGR=1") == f"\r\n+CMGR: 1,,{length}\r\n{pdu}\r\n\r\nOK\r\n"
    assert bench.say('AT+CPMS="SM","SM","SM"') == "\r\n+CPMS: 1,30,1,30,1,30\r\n\r\nOK\r\n"
    assert bench.say("AT+CMGD=1") == "\r\nOK\r\n"
    assert bench.say("AT+CMGR=1") == "\r\n+CMS ERROR: 321\r\n"
    assert bench.say("AT+CPMS?").startswith('\r\n+CPMS: "SM",0,30,')


def test_wavecom_takes_fewer_stores() -> None:
    bench = xl()
    assert bench.say('AT+CPMS="SM","SM"') == "\r\n+CPMS: 0,50,0,50\r\n\r\nOK\r\n"
    assert bench.say('AT+CPMS="SM","SM","SM"') == "\r\nERROR\r\n"


def test_huawei_refuses_an_indication_mode_it_advertises() -> None:
    assert xl("huawei-e173").say("AT+CNMI=2,1,0,0,0") == "\r\n+CMS ERROR: 303\r\n"


def test_a_full_sim_makes_the_network_wait() -> None:
    bench = xl("simcom-sim800")
    for number in range(17):
        bench.world.network.send_text(bench.modem.iccid, "168", f"text {number}", number)
    bench.wait(60)
    assert len(bench.texts()) == 15
    bench.say("AT+CMGD=3")
    bench.wait(5)
    assert len(bench.texts()) == 15 and bench.modem.card.messages[3]
    bench.say("AT+CMGD=1,4")
    bench.wait(5)
    assert len(bench.texts()) == 1


def test_messages_wait_for_an_absent_modem_and_survive_its_restart() -> None:
    bench = xl("huawei-e173")
    bench.world.network.send_text(bench.modem.iccid, "168", "before")
    bench.wait(10)
    bench.say("AT+CFUN=1,1", 1)
    bench.world.network.send_text(bench.modem.iccid, "168", "meanwhile")
    bench.wait(8)
    assert bench.texts() == ["before"]
    bench.wait(30)
    assert bench.texts() == ["before", "meanwhile"]


def test_stock_in_text() -> None:
    bench = xl()
    bench.world.give_stock(bench.modem.iccid, 1_000_000, "639000000000")
    bench.wait(20)
    (text,) = bench.texts()
    assert re.fullmatch(
        r"22Nov 14:05: P1,000,000\.00 is loaded to Load Wallet of 081700000001 from DEALER 18 "
        r"639000000000\.New Balance:P1,500,000\.00 Ref:\d{12}",
        text,
    )
    assert bench.entries("stock_in")[0]["amount"] == 1_000_000
