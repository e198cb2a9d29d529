"""A rack file, read: modems, the chips in them, the operators in front of them, the trouble.

The file is TOML, for people to write. Reading checks everything and names all problems at once,
since a rack with one wrong digit in an ICCID is a long search otherwise.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pulsarack.modems.simulator.errors import RackErrors
from pulsarack.modems.simulator.faults import FaultPlan
from pulsarack.modems.simulator.menu_weather import MenuMix
from pulsarack.modems.simulator.quirks import FLAWLESS, Quirks, read_quirks
from pulsarack.modems.simulator.rack_checks import Problems, Table, is_digits, is_luhn
from pulsarack.modems.simulator.rack_faults import read_fault_plan
from pulsarack.modems.simulator.rack_mixes import read_menu_mix, read_sms_mix
from pulsarack.modems.simulator.sms_weather import SmsMix

FILE_LIMIT = 1024 * 1024
# tomllib takes quadratic time for a key of many parts, which must stand in one line.
DOTS_LIMIT = 200
DENOMINATION_DIGITS = 6
OPERATORS = ("telkomsel", "indosat", "xl", "tri")
DIALECTS = (
    "wavecom",
    "huawei-e1550",
    "huawei-e173",
    "quectel-m35",
    "simcom-sim800",
    "zte-mf190",
    "quectel-ec25",
    "simcom-sim7600",
    "telit-he910",
)
COSTS: Mapping[int, int] = MappingProxyType(
    {5: 5_125, 10: 10_150, 20: 20_100, 25: 25_075, 50: 49_800, 100: 98_500}
)


@dataclass(frozen=True)
class Latencies:
    """How long the air takes, as (least, most) virtual seconds."""

    ussd: tuple[float, float] = (2.0, 4.0)
    sms: tuple[float, float] = (3.0, 8.0)


@dataclass(frozen=True)
class OperatorPlan:
    """One operator's terms. costs: rupiah taken from the stock, by denomination in thousands."""

    name: str
    costs: Mapping[int, int] = field(default_factory=lambda: COSTS)
    repeat_window_seconds: float = 300.0
    late_booking_seconds: tuple[float, float] = (10.0, 30.0)
    not_registered_endings: tuple[str, ...] = ()
    inactive_endings: tuple[str, ...] = ()
    process_share: float = 0.0
    menu_busy_share: float = 0.0


@dataclass(frozen=True)
class ChipPlan:
    """One dealer SIM as the operator issued it. stock is rupiah."""

    iccid: str
    imsi: str
    operator: str
    msisdn: str
    chip_pin: str = field(repr=False)
    stock: int
    per_day: int = 1000
    sim_pin: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ModemPlan:
    """One modem of the rack and the chip in it."""

    dialect: str
    imei: str
    chip: ChipPlan
    quirks: Quirks = FLAWLESS


@dataclass(frozen=True)
class Rack:
    """Everything a rack file says."""

    modems: tuple[ModemPlan, ...]
    operators: Mapping[str, OperatorPlan]
    latencies: Latencies = field(default_factory=Latencies)
    faults: FaultPlan = field(default_factory=FaultPlan)
    sms_mix: SmsMix = field(default_factory=SmsMix)
    menu_mix: MenuMix = field(default_factory=MenuMix)


def load_rack(path: Path) -> Rack:
    """Read a rack file. Raises RackErrors naming every problem at once."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(FILE_LIMIT + 1)
        if len(text) > FILE_LIMIT or any(line.count(".") > DOTS_LIMIT for line in text.split("\n")):
            limits = f"{FILE_LIMIT} characters, or a line of it more than {DOTS_LIMIT} dots"
            raise RackErrors(path, [f"holds more than {limits}; shorten it"])
        content = tomllib.loads(text)
    except OSError as error:
        raise RackErrors(path, [f"cannot be read ({error.strerror}); check the path"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RackErrors(path, [f"is not TOML in UTF-8: {error}"]) from error
    except (ValueError, RecursionError):
        what = "holds a number of thousands of digits, or brackets in brackets without end"
        raise RackErrors(path, [f"{what}; remove it"]) from None
    return read_rack(content, path)


def read_rack(content: Mapping[str, object], path: Path) -> Rack:
    """The rack a parsed TOML document describes. Raises RackErrors."""
    problems = Problems()
    top = Table(content, "rack", problems)
    operators = {
        plan.name: plan for table in top.tables("operator") if (plan := _read_operator(table))
    }
    modems = [_read_modem(table, operators) for table in top.tables("modem")]
    if not modems:
        problems.add("rack", "has no [[modem]]; add at least one")
    latencies = _read_latencies(top.table("latencies"))
    faults = read_fault_plan(top, operators)
    sms_mix = read_sms_mix(top.table("sms_mix"))
    menu_mix = read_menu_mix(top.table("menu_mix"))
    top.nothing_else()
    _no_two_alike(modems, problems)
    if problems.found:
        raise RackErrors(path, problems.found)
    return Rack(tuple(modems), operators, latencies, faults, sms_mix, menu_mix)


def _read_latencies(table: Table) -> Latencies:
    normal = Latencies()
    latencies = Latencies(
        table.span("ussd_seconds", normal.ussd), table.span("sms_seconds", normal.sms)
    )
    table.nothing_else()
    return latencies


def _read_operator(table: Table) -> OperatorPlan | None:
    name = table.choice("name", OPERATORS)
    costs = dict(COSTS)
    costs_table = table.table("costs")
    for key in list(costs_table.content):
        if is_digits(key) and len(key) <= DENOMINATION_DIGITS:
            costs[int(key)] = costs_table.whole(key, None, least=1)
    costs_table.nothing_else()
    plan = OperatorPlan(
        name=name,
        costs=costs,
        repeat_window_seconds=table.number("repeat_window_seconds", 300.0, least=0),
        late_booking_seconds=table.span("late_booking_seconds", (10.0, 30.0)),
        not_registered_endings=table.digit_strings("not_registered_endings"),
        inactive_endings=table.digit_strings("inactive_endings"),
        process_share=table.number("process_share", 0.0, least=0, most=1),
        menu_busy_share=table.number("menu_busy_share", 0.0, least=0, most=1),
    )
    table.nothing_else()
    return plan if name else None


def _read_modem(table: Table, operators: Mapping[str, OperatorPlan]) -> ModemPlan:
    dialect = table.choice("dialect", DIALECTS)
    imei = table.digits("imei", 15, 15)
    if imei and not is_luhn(imei):
        table.problem("imei", "has a wrong check digit; its Luhn sum must end in 0")
    chip = _read_chip(table.table("chip"), operators)
    quirks = read_quirks(table.table("quirks"))
    table.nothing_else()
    return ModemPlan(dialect, imei, chip, quirks)


def _read_chip(table: Table, operators: Mapping[str, OperatorPlan]) -> ChipPlan:
    iccid = table.digits("iccid", 19, 20)
    if iccid and (not iccid.startswith("8962") or not is_luhn(iccid)):
        table.problem("iccid", "must begin with 8962 and end in its Luhn check digit")
    operator = table.text("operator")
    if operator and operator not in operators:
        table.problem("operator", f"no [[operator]] is named {operator!r}; add one")
    sim_pin = table.digits("sim_pin", 4, 8) if "sim_pin" in table.content else None
    chip = ChipPlan(
        iccid=iccid,
        imsi=table.digits("imsi", 15, 15),
        operator=operator,
        msisdn=table.digits("msisdn", 10, 15),
        chip_pin=table.digits("chip_pin", 4, 8),
        stock=table.whole("stock", None, least=0),
        per_day=table.whole("per_day", 1000, least=1),
        sim_pin=sim_pin,
    )
    if chip.msisdn and not chip.msisdn.startswith("62"):
        table.problem("msisdn", "must be E.164 digits beginning with 62")
    table.nothing_else()
    return chip


def _no_two_alike(modems: list[ModemPlan], problems: Problems) -> None:
    for name, values in (
        ("imei", [modem.imei for modem in modems]),
        ("chip.iccid", [modem.chip.iccid for modem in modems]),
        ("chip.msisdn", [modem.chip.msisdn for modem in modems]),
    ):
        for value in sorted({value for value in values if value and values.count(value) > 1}):
            problems.add("modem", f"{name} {value} is used twice; each must be its own")
