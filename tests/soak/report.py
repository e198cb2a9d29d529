"""What a crash test says at its end: plain lines, every figure counted."""

from collections.abc import Iterator

from pulsarack.daemon.demo.display import counted
from tests.soak.aims import Kind
from tests.soak.run import Outcome


def lines(outcome: Outcome) -> Iterator[str]:
    """The report, the verdict last."""
    tally = outcome.tally
    undecided = outcome.states["UNKNOWN"]
    yield f"{outcome.orders} orders: {counted(outcome.states)}; undecided {undecided}"
    yield f"failed because of: {counted(outcome.reasons)}"
    yield f"{tally.kills.total()} kills in {outcome.seconds:.0f} s:"
    for kind in Kind:
        tails = tally.tails[kind]
        left = f", {tails} left a commit cut short in the log" if tails else ""
        yield f"  {tally.kills[kind]:3} {kind}{left}"
    for moment, count in sorted(tally.starts.items()):
        yield f"      {count} of them when {moment}"
    yield (
        f"{tally.tails.total()} kills left an uncommitted tail in the log; the daemon was made"
        f" to stand still {tally.stops} times for a look"
    )
    yield f"agents on top of that: {counted(outcome.on_top)}"
    yield f"{outcome.lost_answers} orders were sent again after a lost answer and known"
    yield f"{outcome.messages} final messages, sent {outcome.told} times"
    yield outcome.audit
    yield from (f"FAULT: {fault}" for fault in outcome.faults)
    yield "all promises were kept" if not outcome.faults else f"{len(outcome.faults)} faults"
