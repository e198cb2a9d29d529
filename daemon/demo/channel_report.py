"""What a demonstration of the channels checks on top of the audits, and its table.

Each final result was told on the line that its order came on, as what it is, and on no other; and
every deposit and every commission in the books is what the demonstration's own model says.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from peewee import Database
from rich import box
from rich.table import Table

from pulsarack.daemon.demo.heard import Heard, Told
from pulsarack.daemon.demo.network import TREE, Model
from pulsarack.daemon.demo.progress import FINAL
from pulsarack.daemon.demo.report import OrderLine
from pulsarack.daemon.demo.wishes import Wish
from pulsarack.ledger import accounts, books
from pulsarack.queue.audit import Finding

_HTTP = ("native", "otomax", "digiflazz")


def told_findings(
    heard: Heard, wishes: Sequence[Wish], orders: Sequence[OrderLine]
) -> Iterator[Finding]:
    """Where agents were told something else, or elsewhere, than they had to be."""
    kinds = {wish.reference: wish.kind for wish in wishes}
    for order in orders:
        reference = order.client_reference or ""
        told = heard.results.get(reference, set())
        right = {Told(order.agent, kinds.get(reference, "?"), order.state)}
        wanted = right if order.state in FINAL else set()
        if told != wanted:
            detail = f"{order.state}: its agent was told {_shown(told)}, not {_shown(wanted)}"
            yield Finding("P6", f"order {order.id}", detail)
    for subject, what in heard.complaints:
        yield Finding("P6", subject, what)


def _shown(told: set[Told]) -> str:
    shown = sorted(f"{one.state} by {one.kind} to {one.agent}" for one in told)
    return ", ".join(shown) or "nothing"


def money_findings(db: Database, model: Model) -> Iterator[Finding]:
    """Where the books differ from the model."""
    for member in TREE:
        pairs = (
            ("deposit", accounts.agent(member.code), model.deposits),
            ("commission", accounts.commission(member.code), model.commissions),
        )
        for what, code, expected in pairs:
            found = books.balance(db, code)
            posted = 0 if found is None else found.posted
            if posted != expected[member.code]:
                detail = f"{posted} rupiah of {what}, and {expected[member.code]} by the model"
                yield Finding("P3", f"agent {member.code}", detail)


def channels_table(
    wishes: Sequence[Wish], orders: Sequence[OrderLine], heard: Heard, kinds: Sequence[str]
) -> Table:
    """A line for each kind of line."""
    by_reference = {order.client_reference: order for order in orders}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("channel")
    for heading in ("messages", "sent twice", "refused", "orders", "succeeded", "results told"):
        table.add_column(heading, justify="right")
    for kind in kinds:
        own = [wish for wish in wishes if wish.kind == kind]
        found = [by_reference[one.reference] for one in own if one.reference in by_reference]
        counts = Counter(order.state for order in found)
        told = sum(bool(heard.results.get(wish.reference)) for wish in own)
        numbers = (
            len(own),
            sum(bool(wish.again) for wish in own),
            sum(wish.typed.refusal is not None for wish in own),
            len(found),
            counts["SUCCEEDED"],
            told,
        )
        table.add_row(f"http {kind}" if kind in _HTTP else kind, *map(str, numbers))
    return table
