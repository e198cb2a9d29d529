"""Tables as CSV that a spreadsheet may open.

A cell that begins with "=" and the like is a formula to it, and names come from outside
(OWASP, "CSV Injection"): such a cell gets an apostrophe before it, and stays a text.
"""

import csv
import io
from collections.abc import Iterable
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(heads: Iterable[str], rows: Iterable[Iterable[str | int]]) -> str:
    """A table as CSV, with nothing in it that a spreadsheet would run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads)
    for row in rows:
        writer.writerow([_safe(cell) for cell in row])
    return text.getvalue()


def _safe(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
