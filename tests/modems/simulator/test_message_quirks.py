"""What a simulated modem does wrong with its messages if told to, and networks with parts."""

import gammu
import pytest

from pulsarack.modems.simulator.errors import RackErrors
from pulsarack.modems.simulator.pdu import is_status_report, read_submit
from tests.modems.simulator.virtual import Bench, rack, submit_pdu

LONG = "x" * 200
QUIRKS = "[modem.quirks]\n"


def bench_of(extra: str, dialect: str = "huawei-e173", seed: int = 1) -> Bench:
    bench = Bench(rack(dialect, "xl", extra), seed)
    bench.say("AT^CURC=0")
    bench.say("AT+CNMI=1,1,0,0,0")
    return bench


def parts(bench: Bench) -> list[int]:
    """The place of each stored part, in the order in which they came."""
    found = []
    for _, stored in sorted(bench.modem.card.messages.items()):
        found.append(gammu.DecodePDU(bytes.fromhex(stored.pdu), True)["UDH"]["PartNumber"])
    return found


def test_a_listing_that_hangs_ends_without_a_word() -> None:
    bench = bench_of(QUIRKS + "listings = 2")
    bench.world.network.send_text(bench.modem.iccid, "168", "hello")
    bench.wait(20)
    for _ in range(2):
        assert bench.say("AT+CMGL=4").endswith("OK\r\n")
    assert bench.say("AT+CMGL=4", 60) == ""
    assert bench.write(b"\x1b\r") == "" and bench.say("AT") == "\r\nOK\r\n"
    assert bench.say("AT+CMGR=1").endswith("OK\r\n")
    bench.modem.power_on()
    bench.wait(20)
    assert bench.say("AT+CMGL=4").endswith("OK\r\n")


def test_a_store_that_hangs() -> None:
    bench = bench_of(QUIRKS + "listings = 0\nreading_hangs = true")
    assert bench.say("AT+CMGR=1").endswith("+CMS ERROR: 321\r\n")
    assert bench.say("AT+CMGL=4", 60) == bench.say("AT+CMGR=1", 60) == ""
    assert bench.say("AT") == "\r\nOK\r\n"


def test_indications_that_are_advertised_and_refused() -> None:
    bench = bench_of(QUIRKS + "no_indications = true")
    assert "(0,1,2,3)" in bench.say("AT+CNMI=?")
    assert bench.say("AT+CNMI=1,1,0,0,0") == "\r\n+CMS ERROR: 303\r\n"
    bench.world.network.send_text(bench.modem.iccid, "168", "hello")
    assert "+CMTI" not in bench.wait(20) and bench.texts() == ["hello"]


def test_an_index_that_is_not_told() -> None:
    bench = bench_of(QUIRKS + "index_unknown = true")
    bench.world.network.send_text(bench.modem.iccid, "168", "hello")
    assert '+CMTI: "SM",-1' in bench.wait(20)


def test_a_card_without_room_is_told_of_once_until_it_is_looked_at() -> None:
    bench = bench_of(QUIRKS + "places = 1")
    for number in range(3):
        bench.world.network.send_text(bench.modem.iccid, "168", f"text {number}", number)
    assert bench.wait(30).count('^SMMEMFULL: "SM"') == 1
    bench.say("AT+CMGL=4")
    bench.say("AT+CMGD=1")
    assert bench.wait(5).count('^SMMEMFULL: "SM"') == 1
    assert len(bench.texts()) == 1


@pytest.mark.parametrize(
    ("mix", "fault", "came"),
    [
        ("shuffled = 1.0", "sms_shuffled", {(2, 1)}),
        ("part_lost = 1.0", "sms_part_lost", {(1,), (2,)}),
        ("part_doubled = 1.0", "sms_part_doubled", {(1, 2, 1), (1, 2, 2)}),
    ],
)
def test_what_becomes_of_parts(mix: str, fault: str, came: set[tuple[int, ...]]) -> None:
    seen = set()
    for seed in range(12):
        bench = bench_of(f"[sms_mix]\n{mix}\n", seed=seed)
        bench.world.network.send_text(bench.modem.iccid, "168", LONG)
        bench.world.network.send_text(bench.modem.iccid, "168", "short")
        bench.wait(60)
        seen.add(tuple(part for part in parts(bench) if part > 0))
        assert bench.weather() == [(fault, bench.modem.iccid)]
    assert seen <= came | {(1, 2)} and seen & came


@pytest.mark.parametrize("extra", ["listings = -1", "places = 0", "reading_hangs = 1", "x = 1"])
def test_wrong_quirks_are_named(extra: str) -> None:
    with pytest.raises(RackErrors, match="quirks"):
        rack("wavecom", "xl", QUIRKS + extra)


@pytest.mark.parametrize(("ds", "head"), [(1, "+CDS: 2"), (2, '+CDSI: "SM",')])
def test_a_delivery_report(ds: int, head: str) -> None:
    bench = bench_of("")
    assert bench.say(f"AT+CNMI=1,1,0,{ds},0") == "\r\nOK\r\n"
    assert bench.say("AT+CNMI?").startswith(f"\r\n+CNMI: 1,1,0,{ds},0\r\n")
    pdu = submit_pdu("0812000000", "hello")
    wanted = "0021" + pdu[4:]
    bench.say(f"AT+CMGS={len(wanted) // 2 - 1}")
    heard = bench.write(wanted.encode() + b"\x1a", 20)
    assert "+CMGS: 1" in heard and head in heard
    stored = [one.pdu for one in bench.modem.card.messages.values()]
    said = heard.split(head)[1].split("\r\n")[1] if ds == 1 else stored[0]
    assert is_status_report(said)
    assert gammu.DecodePDU(bytes.fromhex(said), True)["MessageReference"] == 1


def test_an_order_in_two_parts_is_one_order() -> None:
    bench = bench_of("")
    text = "BAGI 081700000012 10 1234"
    for number, piece in ((2, text[10:]), (1, text[:10])):
        message = {
            "SMSC": {"Number": ""},
            "Number": "168",
            "Text": piece,
            "Coding": "Default_No_Compression",
            "Type": "Submit",
            "Class": -1,
            "Folder": 0,
            "UDH": {"Type": "UserUDH", "Text": bytes([5, 0, 3, 9, 2, number])},
        }
        octets = bytes(gammu.EncodePDU(message, "Submit"))
        tpdu = octets[1 + octets[0] :]
        assert read_submit("00" + tpdu.hex(), len(tpdu)).part == (9, 2, number)
        bench.say(f"AT+CMGS={len(tpdu)}")
        bench.write(b"00" + tpdu.hex().encode() + b"\x1a", 20)
    assert len(bench.entries("top_up")) == 1


def test_a_tilde_in_ucs2_is_a_tilde() -> None:
    """gammu takes it for a mark of one maker's telephones."""
    text = "ż~0~~"
    bench = bench_of("")
    bench.world.network.send_text(bench.modem.iccid, "168", text)
    bench.wait(20)
    [stored] = bench.modem.card.messages.values()
    assert stored.pdu.endswith(text.encode("utf-16-be").hex().upper())
    body = text.encode("utf-16-be").hex().upper()
    pdu = f"000100038161F80008{len(body) // 2:02X}{body}"
    assert read_submit(pdu, len(pdu) // 2 - 1).text == text
