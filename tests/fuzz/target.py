"""A fuzzing target: one parser that meets the outside, as a function that takes bytes.

``run`` gives the bytes to the parser in the shape it takes them (a file, a line, a port)
and checks what comes out. ``errors`` are the parser's own errors: they may be raised for
any input, but must say something that can be printed. Every other exception is a finding,
and so is an assertion of ``run`` that does not hold.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """See the module's text. ``words``: what inputs of this kind are made of."""

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    errors: tuple[type[Exception], ...] = ()
    words: tuple[bytes, ...] = ()

    def check(self, data: bytes) -> bool:
        """Feed one input; tells whether it was taken, and raises what is a finding."""
        try:
            self.run(data)
        except self.errors as error:
            said = str(error)
            assert said.strip(), f"{type(error).__name__} says nothing"
            assert is_printable(said), f"{type(error).__name__} cannot be printed: {said!r}"
            return False
        return True


def is_printable(text: str) -> bool:
    """Whether a text can be written to a terminal, a log and the database: no surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@cache
def _directory() -> Path:
    made = tempfile.mkdtemp(prefix="pulsarack-fuzz-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def as_file(data: bytes, name: str) -> Path:
    """The bytes as a file that only its owner can read; the same path every time."""
    path = _directory() / name
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
    path.write_bytes(data)
    return path
