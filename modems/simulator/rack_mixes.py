"""The weather tables of a rack file: [sms_mix] and [menu_mix]."""

from pulsarack.modems.simulator.menu_weather import MenuFault, MenuMix
from pulsarack.modems.simulator.rack_checks import Table
from pulsarack.modems.simulator.sms_weather import SmsMix


def read_sms_mix(table: Table) -> SmsMix:
    """What becomes of texts on their way; problems are kept in the table."""
    normal = SmsMix()
    mix = SmsMix(
        delayed=table.number("delayed", 0.0, least=0, most=1),
        delayed_seconds=table.span("delayed_seconds", normal.delayed_seconds),
        doubled=table.number("doubled", 0.0, least=0, most=1),
        doubled_seconds=table.span("doubled_seconds", normal.doubled_seconds),
        stale_stamp=table.number("stale_stamp", 0.0, least=0, most=1),
        shuffled=table.number("shuffled", 0.0, least=0, most=1),
        part_lost=table.number("part_lost", 0.0, least=0, most=1),
        part_doubled=table.number("part_doubled", 0.0, least=0, most=1),
    )
    table.nothing_else()
    return mix


def read_menu_mix(table: Table) -> MenuMix:
    """What strikes the steps before a top-up; problems are kept in the table."""
    shares = {
        kind: table.number(kind.value, 0.0, least=0, most=1)
        for kind in MenuFault
        if kind.value in table.content
    }
    table.nothing_else()
    if sum(shares.values()) > 1:
        table.problem("*", "the probabilities add up to more than 1")
    return MenuMix({kind: share for kind, share in shares.items() if share})
