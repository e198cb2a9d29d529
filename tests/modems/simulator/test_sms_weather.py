"""Texts that come hours late, twice, or in another order, with the stamps that networks give."""

from datetime import datetime

import gammu
import pytest

from tests.modems.simulator.virtual import Bench, rack

DELAYED = "[sms_mix]\ndelayed = 1.0\ndelayed_seconds = [600, 7200]\n"
DOUBLED = "[sms_mix]\ndoubled = 1.0\ndoubled_seconds = [60, 300]\n"


def texted(mix: str, seed: int = 1, texts: int = 1, seconds: float = 3600.0 * 6) -> Bench:
    bench = Bench(rack("wavecom", "telkomsel", mix), seed)
    for number in range(texts):
        bench.world.network.send_text(bench.modem.iccid, "168", f"text {number}", number)
    bench.wait(seconds)
    return bench


def stamps(bench: Bench) -> list[datetime]:
    found = []
    for stored in bench.modem.card.messages.values():
        message = gammu.DecodePDU(bytes.fromhex(stored.pdu), True)
        found.append(message["DateTime"])
    return found


def test_without_a_mix_nothing_happens() -> None:
    bench = texted("", texts=10)
    assert sorted(bench.texts()) == [f"text {number}" for number in range(10)]
    assert bench.weather() == []


def test_a_delayed_text_comes_late_with_its_stamp() -> None:
    soon, late = texted(""), texted(DELAYED, seconds=500)
    assert late.texts() == []
    assert late.weather() == [("sms_delayed", late.modem.iccid)]
    late.wait(7200)
    assert late.texts() == ["text 0"]
    assert stamps(late) == stamps(soon)


def test_a_text_delayed_before_the_service_centre_is_stamped_late() -> None:
    soon, late = texted(""), texted(DELAYED + "stale_stamp = 1.0")
    (entry,) = late.entries("weather")
    assert entry["stale_stamp"] and 600 <= entry["seconds"] <= 7200
    (normal,), (stamp,) = stamps(soon), stamps(late)
    assert abs((stamp - normal).total_seconds() - entry["seconds"]) <= 1


def test_a_doubled_text_comes_again_as_a_text_of_its_own() -> None:
    kept = set()
    for seed in range(20):
        bench = texted(DOUBLED, seed, seconds=50)
        assert bench.texts() == ["text 0"]
        bench.wait(400)
        assert bench.messages() == [("168", "text 0")] * 2
        first, again = stamps(bench)
        (entry,) = bench.entries("weather")
        assert entry["fault"] == "sms_doubled" and entry["stamp_kept"] == (first == again)
        assert first <= again
        kept.add(first == again)
    assert kept == {True, False}


def test_late_texts_are_overtaken_and_none_is_lost() -> None:
    bench = texted("[sms_mix]\ndelayed = 0.5\ndoubled = 0.3", seed=3, texts=20)
    texts = bench.texts()
    assert set(texts) == {f"text {number}" for number in range(20)}
    # The last one sent comes before one that was sent a while before it.
    assert texts.index("text 19") < max(texts.index(f"text {number}") for number in range(10))
    faults = [fault for fault, _ in bench.weather()]
    assert faults.count("sms_doubled") == len(texts) - 20 > 0
    assert 4 <= faults.count("sms_delayed") <= 16


def test_a_delayed_text_waits_for_a_modem_that_is_away() -> None:
    bench = texted(DELAYED, seconds=500)
    bench.modem.power_cut(7200)
    bench.wait(7200)
    assert bench.texts() == []
    bench.wait(60)
    assert bench.texts() == ["text 0"]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_fate_of_a_text_does_not_depend_on_the_time(seed: int) -> None:
    mix = "[sms_mix]\ndelayed = 0.3\ndoubled = 0.3\nstale_stamp = 0.5"
    told = []
    for pause in (1.0, 500.0):
        bench = Bench(rack("wavecom", "telkomsel", mix), seed)
        for number in range(20):
            bench.world.network.send_text(bench.modem.iccid, "168", f"text {number}")
            bench.wait(pause)
        told.append([{**entry, "at": 0} for entry in bench.entries("weather")])
    assert told[0] == told[1] and len(told[0]) > 4


def test_the_latencies_of_the_air_are_not_touched() -> None:
    """A mix that draws but hardly ever strikes leaves the world as it was."""
    heard = []
    for mix in ("", "[sms_mix]\ndelayed = 1e-12\n[menu_mix]\nlost = 1e-12"):
        bench = Bench(rack("wavecom", "telkomsel", mix), 5)
        bench.say("AT+CNMI=2,2,0,0,0")
        for number in range(20):
            bench.world.network.send_text(bench.modem.iccid, "168", f"text {number}", number)
        heard.append((bench.dial("*776*1234#", 5), bench.wait(100), bench.lines))
    assert heard[0] == heard[1]
