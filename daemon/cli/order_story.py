"""`order show`: everything that is known about one order, in the order it happened.

Received, routed, said, answered, decided, paid, told: this is what an admin reads when
an agent complains, so nothing is left out and every line has its time.
"""

from collections.abc import Iterator
from typing import Any

import click

from pulsarack.daemon.cli import formats, tables
from pulsarack.daemon.cli.orders import attempt_title, order_pairs
from pulsarack.daemon.cli.session import Session, as_json_option, pass_session

_ARROWS = {"out": "->", "sent": "->", "tx": "->", "in": "<-", "received": "<-", "rx": "<-"}


@click.command()
@click.argument("order_id", metavar="ID", type=int)
@as_json_option
@pass_session
def show(session: Session, order_id: int, as_json: bool) -> None:
    """The whole story of the order ID."""
    result = session.call("order.show", id=order_id)
    if as_json:
        tables.print_json(result)
        return
    tables.pairs(order_pairs(result["order"], session.timezone))
    for line in _story(result, session.timezone):
        click.echo(line)


def _story(result: dict[str, Any], timezone: str | None) -> Iterator[str]:
    yield from _section("states", [_state(row, timezone) for row in result.get("history") or []])
    for attempt in result.get("attempts") or []:
        yield from _section(attempt_title(attempt), list(_attempt(attempt, timezone)))
    yield from _section(
        "money", [_transfer(row, timezone) for row in result.get("transfers") or []]
    )
    yield from _section(
        "messages", [_message(row, timezone) for row in result.get("messages") or []]
    )


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)


def _state(row: dict[str, Any], timezone: str | None) -> str:
    why = f"  {formats.text(row['why'])}" if row.get("why") else ""
    return f"{formats.time(row.get('at'), timezone)}  {formats.text(row.get('state')):9}{why}"


def _attempt(attempt: dict[str, Any], timezone: str | None) -> Iterator[str]:
    for reason in attempt.get("routing") or []:
        yield f"routing: {_routing(reason)}"
    steps = [
        (attempt.get(field), 0 if field == "claimed_at" else 1, words)
        for field, words in (
            ("claimed_at", "claimed: the chip's stock is held"),
            ("committed_at", "committed: from here on the order may have been done"),
            ("closed_at", "closed"),
        )
    ]
    steps += [(row.get("at"), 2, _exchange(row)) for row in attempt.get("exchanges") or []]
    for row in attempt.get("evidence") or []:
        steps += [(row.get("at"), 3, words) for words in evidence_lines(row, timezone)]
    steps += [(row.get("at"), 4, _reading(row)) for row in _unweighed(attempt)]
    # What has no time is shown where it was told, at the end.
    known = sorted((s for s in steps if s[0] is not None), key=lambda step: (step[0], step[1]))
    for at, _, words in known:
        yield f"{formats.clock(at, timezone)}  {words}"
    before, after = attempt.get("stock_before"), attempt.get("stock_after")
    if before is not None or after is not None:
        yield f"stock read: {formats.number(before)} before, {formats.number(after)} after"


def _routing(reason: Any) -> str:
    if not isinstance(reason, dict):
        return formats.text(reason)
    name = formats.text(reason.get("name") or reason.get("iccid") or reason.get("chip"))
    why = "; ".join(map(formats.text, reason.get("reasons") or []))
    return f"{name} {formats.text(reason.get('verdict'))}{f': {why}' if why else ''}"


def _exchange(row: dict[str, Any]) -> str:
    arrow = _ARROWS.get(str(row.get("direction")).lower(), formats.text(row.get("direction")))
    status = f"  [{formats.text(row['status'])}]" if row.get("status") is not None else ""
    return f"{arrow} {formats.text(row.get('kind'))}: {formats.text(row.get('text'))}{status}"


def evidence_lines(row: dict[str, Any], timezone: str | None) -> Iterator[str]:
    """A finding: what it says and by which rule, then what the rule was applied to."""
    by = f", by {formats.text(row['by'])}" if row.get("by") else ""
    detail = f": {formats.text(row['detail'])}" if row.get("detail") else ""
    kind, verdict = formats.text(row.get("kind")), formats.text(row.get("verdict"))
    yield f"evidence {kind}: {verdict}{detail}{by}"
    if row.get("rule"):
        matched = f" ({', '.join(map(formats.text, row['matched']))})" if row.get("matched") else ""
        yield f"  rule: {formats.text(row['rule'])}{matched}"
    if text := row.get("text"):
        at = formats.time(text.get("received_at"), timezone)
        yield f"  text of {formats.text(text.get('sender'))}, {at}: {formats.text(text['text'])}"
    if row.get("query"):
        yield f"  asked for {formats.text(row['query'])}: {formats.text(row.get('answer'))}"
    if figures := row.get("stock"):
        expected = formats.number(figures.get("expected"))
        yield f"  stock before {formats.number(figures.get('before'))}, expected {expected}"
        for read in figures.get("readings") or []:
            yield f"  {formats.time(read.get('at'), timezone)}  {_reading(read)}"


def _unweighed(attempt: dict[str, Any]) -> list[dict[str, Any]]:
    """The readings of its time that no finding names."""
    named = {
        (read.get("at"), read.get("stock"))
        for row in attempt.get("evidence") or []
        for read in (row.get("stock") or {}).get("readings") or []
    }
    rows = attempt.get("readings") or []
    return [row for row in rows if (row.get("at"), row.get("stock")) not in named]


def _reading(row: dict[str, Any]) -> str:
    return f"read {formats.number(row.get('stock'))}, booked {formats.number(row.get('ledger'))}"


def _transfer(row: dict[str, Any], timezone: str | None) -> str:
    debit, credit = formats.text(row.get("debit")), formats.text(row.get("credit"))
    phase, memo = formats.text(row.get("phase")), formats.text(row.get("memo"))
    amount, asset = formats.number(row.get("amount")), formats.text(row.get("asset"))
    at = formats.time(row.get("at"), timezone)
    return f"{at}  {phase:8} {amount:>12} {asset}  debit {debit}  credit {credit}  {memo}"


def _message(row: dict[str, Any], timezone: str | None) -> str:
    told = row.get("delivered_at")
    tries = f", {row['tries']} tries" if row.get("tries") else ""
    state = f"delivered {formats.time(told, timezone)}" if told else "not delivered yet"
    at = formats.time(row.get("at"), timezone)
    return f"{at}  {formats.text(row.get('text'))}  ({state}{tries})"
