"""What the seeds have hit, as tables: nobody has to hope that a danger was met."""

from collections import Counter

from tests.simulation.crashes import CrashPoint
from tests.simulation.report import Report

STATES = ("idle", "SENDING", "SENDING committed", "UNKNOWN", "daemon down")
DAY = 86_400.0


def summary(total: Report, seeds: int, real_seconds: float) -> list[str]:
    """The figures of a run, a line each."""
    crashes = sum(total.crashes.values())
    decided = sum(total.unknown.values())
    by_hand = total.unknown["admin"]
    return [
        f"{seeds} seeds, {total.orders} orders in {total.seconds / DAY:.1f} simulated days, "
        f"{total.orders / max(real_seconds, 0.001):.0f} orders a second",
        "orders: " + _counts(total.states) + "; refused: " + _counts(total.refused),
        f"{crashes} ends of the daemon: " + _counts(_sum(total.crashes, 0)),
        "faults: " + _counts(_sum(total.faults, 1)),
        "texts: " + _counts(total.texts),
        "many orders in a request: " + _counts(total.bulk),
        f"{decided} orders were undecided: " + _counts(total.unknown) + "; "
        f"{_share(decided - by_hand, decided)} decided by evidence, time to decision: "
        f"half within {_quantile(total.waits, 0.5):.0f} s, 95 % within "
        f"{_quantile(total.waits, 0.95):.0f} s",
    ]


def tables(total: Report) -> list[str]:
    """How often each fault struck in each state, each crash point, each move, each reason."""
    lines = [f"{'fault':22}" + "".join(f"{state:>19}" for state in STATES)]
    for fault in sorted({fault for _, fault in total.faults}):
        counts = (total.faults[state, fault] for state in STATES)
        lines.append(f"{fault:22}" + "".join(f"{count:19}" for count in counts))
    lines += ["", f"{'crash point':22}" + "".join(f"{state:>19}" for state in STATES[:4])]
    for point in (*(point.value for point in CrashPoint), "stopped"):
        counts = (total.crashes[point, state] for state in STATES[:4])
        lines.append(f"{point:22}" + "".join(f"{count:19}" for count in counts))
    moves = sorted(total.moves.items(), key=lambda item: str(item[0]))
    lines += ["", *(f"{old or 'new':>10} -> {new:10}{count:8}" for (old, new), count in moves)]
    lines += ["", *(f"{reason:24}{count:8}" for reason, count in sorted(total.reasons.items()))]
    return lines


def _sum(pairs: "Counter[tuple[str, str]]", place: int) -> "Counter[str]":
    found: Counter[str] = Counter()
    for pair, count in pairs.items():
        found[pair[place]] += count
    return found


def _counts(counter: "Counter[str]") -> str:
    return ", ".join(f"{name} {count}" for name, count in counter.most_common()) or "none"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "none to be"


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
