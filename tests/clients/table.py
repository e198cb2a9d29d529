"""What other programs did on the simulated rack, as a table in Markdown."""

from collections.abc import Mapping, Sequence

from tests.clients.stand import Seen

_HEAD = ("program", "model", "identified", "SMS arrived", "USSD arrived", "answer read")
_WORDS = {True: "yes", False: "**no**", None: "-"}


def table(found: Mapping[str, Mapping[str, Seen]]) -> str:
    """A row for each program and model."""
    lines = [_row(_HEAD), _row(["---"] * len(_HEAD))]
    return "\n".join(lines + [row for each in found.items() for row in rows(*each)])


def rows(program: str, models: Mapping[str, Seen]) -> list[str]:
    """Those of one program."""
    return [
        _row([program, model, *(_WORDS[cell] for cell in _cells(seen))])
        for model, seen in models.items()
    ]


def _cells(seen: Seen) -> list[bool | None]:
    return [seen.identified, seen.sms, seen.ussd, seen.answer]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
