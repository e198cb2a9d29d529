"""Bounds for the TOML files that people write, kept before the parser sees the text.

tomllib takes quadratic time for a key of many dotted parts. Such a key stands in one line,
so a bound on the dots of a line keeps it quick; a bound on files keeps a wrong path
(/dev/zero, a disk image) from filling the memory. A named pipe is refused: who opens one
waits until somebody writes to it.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

FILE_LIMIT = 1024 * 1024
DOTS_LIMIT = 200


def open_file(path: Path) -> BinaryIO:
    """The file, opened without waiting for anybody; raises OSError, also if it is a pipe."""
    return open(path, "rb", opener=_open)


def _open(path: str, flags: int) -> int:
    opened = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISFIFO(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "it is a pipe and no file", path)
    return opened


def read(path: Path) -> str:
    """The text of a file, of a too long one the beginning; OSError, UnicodeDecodeError."""
    with open_file(path) as file:
        return text_of(file)


def text_of(file: BinaryIO) -> str:
    """The same of an opened file."""
    # From a device that has nothing to say now comes None.
    raw = file.read(FILE_LIMIT + 1) or b""
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
