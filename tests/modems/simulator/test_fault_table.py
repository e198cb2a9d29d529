"""Every kind of fault at every operator: which pairs strike, and that each is seen outside.

A pair that strikes is in the books under its name, and changes what the modem says, what it
stores, or what a question for the stock shows; one that does not apply leaves the world alone.
"""

import pytest

from pulsarack.modems.simulator.faults import FaultKind
from tests.modems.simulator.virtual import CHIPS, Bench, rack

SEEDS = range(12)
# A reply in two texts marked 1/2 and 2/2 is the way of one operator only.
NOT_APPLICABLE = {(operator, FaultKind.SPLIT_REPLY) for operator in ("telkomsel", "indosat", "tri")}
STEPS = {
    "telkomsel": (["*777*081200000012*10*1234#"], ["*776*1234#"]),
    "indosat": (["*123#", "1", "085600000012", "10", "1234"], ["*123#", "2"]),
    "tri": (["*111*089500000012*10*1234#"], ["*112*1234#"]),
}
Seen = tuple[str, list[str], int]


def seen(operator: str, mix: str, seed: int) -> tuple[Seen, list[str | None]]:
    """What a top-up and a look at the stock soon after show, and the faults in the books."""
    bench = Bench(rack("wavecom", operator, mix), seed)
    heard = ""
    if operator == "xl":
        heard += bench.send_sms("168", "BAGI 081700000012 10 1234", 9)
        if bench.modem.reachable:
            heard += bench.send_sms("168", "SALDO 1234", 5)
    else:
        top_up, look = STEPS[operator]
        heard += "".join(bench.dial(text, 5) for text in top_up)
        heard += bench.say("AT+CUSD=2", 1)
        heard += "".join(bench.dial(text, 5) for text in look)
    heard += bench.wait(200) + bench.say("AT+CMGL=4")
    faults = [entry["fault"] for entry in bench.entries("top_up")]
    return (heard, bench.texts(), bench.stock), faults


@pytest.mark.parametrize("operator", CHIPS)
@pytest.mark.parametrize("kind", FaultKind)
def test_each_kind_strikes_where_it_applies(operator: str, kind: FaultKind) -> None:
    differ = 0
    for seed in SEEDS:
        calm, none = seen(operator, "", seed)
        struck, faults = seen(operator, f"[fault_mix]\n{kind.value} = 1.0", seed)
        assert none == [None]
        if (operator, kind) in NOT_APPLICABLE:
            assert faults == [None] and struck == calm
        else:
            assert faults == [kind.value]
        differ += struck != calm
    assert (differ > 0) == ((operator, kind) not in NOT_APPLICABLE)


@pytest.mark.parametrize("operator", CHIPS)
@pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.UNPLUG])
def test_hands_on_the_modem_strike_done_and_undone(operator: str, kind: FaultKind) -> None:
    stocks = {seen(operator, f"[fault_mix]\n{kind.value} = 1.0", seed)[0][2] for seed in SEEDS}
    assert len(stocks) == 2


@pytest.mark.parametrize("operator", CHIPS)
def test_a_done_top_up_is_reported_or_not(operator: str) -> None:
    """Silence about a sale is broken by a late SMS, or never: both must be met."""
    mix = "[fault_mix]\ndone_no_reply = 1.0"
    reported = {
        any("0000012" in text for text in seen(operator, mix, seed)[0][1]) for seed in SEEDS
    }
    assert reported == {True, False}
