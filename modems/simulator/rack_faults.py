"""The trouble part of a rack file: [[fault]] entries and the [fault_mix] table."""

from collections.abc import Mapping

from pulsarack.modems.simulator.faults import Fault, FaultKind, FaultPlan, ScheduledFault
from pulsarack.modems.simulator.rack_checks import Table

KINDS = tuple(kind.value for kind in FaultKind)


def read_fault_plan(top: Table, operators: Mapping[str, object]) -> FaultPlan:
    """The plan the rack file describes; problems are kept in the table."""
    schedule = [_read_fault(table, operators) for table in top.tables("fault")]
    return FaultPlan(tuple(entry for entry in schedule if entry), _read_mix(top.table("fault_mix")))


def _read_fault(table: Table, operators: Mapping[str, object]) -> ScheduledFault | None:
    kind = table.choice("kind", KINDS)
    operator = table.text("operator") if "operator" in table.content else None
    if operator and operator not in operators:
        table.problem("operator", f"no [[operator]] is named {operator!r}; add one")
    seconds = table.number("seconds", 0.0, least=0)
    at_order = table.whole("at_order", None, least=1)
    done, report = table.truth("done"), table.truth("report")
    table.nothing_else()
    if not kind:
        return None
    return ScheduledFault(at_order, Fault(FaultKind(kind), seconds or None, done, report), operator)


def _read_mix(table: Table) -> Mapping[FaultKind, float]:
    mix = {
        FaultKind(kind): table.number(kind, 0.0, least=0, most=1)
        for kind in KINDS
        if kind in table.content
    }
    table.nothing_else()
    if sum(mix.values()) > 1:
        table.problem("*", "the probabilities add up to more than 1")
    return mix
