"""What others do to a chip at its operator: sell its stock, change its PIN, bar it."""

from tests.modems.simulator.virtual import STOCK, Bench, rack

TOP_UP = "*777*081200000012*10*1234#"


def bench() -> Bench:
    return Bench(rack("wavecom", "telkomsel"))


def test_stock_taken_is_in_the_books_and_never_more_than_there_is() -> None:
    one = bench()
    assert one.world.take_stock(one.modem.iccid, 120_000) == 120_000
    assert one.stock == STOCK - 120_000 == one.entries("stock")[-1]["stock"]
    assert one.world.take_stock(one.modem.iccid, 10**9) == STOCK - 120_000
    assert one.stock == 0
    assert one.world.take_stock(one.modem.iccid, 5) == 0
    amounts = [entry["amount"] for entry in one.entries("weather")]
    assert amounts == [120_000, STOCK - 120_000]
    assert one.weather() == [("stock_taken", one.modem.iccid)] * 2
    assert one.texts() == []


def test_a_changed_pin_is_refused_and_never_in_the_books() -> None:
    one = bench()
    one.world.change_chip_pin(one.modem.iccid, "8765")
    assert "PIN yang Anda masukkan salah." in one.dial(TOP_UP)
    assert "081200000012" in one.dial(TOP_UP.replace("1234", "8765"))
    assert one.weather() == [("pin_changed", one.modem.iccid)]
    assert "8765" not in "".join(one.lines)


def test_a_barred_chip_sells_again_when_the_bar_is_lifted() -> None:
    one = bench()
    one.world.bar(one.modem.iccid)
    assert "diblokir" in one.dial(TOP_UP)
    one.world.unbar(one.modem.iccid)
    assert "081200000012" in one.dial(TOP_UP)
    assert [fault for fault, _ in one.weather()] == ["chip_barred", "chip_unbarred"]
    assert [entry["reason"] for entry in one.entries("top_up")] == ["CHIP_BARRED", None]


def test_a_bar_from_wrong_pins_can_be_lifted_too() -> None:
    one = bench()
    for _ in range(3):
        one.dial("*776*9999#")
    assert "diblokir" in one.dial(TOP_UP)
    one.world.unbar(one.modem.iccid)
    assert "salah" in one.dial("*776*9999#")
    assert "081200000012" in one.dial(TOP_UP)
