"""Reads the [[pattern]] tables of a recipe, and the samples in them."""

from collections.abc import Sequence

from pulsarack.ussd.errors import PatternFault
from pulsarack.ussd.fields import Fields, HistoryEntry
from pulsarack.ussd.guard import refuse_runaway
from pulsarack.ussd.kinds import STATED_REASONS, Channel, ReplyKind
from pulsarack.ussd.macros import compile_pattern, macro_table, macros_in
from pulsarack.ussd.numbering import Numbering
from pulsarack.ussd.outcome import Reason
from pulsarack.ussd.pattern import Pattern, Sample
from pulsarack.ussd.table import Table

# What a pattern of a kind must take out of its text to be of any use.
_NEEDED: dict[ReplyKind, tuple[str, str]] = {
    ReplyKind.SUCCESS: ("destination", "a success that names no destination proves no order"),
    ReplyKind.STOCK: ("stock", "a stock text must give the stock"),
}
_TAKES_NOTHING = (ReplyKind.IGNORE,)
_HISTORY_KEYS = ("entry", "succeeded", "failed")


def read_pattern(
    table: Table, numbering: Numbering, currency_marks: Sequence[str]
) -> Pattern | None:
    """Read one pattern; None if it cannot be run, with the problems noted."""
    name = table.text("name")
    kind = table.word("kind", list(ReplyKind))
    channels = _read_channels(table)
    reason = _read_reason(table, kind)
    match = table.text("match")
    samples = [
        _read_sample(Table(row, f"{table.place}.samples[{index + 1}]", table.problems), numbering)
        for index, row in enumerate(table.tables("samples", required=True))
    ]
    entry = table.text("entry", "") if table.has("entry") else ""
    words = {key: table.texts(key) for key in ("succeeded", "failed") if table.has(key)}
    table.finish()
    if kind is not ReplyKind.HISTORY and (entry or words):
        table.wrong(f"{', '.join(_HISTORY_KEYS)} are for a history only", "remove them")
    _check_fields(table, kind, match, entry)
    marks = macro_table(currency_marks)
    entry_marks = macro_table(currency_marks, words.get("succeeded", ()), words.get("failed", ()))
    try:
        refuse_runaway(match)
        expression = compile_pattern(match, marks)
    except PatternFault as fault:
        table.wrong(fault.what, fault.remedy, "match")
        return None
    try:
        refuse_runaway(entry)
        entry_expression = compile_pattern(entry, entry_marks) if entry else None
    except PatternFault as fault:
        table.wrong(fault.what, fault.remedy, "entry")
        return None
    first_channel = channels[0] if channels else Channel.USSD
    proofs = tuple(
        Sample(text, channel or first_channel, found) for text, channel, found in samples
    )
    return Pattern(name, kind, frozenset(channels), reason, expression, entry_expression, proofs)


def _read_channels(table: Table) -> list[Channel]:
    allowed = [channel.value for channel in Channel]
    given = table.texts("channels", allowed)
    for word in given:
        if word not in allowed:
            table.wrong(f'unknown channel "{word}"', "allowed: ussd, sms", "channels")
    if not given:
        table.wrong("the list is empty", 'write ["ussd"], ["sms"] or both', "channels")
    return [Channel(word) for word in given if word in allowed]


def _read_reason(table: Table, kind: ReplyKind) -> Reason | None:
    if kind is ReplyKind.FAILURE:
        return table.word("reason", STATED_REASONS)
    if table.has("reason"):
        table.wrong(f'a pattern of kind "{kind}" has no reason', "remove it", "reason")
    return None


def _check_fields(table: Table, kind: ReplyKind, match: str, entry: str) -> None:
    taken = macros_in(match)
    if kind in _NEEDED and _NEEDED[kind][0] not in taken:
        macro, why = _NEEDED[kind]
        table.wrong(why, f"put {{{macro}}} into match", "match")
    if kind is ReplyKind.STOCK_IN and not taken & {"stock", "amount"}:
        table.wrong("a stock-in must give an amount", "put {amount} or {stock} into match", "match")
    if taken & {"part", "parts"}:
        table.wrong("part marks are not part of a wording", "describe them in [parts]", "match")
    if not entry:
        return
    lines = macros_in(entry)
    if "destination" not in lines or not lines & {"amount", "denomination"}:
        table.wrong(
            "an entry needs a destination and an amount",
            "put {destination} and {denomination} or {amount} into it",
            "entry",
        )
    if not {"succeeded", "failed"} <= lines:
        table.wrong(
            "an entry must tell success from failure",
            'write (?:{succeeded}|{failed}) and give succeeded = ["..."], failed = ["..."]',
            "entry",
        )


def _read_sample(table: Table, numbering: Numbering) -> tuple[str, Channel | None, Fields]:
    text = table.text("text")
    channel = table.word("channel", list(Channel)) if table.has("channel") else None
    entries = [
        _read_entry(Table(row, f"{table.place}.entries[{index + 1}]", table.problems), numbering)
        for index, row in enumerate(table.tables("entries", required=False))
    ]
    fields = Fields(
        destination=_destination(table, numbering) if table.has("destination") else None,
        amount=table.count("amount") if table.has("amount") else None,
        cost=table.count("cost") if table.has("cost") else None,
        stock=table.count("stock") if table.has("stock") else None,
        serial_number=table.text("serial_number") if table.has("serial_number") else None,
        entries=tuple(entries),
    )
    table.finish()
    return text, channel, fields


def _read_entry(table: Table, numbering: Numbering) -> HistoryEntry:
    entry = HistoryEntry(
        destination=_destination(table, numbering),
        amount=table.count("amount"),
        serial_number=table.text("serial_number") if table.has("serial_number") else None,
        succeeded=table.flag("succeeded", False),
    )
    table.finish()
    return entry


def _destination(table: Table, numbering: Numbering) -> str:
    text = table.text("destination")
    number = numbering.read(text)
    if number is None and text:
        table.wrong(f'"{text}" is no number by the rules of [numbers]', "correct it", "destination")
    return number or text
