"""The GSM 7 bit alphabets of national languages, read from national_languages.toml.

A message names in its user data header which table stands in for the default alphabet
(locking shift) and which for the extension table (single shift). Sources: 3GPP TS 23.038
annex A, 23.040 sections 9.2.3.24.15 and 9.2.3.24.16.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

_TABLES = Path(__file__).parent / "national_languages.toml"
_NOTHING = "--"
# What a position without a character shows.
NO_CHARACTER = "\ufffd"


def _read(key: str) -> Iterator[tuple[int, list[str]]]:
    """Each language's identifier and the 128 positions of one of its tables."""
    for language in tomllib.loads(_TABLES.read_text("ascii")).values():
        if key in language:
            yield language["identifier"], language[key].split()


# By identifier: 128 characters.
LOCKING_SHIFT: dict[int, str] = {
    identifier: "".join(NO_CHARACTER if one == _NOTHING else chr(int(one, 16)) for one in row)
    for identifier, row in _read("locking_shift")
}
# By identifier: what follows the escape.
SINGLE_SHIFT: dict[int, dict[int, str]] = {
    identifier: {at: chr(int(one, 16)) for at, one in enumerate(row) if one != _NOTHING}
    for identifier, row in _read("single_shift")
}
