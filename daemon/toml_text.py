"""Bounds for the TOML files that people write, kept before the parser sees the text.

tomllib takes quadratic time for a key of many dotted parts. Such a key stands in one line,
so a bound on the dots of a line keeps it quick; a bound on files keeps a wrong path
(/dev/zero, a disk image) from filling the memory.
"""

from pathlib import Path

FILE_LIMIT = 1024 * 1024
DOTS_LIMIT = 200


def read(path: Path) -> str:
    """The text of a file, of a too long one the beginning; OSError, UnicodeDecodeError."""
    with path.open("rb") as file:
        raw = file.read(FILE_LIMIT + 1)
    text = raw.decode("utf-8", "replace" if len(raw) > FILE_LIMIT else "strict")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def out_of_bounds(text: str) -> tuple[int | None, str, str] | None:
    """The line, if it is one, and a message and a remedy; None if the text may be parsed."""
    if len(text) > FILE_LIMIT:
        return None, f"it is longer than {FILE_LIMIT} bytes", "name the right file"
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > DOTS_LIMIT:
            message = f"the line holds more than {DOTS_LIMIT} dots"
            return number, message, "break it into several"
    return None
