"""What other programs did on the simulated rack, as a table in Markdown."""

from collections.abc import Mapping

from tests.clients.stand import Seen

_HEAD = ("program", "model", "identified", "SMS arrived", "USSD arrived", "answer read")
_WORDS = {True: "yes", False: "**no**", None: "-"}


def table(found: Mapping[str, Mapping[str, Seen]]) -> str:
    """A row for each program and model."""
    lines = [_row(_HEAD), _row(["---"] * len(_HEAD))]
    for program, models in found.items():
        for model, seen in models.items():
            cells = (seen.identified, seen.sms, seen.ussd, seen.answer)
            lines.append(_row([program, model, *(_WORDS[cell] for cell in cells)]))
    return "\n".join(lines)


def _row(cells: "list[str] | tuple[str, ...]") -> str:
    return f"| {' | '.join(cells)} |"
