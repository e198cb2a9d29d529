"""What one seed draws: a rack, a workload, weather and crashes. The whole history follows.

Nothing here looks at the product. Shares and counts are wide on purpose: some seeds are
calm and long, some are short and every second order meets a fault.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from types import MappingProxyType

from pulsarack.modems.simulator.faults import FaultKind, FaultPlan
from pulsarack.modems.simulator.menu_weather import MenuMix
from pulsarack.modems.simulator.rack import DIALECTS as EVERY_DIALECT
from pulsarack.modems.simulator.rack import Rack
from pulsarack.modems.simulator.sms_weather import SmsMix
from tests.daemon.world import CODES, rack_plan
from tests.simulation import bulk_plan, network_plan, texts_plan
from tests.simulation.crashes import CrashPoint
from tests.simulation.network_plan import Act
from tests.simulation.texts_plan import NOBODY_WRITES, Texts

DIALECTS = ("wavecom", "huawei-e1550", "huawei-e173", "quectel-m35", "simcom-sim800")
OPERATORS = ("telkomsel", "indosat", "xl", "tri")
NUMBERS = MappingProxyType(
    {
        "telkomsel": "0812000000",
        "indosat": "0856000000",
        "xl": "0817000000",
        "tri": "0895000000",
    }
)
# The only one that is sold to by SMS: there alone are message bodies.
SELLS_BY_SMS = "xl"
# The last two digits of customers: few, so that equal orders meet; 00 and 01 are refused.
CUSTOMERS = ("10", "11", "12", "13", "14", "15", "16", "17")
REFUSED = ("00", "01")
# What the denominations cost us, rupiah: one is the sum of others.
COSTS = MappingProxyType({5: 5_125, 10: 10_250, 20: 20_100})
HOUR = 3600.0
# A product that no operator of the rack knows: they reject the form of the request.
ODD_DENOMINATION = 15


class Storm(StrEnum):
    """Weather that strikes from outside, at a drawn time."""

    UNPLUG = "unplug"
    RENAME = "rename"
    EXCHANGE_PLACES = "exchange places"
    SWAP_CARDS = "swap cards"
    SWAP_CARDS_SILENTLY = "swap cards silently"
    TAKE_CARD = "take card"
    LOSE_NETWORK = "lose network"
    STEP_CLOCK = "step clock"
    STOCK_IN = "stock in"
    STOCK_TAKEN = "stock taken"
    SOLD_ELSEWHERE = "sold elsewhere"
    PIN_CHANGED = "pin changed"
    BAR = "bar"
    JUNK_SMS = "junk sms"
    CHIP_RESTED = "chip rested"
    PRICE_CHANGED = "price changed"
    ADMIN_ERRS = "admin errs"
    CLEARED_UP = "cleared up"
    STOP = "stop"


# How often each strikes beside the others; the last of a list break a chip for good.
STORMS = MappingProxyType(
    {
        Storm.UNPLUG: 6,
        Storm.RENAME: 4,
        Storm.EXCHANGE_PLACES: 4,
        Storm.SWAP_CARDS: 5,
        Storm.SWAP_CARDS_SILENTLY: 5,
        Storm.TAKE_CARD: 3,
        Storm.LOSE_NETWORK: 6,
        Storm.STEP_CLOCK: 6,
        Storm.STOCK_IN: 5,
        Storm.STOCK_TAKEN: 6,
        Storm.SOLD_ELSEWHERE: 8,
        Storm.PIN_CHANGED: 6,
        Storm.BAR: 2,
        Storm.JUNK_SMS: 6,
        Storm.CHIP_RESTED: 2,
        Storm.PRICE_CHANGED: 5,
        Storm.ADMIN_ERRS: 4,
        Storm.CLEARED_UP: 4,
        Storm.STOP: 3,
    }
)
NO_PAUSE = "pause_seconds = 0.0\n"
# Of so many seeds, one has operators so quick that the card was seen just now when a chip goes on
# to its next order: the first step of theirs moves the money, chips need no pause, and all orders,
# storms and crashes come within a minute, so that many orders wait.
QUICK_EVERY = 8
QUICK_OPERATORS = ("telkomsel", "tri")
QUICK_USSD = (0.02, 0.3)
QUICK_SECONDS = 60.0


@dataclass(frozen=True)
class PlannedReversal:
    """A success is taken back. `said`: with the word that the operator gives the stock back.

    It does so `returned_after` seconds later, unannounced, or never (None).
    """

    after: float
    said: bool
    returned_after: float | None


@dataclass(frozen=True)
class PlannedOrder:
    """One order. `reference` None: a text whose natural key makes a repeat harmless."""

    at: float
    agent: str
    product: str
    destination: str
    repeat_index: int
    reference: str | None
    sent_again_after: float | None = None
    cancelled_after: float | None = None
    reversal: PlannedReversal | None = None


@dataclass(frozen=True)
class PlannedStorm:
    """Weather at a time; `chip` and `other` are modems by number, `amount` is the storm's own."""

    at: float
    storm: Storm
    modem: int
    other: int
    amount: float


@dataclass(frozen=True)
class PlannedCrash:
    """Arm this at that time; the daemon is started again `down` seconds after it died."""

    at: float
    point: CrashPoint
    count: int
    down: float


@dataclass(frozen=True)
class Plan:
    """Everything that a seed decides beforehand."""

    seed: int
    rack: Rack
    faults: dict[FaultKind, float]
    settings: str
    pauses: bool
    agents: tuple[str, ...]
    deposit: int
    orders: tuple[PlannedOrder, ...]
    storms: tuple[PlannedStorm, ...]
    crashes: tuple[PlannedCrash, ...]
    seconds: float
    watch_returns: bool = False
    network: tuple[Act, ...] = ()
    texts: Texts = NOBODY_WRITES
    bulk: tuple[bulk_plan.Request, ...] = ()


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    rng = Random(f"plan/{seed}")
    chips = [
        (rng.choice(DIALECTS), rng.choice(OPERATORS)) for _ in range(rng.choice((1, 2, 3, 4, 4, 5)))
    ]
    seconds = HOUR * rng.choice((0.05, 0.1, 0.1, 0.2, 0.2, 0.3, 0.5, 1.0, 3.0))
    quick = seed % QUICK_EVERY == 0
    if quick:
        chips = [(dialect, QUICK_OPERATORS[OPERATORS.index(one) % 2]) for dialect, one in chips]
    busy_seconds = QUICK_SECONDS if quick else seconds
    agents = tuple(f"kios{n}" for n in range(1, rng.randrange(2, 6)))
    everybody = bulk_plan.joined(seed, agents)
    faults = _faults(rng)
    rack, settings = _rack(rng, chips, faults), _settings(rng)
    if quick:
        latencies = dataclasses.replace(rack.latencies, ussd=QUICK_USSD)
        rack = dataclasses.replace(rack, latencies=latencies)
        settings = settings.replace("pause_seconds = 20.0\n", NO_PAUSE)
    return Plan(
        seed=seed,
        rack=rack,
        faults=faults,
        settings=settings,
        # Where the configuration wants none, a chip that pauses does so for its operator.
        pauses=NO_PAUSE not in settings or (not quick and Random(f"pauses/{seed}").random() < 0.5),
        agents=everybody,
        deposit=rng.choice((150_000, 1_000_000, 20_000_000)),
        orders=tuple(_orders(rng, chips, agents, busy_seconds)),
        storms=tuple(_storms(rng, len(chips), busy_seconds)),
        crashes=tuple(_crashes(rng, chips, busy_seconds)),
        seconds=seconds,
        network=network_plan.draw(seed, everybody, _sold(chips), seconds),
        texts=texts_plan.draw(
            seed, agents, seconds, uplines=seed % network_plan.EVERY == network_plan.RESIDUE
        ),
        bulk=bulk_plan.draw(seed, _sold_to(chips), CUSTOMERS, busy_seconds),
    )


def _sold(chips: Sequence[tuple[str, str]]) -> list[tuple[str, int]]:
    """The products of the chips' operators, and what each costs."""
    operators = sorted({operator for _, operator in chips})
    return [(f"{CODES[name]}{size}", cost) for name in operators for size, cost in COSTS.items()]


def _sold_to(chips: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The products of the chips' operators, and how the numbers begin that they are sold to."""
    operators = sorted({operator for _, operator in chips})
    return [(f"{CODES[name]}{size}", NUMBERS[name]) for name in operators for size in COSTS]


# What a technician does to a rack that sells on meanwhile, and how often beside the rest.
AT_THE_RACK = MappingProxyType(
    {
        Storm.UNPLUG: 4,
        Storm.RENAME: 4,
        Storm.EXCHANGE_PLACES: 3,
        Storm.SWAP_CARDS: 2,
        Storm.TAKE_CARD: 1,
    }
)
PLUGGING_SECONDS = 240.0


def plug_and_unplug(seed: int, modems: int = 64) -> Plan:
    """A large rack under load whose modems and cards are pulled, put back and moved at random.

    The operators are as reliable as they are; what goes wrong here is done by hand.
    """
    rng = Random(f"plugging/{seed}")
    chips = [(rng.choice(EVERY_DIALECT), rng.choice(OPERATORS)) for _ in range(modems)]
    rack = _rack(rng, chips, {})
    rack = dataclasses.replace(rack, menu_mix=MenuMix(), sms_mix=SmsMix())
    return Plan(
        seed=seed,
        rack=rack,
        faults={},
        settings=(
            "[orders]\ntime_limit_seconds = 600.0\n"
            "[chips]\nreserve = 0\npause_seconds = 0.0\nper_hour = 100\npoll_sms_seconds = 30.0\n"
            "[resolution]\ngive_up_after_seconds = 7200.0\n"
        ),
        pauses=False,
        agents=tuple(f"kios{n}" for n in range(1, 9)),
        deposit=20_000_000,
        orders=tuple(_stream(rng, chips, count=14 * modems, seconds=PLUGGING_SECONDS)),
        storms=tuple(
            sorted(
                (_storm(rng, AT_THE_RACK, modems, PLUGGING_SECONDS) for _ in range(2 * modems)),
                key=lambda one: one.at,
            )
        ),
        crashes=tuple(_crashes(rng, chips, PLUGGING_SECONDS)),
        seconds=PLUGGING_SECONDS,
        watch_returns=True,
    )


def _faults(rng: Random) -> dict[FaultKind, float]:
    calm = rng.random() < 0.15
    found = {
        kind: 0.0 if calm or rng.random() < 0.3 else rng.uniform(0.0, 0.14) for kind in FaultKind
    }
    total = sum(found.values())
    return {kind: share * min(1.0, 0.75 / total) if total else 0.0 for kind, share in found.items()}


def _rack(rng: Random, chips: list[tuple[str, str]], faults: dict[FaultKind, float]) -> Rack:
    stocks = [rng.choice((60_000, 400_000, 1_000_000, 5_000_000)) for _ in chips]
    text = ""
    if rng.random() < 0.7:
        text += (
            f"[sms_mix]\ndelayed = {rng.uniform(0, 0.1):.3f}\n"
            f"doubled = {rng.choice((0.02, 0.1, 0.3)):.3f}\n"
            f"stale_stamp = {rng.choice((0.0, 0.5, 1.0))}\n"
            f"delayed_seconds = [60, {rng.choice((600, 3600, 14400))}]\n"
        )
    if rng.random() < 0.7:
        kinds = ("lost", "unparsed", "unexpected", "ended", "refused")
        text += "[menu_mix]\n" + "".join(f"{k} = {rng.uniform(0, 0.04):.3f}\n" for k in kinds)
    rack = rack_plan(*chips, faults=text, stocks=stocks)
    modems = tuple(
        dataclasses.replace(
            modem,
            # Eight digits, so that a PIN in the wrong place is no coincidence.
            chip=dataclasses.replace(
                modem.chip,
                chip_pin=f"{rng.randrange(10**7, 10**8)}",
                per_day=rng.choice((1000, 1000, 1000, 6)),
            ),
        )
        for modem in rack.modems
    )
    operators = {
        name: dataclasses.replace(
            operator,
            costs=COSTS,
            repeat_window_seconds=rng.choice((0.0, 300.0, 300.0)),
            # Always less than what the recipes hold for settled.
            late_booking_seconds=(5.0, rng.choice((30.0, 100.0))),
        )
        for name, operator in rack.operators.items()
    }
    return dataclasses.replace(
        rack, modems=modems, operators=operators, faults=FaultPlan((), faults)
    )


def _settings(rng: Random) -> str:
    reserve = rng.choice((0, 0, 20_000))
    return (
        f"[orders]\ntime_limit_seconds = {rng.choice((200.0, 600.0, 600.0, 900.0))}\n"
        f"[chips]\nreserve = {reserve}\npoll_sms_seconds = {rng.choice((30.0, 120.0, 300.0))}\n"
        f"stock_check_seconds = {rng.choice((600.0, 3600.0))}\n"
        f"pause_seconds = {rng.choice((0.0, 0.0, 20.0))}\n"
        f"per_hour = {rng.choice((6, 100, 100, 100, 100, 100))}\n"
        "[resolution]\ngive_up_after_seconds = 7200.0\n"
    )


def _orders(
    rng: Random, chips: list[tuple[str, str]], agents: tuple[str, ...], seconds: float
) -> list[PlannedOrder]:
    operators = [operator for _, operator in chips]
    found = []
    at = 0.0
    count = rng.randrange(6, 12 + 7 * len(chips))
    burst, alike = rng.random(), rng.choice((0.0, 0.2, 0.6))
    product = destination = ""
    for number in range(count):
        if rng.random() > burst:
            at += rng.expovariate(count / seconds)
        if not product or rng.random() > alike:
            operator = rng.choice(operators if rng.random() < 0.97 else OPERATORS)
            ending = rng.choice(REFUSED if rng.random() < 0.06 else CUSTOMERS)
            odd = rng.random() < 0.03
            product = f"{CODES[operator]}{ODD_DENOMINATION if odd else rng.choice((5, 5, 10, 20))}"
            destination = NUMBERS[operator] + ending
        found.append(
            PlannedOrder(
                at=at,
                agent=rng.choice(agents),
                product=product,
                destination=destination,
                repeat_index=rng.choice((1, 1, 2, 3, 4, 5, 6)),
                reference=None if rng.random() < 0.3 else f"r{number}",
                sent_again_after=rng.uniform(0, 400) if rng.random() < 0.2 else None,
                cancelled_after=rng.uniform(0, 90) if rng.random() < 0.08 else None,
                reversal=_reversal(rng) if rng.random() < 0.04 else None,
            )
        )
    return found


def _stream(
    rng: Random, chips: list[tuple[str, str]], count: int, seconds: float
) -> list[PlannedOrder]:
    """Orders that come evenly, each to a customer of its own."""
    operators = [operator for _, operator in chips]
    found = []
    for number in range(count):
        operator = rng.choice(operators)
        found.append(
            PlannedOrder(
                at=number * seconds / count,
                agent=f"kios{1 + number % 8}",
                product=f"{CODES[operator]}{rng.choice((5, 10, 20))}",
                # The last two digits are never those that an operator refuses.
                destination=f"{NUMBERS[operator][:-3]}{number // 80:03d}{10 + number % 80}",
                repeat_index=1,
                reference=f"r{number}",
            )
        )
    return found


def _reversal(rng: Random) -> PlannedReversal:
    said = rng.random() < 0.3
    later = rng.uniform(0, rng.choice((20, 1800)))
    returned = said or rng.random() < 0.5
    return PlannedReversal(rng.uniform(60, 600), said, later if returned else None)


def _storms(rng: Random, modems: int, seconds: float) -> list[PlannedStorm]:
    count = rng.choice((0, 1, 2, 4, 7))
    found = [_storm(rng, STORMS, modems, seconds) for _ in range(count)]
    return sorted(found, key=lambda one: one.at)


def _storm(rng: Random, shares: Mapping[Storm, int], modems: int, seconds: float) -> PlannedStorm:
    storm = rng.choices(list(shares), list(shares.values()))[0]
    one = rng.randrange(modems)
    return PlannedStorm(
        at=rng.uniform(0, seconds),
        storm=storm,
        modem=one,
        other=(one + rng.randrange(1, max(modems, 2))) % modems,
        amount=_amount(rng, storm),
    )


def _amount(rng: Random, storm: Storm) -> float:
    if storm is Storm.STEP_CLOCK:
        return rng.choice((-1, 1)) * rng.choice((0.5, 30.0, 600.0, 3600.0, 200_000.0))
    if storm is Storm.STOCK_TAKEN and rng.random() < 0.4:
        return 10_000_000  # all that is there
    if storm in (Storm.STOCK_IN, Storm.STOCK_TAKEN):
        # Never the cost of a product: taken just while such an order is undecided, it would
        # look like the order, and an operator without a list of sales can tell nobody.
        return rng.choice((7_000, 12_000, 50_000, 1_000_000))
    if storm is Storm.PRICE_CHANGED:
        return rng.choice((-400, 100, 250, 2_000))
    return rng.choice((0.5, 5.0, 20.0, 60.0, 300.0)) * rng.uniform(0.5, 1.5)


# How many points of a kind are passed before it strikes, at most. A quick order takes some
# 300 awaits, 400 bytes and 12 commits.
_MOST = {
    CrashPoint.AWAIT: 1500,
    CrashPoint.BYTE: 800,
    CrashPoint.USSD_BYTE: 120,
    CrashPoint.BODY_BYTE: 150,
    CrashPoint.BEFORE_COMMIT: 40,
    CrashPoint.AFTER_COMMIT: 40,
}


def _crashes(rng: Random, chips: list[tuple[str, str]], seconds: float) -> list[PlannedCrash]:
    found = []
    points = list(CrashPoint)
    if all(operator != SELLS_BY_SMS for _, operator in chips):
        points.remove(CrashPoint.BODY_BYTE)
    for _ in range(rng.choice((0, 1, 2, 3, 5, 8))):
        point = rng.choice(points)
        most = _MOST[point] if rng.random() < 0.7 else 10  # soon after the last one, now and then
        down = rng.choice((0.05, 1.0, 10.0, 60.0, 400.0)) * rng.uniform(0.5, 1.5)
        found.append(
            PlannedCrash(rng.uniform(0, seconds), point, 1 + rng.randrange(most), round(down, 3))
        )
    return sorted(found, key=lambda one: one.at)
