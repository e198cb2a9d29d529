"""The product list as a CSV file: read as a whole, or refused as a whole.

The first line names the columns. A file saved by a spreadsheet with Indonesian settings
separates them by semicolons and may begin with a byte order mark; both are accepted.
Amounts are plain digits: in "10.150" the dot may mean thousands or a fraction, and a
price is no place for a guess.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pulsarack.daemon.cli.arguments import Troubles

REQUIRED = ("code", "operator", "denomination", "price", "cost")
OPTIONAL = ("name", "time_limit_seconds", "below_cost", "kind")
_WHOLE = re.compile(r"[0-9]{1,12}")
_POSITIVE = frozenset({"denomination", "time_limit_seconds"})
SIZE_LIMIT = 8 * 1024 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_NAME = 100
_LONGEST_TIME_LIMIT_SECONDS = 7 * 86_400
# What the request has besides its rows: the names of the call and of the argument.
_FRAME_BYTES = 256


def read(path: Path) -> list[dict[str, Any]]:
    """The rows as product.import takes them; raises Troubles with every bad line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Troubles([f"{path}: {error.strerror or error}; name a file you may read"]) from None
    if len(raw) > SIZE_LIMIT:
        raise Troubles([f"{path}: larger than {SIZE_LIMIT} bytes; is it a product list?"])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise Troubles([f"{path}:{line}: not UTF-8; save the file as CSV UTF-8"]) from None
    return parse(text, str(path))


def parse(text: str, name: str) -> list[dict[str, Any]]:
    """The same from a text; `name` stands for the file in messages."""
    first = text.split("\n", 1)[0]
    lines = csv.reader(io.StringIO(text), delimiter=";" if ";" in first else ",", strict=True)
    try:
        numbered = [(lines.line_num, [cell.strip() for cell in cells]) for cells in lines]
    except csv.Error as error:
        problem = f"{name}:{lines.line_num}: not CSV: {error}; check the quotes of that line"
        raise Troubles([problem]) from None
    if not numbered:
        raise Troubles([f"{name}: it is empty; the first line is {','.join(REQUIRED)}"])
    header = [column.lower() for column in numbered[0][1]]
    if problems := list(_header_problems(header)):
        raise Troubles([f"{name}:1: {problem}" for problem in problems])
    return _rows(header, numbered[1:], name)


def refuse_too_many(rows: Sequence[dict[str, Any]], name: str) -> None:
    """Raises Troubles if the rows do not fit into the one request they are sent in.

    All of a file or nothing of it is imported, so the file is not sent in parts.
    """
    from pulsarack.daemon.control_protocol import LINE_LIMIT

    room = LINE_LIMIT - _FRAME_BYTES
    fit = 0
    for row in rows:
        room -= len(json.dumps(row)) + len(", ")
        if room < 0:
            break
        fit += 1
    if fit < len(rows):
        found = f"{len(rows)} products do not fit into one import, the first {fit} do"
        remedy = "split the file, each part with the first line, and import each"
        raise Troubles([f"{name}: {found}; {remedy} (nothing was imported)"])


def _header_problems(header: Sequence[str]) -> Iterator[str]:
    known = (*REQUIRED, *OPTIONAL)
    for column in REQUIRED:
        if column not in header:
            yield f"the column {column} is missing; the first line names the columns"
    for column in header:
        if column not in known:
            yield f"there is no column {column!r}; known are {', '.join(known)}"
    if len(set(header)) < len(header):
        yield "a column is there twice; remove one"


def _rows(
    header: Sequence[str], numbered: Sequence[tuple[int, list[str]]], name: str
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    line_of: dict[str, int] = {}
    for line, cells in numbered:
        if not any(cells):
            continue
        if len(cells) != len(header):
            found = f"{len(cells)} columns, the first line has {len(header)}"
            problems.append(f"{name}:{line}: {found}; a text with a separator stands in quotes")
            continue
        given = dict(zip(header, cells, strict=True))
        found_here = [f"{name}:{line}: {problem}" for problem in _row_problems(given)]
        code = given["code"].upper()
        if code and code in line_of:
            found_here.append(f"{name}:{line}: code {code} is in line {line_of[code]} already")
        line_of.setdefault(code, line)
        problems += found_here
        if not found_here:
            rows.append({column: _value(column, cell) for column, cell in given.items() if cell})
    if problems:
        raise Troubles([*problems, f"{name}: nothing was imported; correct these lines"])
    if not rows:
        raise Troubles([f"{name}: it holds no products; each line after the first is one"])
    return rows


def _row_problems(given: dict[str, str]) -> Iterator[str]:
    for column, cell in given.items():
        if not cell:
            if column in REQUIRED:
                yield f"{column} is empty"
        elif column == "kind":
            if cell not in ("airtime", "meter"):
                yield f"kind {cell!r}: airtime is sold to telephones, meter to meters"
        elif column in ("code", "operator"):
            if not cell.isascii() or not cell.replace("_", "").replace("-", "").isalnum():
                yield f"{column} {cell!r}: letters, digits, - and _ only"
        elif column == "name":
            if len(cell) > _LONGEST_NAME or _CONTROL.search(cell):
                yield f"name {cell[:20]!r}...: at most {_LONGEST_NAME} characters in one line"
        else:
            if not _WHOLE.fullmatch(cell):
                yield f"{column} {cell!r}: whole digits without dots, as in 10150"
            elif column == "below_cost" and cell not in ("0", "1"):
                yield f"below_cost {cell!r}: 1 lets it be sold for less than it costs, or 0"
            elif column in _POSITIVE and int(cell) == 0:
                yield f"{column} is zero"
            elif column == "time_limit_seconds" and int(cell) > _LONGEST_TIME_LIMIT_SECONDS:
                yield f"{column} {cell!r}: at most {_LONGEST_TIME_LIMIT_SECONDS}"


def _value(column: str, cell: str) -> str | int:
    return cell if column in ("code", "operator", "name", "kind") else int(cell)
