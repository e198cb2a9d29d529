"""The truth adds up, whatever happens, and the same seed makes the same truth."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.modems.simulator.virtual import STOCK, Bench, rack

MIX = """
[fault_mix]
done_no_reply = 0.08
not_done_no_reply = 0.08
late_sms = 0.08
doubled_reply = 0.08
foreign_reply = 0.08
garbled_line = 0.08
hang = 0.08
urc_storm = 0.08
stock_in = 0.08
operator_busy = 0.08
late_booking = 0.08
unplug = 0.08
"""
WEATHER = """
[sms_mix]
delayed = 0.2
delayed_seconds = [60, 300]
doubled = 0.2
stale_stamp = 0.5
[menu_mix]
lost = 0.1
unparsed = 0.1
unexpected = 0.1
ended = 0.1
refused = 0.1
"""

orders = st.lists(
    st.tuples(
        st.sampled_from(["12", "13", "14", "00", "01"]),
        st.sampled_from([5, 10, 25, 100, 7]),
        st.sampled_from(["1234"] * 9 + ["9999"]),
        st.floats(1, 400),
    ),
    max_size=12,
)


def work(bench: Bench, todo: list[tuple[str, int, str, float]]) -> None:
    for ending, denomination, pin, pause in todo:
        bench.say("AT+CUSD=2")
        bench.dial(f"*777*0812000000{ending}*{denomination}*{pin}#", pause)
    bench.wait(300)
    bench.world.close()


@settings(max_examples=60, deadline=None)
@given(orders, st.integers(0, 10**6))
def test_stock_is_what_the_books_add_up_to(
    todo: list[tuple[str, int, str, float]], seed: int
) -> None:
    bench = Bench(rack("wavecom", "telkomsel", MIX), seed)
    work(bench, todo)
    spent = sum(entry["cost"] for entry in bench.entries("top_up") if entry["delivered"])
    received = sum(entry["amount"] for entry in bench.entries("stock_in"))
    final = bench.entries("stock")[-1]
    assert final["final"] and final["stock"] == bench.stock == STOCK + received - spent
    assert bench.stock >= 0
    for entry in bench.entries("top_up"):
        assert entry["delivered"] == (entry["reason"] is None) == bool(entry["serial_number"])
    done = [entry["serial_number"] for entry in bench.entries("top_up") if entry["delivered"]]
    assert len(set(done)) == len(done)


@settings(max_examples=15, deadline=None)
@given(orders, st.integers(0, 10**6))
def test_same_seed_same_truth(todo: list[tuple[str, int, str, float]], seed: int) -> None:
    truths = []
    for _ in range(2):
        bench = Bench(rack("wavecom", "telkomsel", MIX + WEATHER), seed)
        work(bench, todo)
        bench.dial("*776*1234#", 100)
        bench.modem.lose_network(50)
        bench.dial("*774*1234#", 100)
        truths.append((bench.lines, bench.texts()))
    assert truths[0] == truths[1]


def test_faults_do_not_depend_on_timing() -> None:
    faults = []
    for pause in (5.0, 400.0):
        bench = Bench(rack("wavecom", "telkomsel", MIX), 7)
        work(bench, [(str(20 + number), 5, "1234", pause) for number in range(20)])
        faults.append([entry["fault"] for entry in bench.entries("top_up")])
    shorter = min(map(len, faults))
    assert shorter > 5 and faults[0][:shorter] == faults[1][:shorter]


def test_header_names_the_chips_without_their_pins() -> None:
    bench = Bench(rack("wavecom", "telkomsel"))
    header = json.loads(bench.lines[0])
    assert header["kind"] == "rack"
    assert header["chips"] == [
        {
            "iccid": "8962100000000000010",
            "operator": "telkomsel",
            "msisdn": "6281200000001",
            "stock": STOCK,
        }
    ]
    bench.dial("*777*081200000012*10*1234#")
    assert "1234#" not in "".join(bench.lines) and "1234" not in bench.lines[0]
    (entry,) = bench.entries("top_up")
    assert {key: entry[key] for key in ("operator", "chip", "destination", "denomination")} == {
        "operator": "telkomsel",
        "chip": "8962100000000000010",
        "destination": "6281200000012",
        "denomination": 10,
    }
    assert (entry["amount"], entry["cost"], entry["delivered"]) == (10_000, 10_150, True)
