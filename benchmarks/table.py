"""The figures as a table of plain text, one line each, for terminals, files and mails."""

from collections.abc import Sequence

from benchmarks.figures import Figure, summary

_HEAD = ("bench", "figure", "min", "median", "max", "unit", "reference", "times", "goal", "")
# Figures are numbers, and numbers stand to the right.
_RIGHT = frozenset({2, 3, 4, 6, 7})
_DIGITS = 3


def table(figures: Sequence[Figure]) -> str:
    """All figures, then the notes on what is counted."""
    rows = [_HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths).rstrip())
    return "\n".join([*lines, *_notes(figures)]) + "\n"


def number(value: float) -> str:
    """A value with about three digits that say something."""
    if value == 0:
        return "0"
    if abs(value) < 1:
        # A share wants its thousandths; what is smaller still, its first digits.
        return f"{value:.3f}" if abs(value) >= 0.1 else f"{value:.2g}"
    whole = len(str(int(abs(value))))
    return f"{value:.{max(0, _DIGITS - whole)}f}"


def _row(figure: Figure) -> tuple[str, ...]:
    spread = figure.summary
    times = figure.times_reference()
    met = figure.met()
    return (
        figure.bench,
        figure.name,
        number(spread.least),
        number(spread.median),
        number(spread.most),
        figure.unit,
        number(summary(figure.reference.rounds).median) if figure.reference else "",
        f"{number(times)} x" if times is not None else "",
        str(figure.goal or ""),
        {True: "met", False: "missed", None: ""}[met],
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if place in _RIGHT else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _notes(figures: Sequence[Figure]) -> list[str]:
    """Each explanation once, with the names of what it explains left to the reader."""
    notes = {f"{figure.bench}: {figure.note}": None for figure in figures if figure.note}
    beside = {
        f"{figure.bench}: the reference of {_plain(figure.name)} is {figure.reference.name}": None
        for figure in figures
        if figure.reference
    }
    return ["", *notes, *beside] if notes or beside else []


def _plain(name: str) -> str:
    """A figure's name without the size it was measured at."""
    return name.partition(",")[0]
