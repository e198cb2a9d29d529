"""The operator's own books: the truth every check is held against.

One JSON object a line, written as it happens. The product never reads them; an audit does, after
the run. Kinds: `rack` (header), `top_up` (each attempt that reached an operator), `stock_in`, and
`stock` (after each change and at the end), and `weather` (what else went wrong: `fault` names it,
`chip` is the ICCID it struck or null). Times `at` are virtual milliseconds UTC, money is
rupiah. A chip PIN never appears here.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

Entry = Mapping[str, object]


class Books:
    """Writes entries, each as one line, to whoever keeps them."""

    def __init__(self, write_line: Callable[[str], None]) -> None:
        self._write_line = write_line

    def enter(self, kind: str, at: float, fields: Entry) -> None:
        """Write one entry; `at` is virtual Unix seconds."""
        entry = {"kind": kind, "at": int(at * 1000), **fields}
        self._write_line(json.dumps(entry, ensure_ascii=False))

    def weather(self, at: float, fault: str, chip: str | None, fields: Entry) -> None:
        """Write what struck a chip, or None of them; `fields` say more about it."""
        self.enter("weather", at, {"fault": fault, "chip": chip, **fields})


class BookFile:
    """A truth file: begun anew by each run, flushed line by line."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8")

    def write_line(self, line: str) -> None:
        """Append one line so that another process sees it at once."""
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()
