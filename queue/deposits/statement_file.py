"""A bank's statement as a CSV file: read as a whole by the map of its columns, or not at all.

Each bank has its own headings, dates and way of writing amounts; a `StatementForm` says them. A
file with one bad line gives its problems, all with their line numbers, and no rows. Nothing is
computed that a cell asks for: a formula is a text, and no amount.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from pulsarack.queue.deposits import bank_rows, rupiah
from pulsarack.queue.deposits.bank_rows import StatementRow
from pulsarack.queue.deposits.rupiah import Decimal

SIZE_LIMIT: Final = 8 * 1024 * 1024
MOST_ROWS: Final = 20_000
_MOST_PROBLEMS: Final = 50
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# Months as Indonesian banks shorten them, where they differ from what the library reads.
_MONTHS = {"mei": "May", "agu": "Aug", "ags": "Aug", "agt": "Aug", "okt": "Oct", "nop": "Nov",
           "des": "Dec", "peb": "Feb"}  # fmt: skip

Place = str | int
"""A column by its heading, or by its number from 1."""


@dataclass(frozen=True, slots=True)
class StatementForm:
    """How a bank writes its statements.

    Either `amount` (with a sign, or with `kind` beside it) or `debit` and `credit`. Dates are
    forms of strptime(3); one without a year means the newest such day. `skip_first` lines stand
    before the headings, or before the first row if there are no headings.
    """

    date: Place
    description: Place | None
    amount: Place | None
    debit: Place | None
    credit: Place | None
    kind: Place | None
    balance: Place | None
    delimiter: str
    encoding: str
    decimal: Decimal
    headings: bool
    skip_first: int
    skip_last: int
    date_forms: Sequence[str]
    credit_words: Sequence[str]
    debit_words: Sequence[str]


@dataclass(frozen=True, slots=True)
class Problems:
    """Why nothing of a file was read: one line each."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The same columns by their positions, from 0."""

    date: int
    description: int | None
    amount: int | None
    debit: int | None
    credit: int | None
    kind: int | None
    balance: int | None


class _Bad(Exception):
    """What is wrong with one line."""


def read(
    raw: bytes, form: StatementForm, *, latest_day: str, name: str
) -> list[StatementRow] | Problems:
    """The rows of a file, equal ones numbered; `name` stands for the file in messages.

    `latest_day` is the last local day that a row can have.
    """
    if len(raw) > SIZE_LIMIT:
        return Problems((f"{name}: larger than {SIZE_LIMIT} bytes; is it a statement?",))
    text = _decode(raw, form.encoding, name)
    if isinstance(text, Problems):
        return text
    lines = _lines(text, form, name)
    if isinstance(lines, Problems):
        return lines
    headings = lines[0] if form.headings and lines else None
    rows = lines[1:] if headings else lines
    columns = _columns(form, headings, name)
    if isinstance(columns, Problems):
        return columns
    return _rows(rows, headings, columns, form, latest_day, name)


_Line = tuple[int, list[str]]


def _decode(raw: bytes, encoding: str, name: str) -> str | Problems:
    plain = raw.removeprefix(codecs.BOM_UTF8) if encoding == "utf-8" else raw
    try:
        return plain.decode(encoding)
    except UnicodeDecodeError as error:
        line = plain[: error.start].count(b"\n") + 1
        why = f"not {encoding}; save it so, or set `encoding` of the bank"
        return Problems((f"{name}:{line}: {why}",))


def _lines(text: str, form: StatementForm, name: str) -> list[_Line] | Problems:
    """The cells of all lines that are not skipped or empty, each with its number."""
    source = text.splitlines(keepends=True)
    end = len(source) - form.skip_last
    body = "".join(source[form.skip_first : max(end, form.skip_first)])
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=form.delimiter, strict=True)
    found: list[_Line] = []
    first = 1
    try:
        for cells in reader:
            clean = [_cell(cell) for cell in cells]
            if any(clean):
                found.append((form.skip_first + first, clean))
            first = reader.line_num + 1
    except csv.Error as error:
        line = form.skip_first + max(reader.line_num, 1)
        return Problems((f"{name}:{line}: not CSV: {error}; check the quotes of that line",))
    if len(found) - form.headings > MOST_ROWS:
        return Problems((f"{name}: more than {MOST_ROWS} rows; import it by months",))
    if len(found) <= form.headings:
        return Problems((f"{name}: it holds no rows",))
    return found


def _cell(cell: str) -> str:
    # A spreadsheet's mark for "this is a text", which some banks put before dates and numbers.
    return " ".join(_CONTROL.sub(" ", cell).split()).removeprefix("'")


def _columns(form: StatementForm, headings: _Line | None, name: str) -> _Columns | Problems:
    """Where the columns of the form are in this file."""
    problems: list[str] = []
    known = [cell.lower() for cell in headings[1]] if headings else []
    line = headings[0] if headings else form.skip_first + 1

    def place(wanted: Place | None) -> int | None:
        if wanted is None or isinstance(wanted, int):
            return None if wanted is None else wanted - 1
        times = known.count(wanted.lower())
        if times == 1:
            return known.index(wanted.lower())
        there = "is missing" if not times else f"is there {times} times"
        shown = ", ".join(repr(cell[:30]) for cell in known[:20])
        problems.append(f"{name}:{line}: the column {wanted!r} {there}; there are {shown}")
        return None

    day = place(form.date)
    columns = _Columns(
        date=day if day is not None else 0,
        description=place(form.description),
        amount=place(form.amount),
        debit=place(form.debit),
        credit=place(form.credit),
        kind=place(form.kind),
        balance=place(form.balance),
    )
    return Problems(tuple(problems)) if problems else columns


def _rows(
    lines: Sequence[_Line],
    headings: _Line | None,
    columns: _Columns,
    form: StatementForm,
    latest_day: str,
    name: str,
) -> list[StatementRow] | Problems:
    rows: list[StatementRow] = []
    problems: list[str] = []
    width = len(headings[1]) if headings else None
    for line, cells in lines:
        try:
            rows.append(_row(cells, width, columns, form, latest_day))
        except _Bad as bad:
            problems.append(f"{name}:{line}: {bad}")
    if problems:
        hidden = len(problems) - _MOST_PROBLEMS
        more = [f"{name}: and {hidden} more"] if hidden > 0 else []
        end = f"{name}: nothing was imported; correct these lines, or the bank's columns"
        return Problems((*problems[:_MOST_PROBLEMS], *more, end))
    return bank_rows.numbered(rows)


def _row(
    cells: Sequence[str],
    width: int | None,
    columns: _Columns,
    form: StatementForm,
    latest_day: str,
) -> StatementRow:
    needed = 1 + max(at for at in _places(columns))
    if len(cells) < needed:
        raise _Bad(f"{len(cells)} columns, the bank's columns need {needed}")
    if width is not None and any(cells[width:]):
        found = f"{len(cells)} columns, the headings have {width}"
        raise _Bad(f"{found}; a text with a separator stands in quotes")
    row = StatementRow(
        day=_day(cells[columns.date], form.date_forms, latest_day),
        amount=_amount(cells, columns, form),
        description="" if columns.description is None else cells[columns.description],
        balance=_balance(cells, columns, form),
    )
    problem = bank_rows.problem_of(row, latest_day)
    if problem is not None:
        raise _Bad(problem)
    return row


def _places(columns: _Columns) -> Iterator[int]:
    for name in _Columns.__slots__:
        at = getattr(columns, name)
        if at is not None:
            yield at


def _amount(cells: Sequence[str], columns: _Columns, form: StatementForm) -> int:
    if columns.amount is None:
        return _of_two_columns(cells, columns, form)
    amount = _rupiah(cells[columns.amount], "amount", form)
    if columns.kind is None:
        return amount
    if amount < 0:
        raise _Bad(f"{cells[columns.amount]!r} has a sign, and another column says its kind")
    word = cells[columns.kind].lower()
    if word in (one.lower() for one in form.credit_words):
        return amount
    if word in (one.lower() for one in form.debit_words):
        return -amount
    known = ", ".join((*form.credit_words, *form.debit_words))
    raise _Bad(f"{cells[columns.kind][:20]!r} is neither credit nor debit; known are {known}")


def _of_two_columns(cells: Sequence[str], columns: _Columns, form: StatementForm) -> int:
    sides = []
    for at, name in ((columns.credit, "credit"), (columns.debit, "debit")):
        cell = cells[at] if at is not None else ""
        side = _rupiah(cell, name, form) if cell not in ("", "-") else 0
        if side < 0:
            raise _Bad(f"{name} {cell!r} is below zero")
        sides.append(side)
    credit, debit = sides
    if (credit == 0) == (debit == 0):
        raise _Bad("one of credit and debit must be above zero, and the other not")
    return credit - debit


def _balance(cells: Sequence[str], columns: _Columns, form: StatementForm) -> int | None:
    if columns.balance is None or cells[columns.balance] in ("", "-"):
        return None
    return _rupiah(cells[columns.balance], "balance", form)


def _rupiah(cell: str, what: str, form: StatementForm) -> int:
    found = rupiah.read(cell, form.decimal)
    if isinstance(found, str):
        raise _Bad(f"{what} {found}")
    return found


def _day(cell: str, forms: Sequence[str], latest_day: str) -> str:
    """The day of a cell; one without a year is the newest such day that has come."""
    latest = date.fromisoformat(latest_day)
    text = _in_english(cell) if cell.isascii() and len(cell) <= 40 else ""
    for form in forms:
        if "%Y" in form or "%y" in form:
            found = _parsed(text, form)
            if found is not None:
                return found.isoformat()
            continue
        for year in range(latest.year, latest.year - 4, -1):  # 29 February is rare
            found = _parsed(f"{text} {year}", f"{form} %Y")
            if found is not None and found <= latest:
                return found.isoformat()
    raise _Bad(f"{cell[:20]!r} is no date as in {' or '.join(forms)}")


def _parsed(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007  a day, in no zone
    except ValueError:
        return None


def _in_english(text: str) -> str:
    return re.sub(r"[A-Za-z]+", lambda word: _MONTHS.get(word[0].lower(), word[0]), text)


def form_of(values: dict[str, object]) -> StatementForm:
    """A form from the fields of another one, as they come over a line."""
    lists = {
        key: tuple(str(one) for one in value)
        for key, value in values.items()
        if isinstance(value, list)
    }
    return StatementForm(**{**values, **lists})  # type: ignore[arg-type]
