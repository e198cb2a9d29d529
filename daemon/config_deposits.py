"""[deposits] and [[bank]]: how agents pay in, and how the statements of our banks are read."""

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from pulsarack.daemon import calendar
from pulsarack.daemon.config_errors import Problem, line_of
from pulsarack.daemon.config_fields import Section, explained, printable
from pulsarack.queue.deposits.statement_file import StatementForm
from pulsarack.queue.deposits.tickets import TicketTerms

if TYPE_CHECKING:
    from pulsarack.daemon.config import Config

HOUR_MS = 3_600_000
_NAME = r"[a-z0-9][a-z0-9-]{0,31}"
# The account of money that comes in without a bank.
_RESERVED = "cash"
_DIRECTIVES = frozenset("dmyYbBHMS")
_REMEDY_DATE = 'write it as in "%d/%m/%Y": day %d, month %m or %b, year %Y or %y'


def _bank_name(name: str) -> str:
    if not re.fullmatch(_NAME, name) or name == _RESERVED:
        raise ValueError('write small letters, digits and dashes, as in "bca"; not "cash"')
    return name


def _date_forms(forms: tuple[str, ...]) -> tuple[str, ...]:
    for one in forms:
        used = re.findall(r"%(.?)", one)
        has_month = {"m", "b", "B"} & set(used)
        if not set(used) <= _DIRECTIVES or "d" not in used or not has_month:
            raise ValueError(_REMEDY_DATE)
    if not forms:
        raise ValueError(_REMEDY_DATE)
    return forms


def _column(place: str | int) -> str | int:
    if place == "" or (isinstance(place, int) and not 1 <= place <= 200):
        raise ValueError("write a heading, or the number of the column from 1")
    return place


def _optional_column(place: str | int) -> str | int:
    return place and _column(place)


Text = Annotated[str, Field(max_length=100), AfterValidator(printable)]
Column = Annotated[str | int, AfterValidator(_column)]
# "": there is none.
OptionalColumn = Annotated[str | int, AfterValidator(_optional_column)]
DateForms = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_date_forms)]
Words = Annotated[tuple[str, ...], Field(strict=False)]
Lines = Annotated[int, Field(ge=0, le=1000)]


class DepositsSection(Section):
    """[deposits]: tickets, and balance that moves between agents.

    `tail_digits`: by at most 9, 99, 999 or 9999 a ticket is more than what was asked.
    """

    ABOUT: ClassVar[str] = (
        "How agents pay in. An agent asks for a ticket (TIKET.500000) and gets an amount that is"
        " its own for some days (500.925); when a bank's statement has that amount, the deposit"
        " is raised by it. docs/deposits.md tells how, and what to do with payments that match"
        " nothing."
    )

    ticket_hours: Annotated[int, Field(ge=1, le=720)] = explained(
        24,
        "How long a ticket is valid. Statements tell days and no hours: it is paid by a row of"
        " any day of this time.",
    )
    tail_digits: Annotated[int, Field(ge=1, le=4)] = explained(
        3,
        "How many digits make the amount unique: 3 is up to 999 rupiah more than was asked.",
    )
    open_tickets: Annotated[int, Field(ge=1, le=100)] = explained(
        5,
        "How many tickets an agent has open at once.",
    )
    across_network: bool = explained(
        False,
        "Whether an agent may send balance to every agent, and not only to those below it.",
    )


class BankSection(Section):
    """[[bank]]: one of our accounts, and the columns of its statements."""

    ABOUT: ClassVar[str] = (
        "One section for each account that agents pay in to. As long as there is none, one bank"
        ' is there whose name is "bank", with these columns.'
    )

    name: Annotated[str, AfterValidator(_bank_name)] = explained(
        "bank",
        "The name is what agents write (TIKET.BCA.500000) and the account in the books,"
        " asset:bank:bca.",
    )
    account: Text = explained(
        "",
        "What agents are told: the number of the account, and whose it is.",
    )
    holder: Text = ""
    date_column: Column = explained(
        "date",
        "Where things stand in the bank's CSV file: by the heading of the column, or by its"
        " number from 1. Empty: there is no such column. Let the balance be read if the bank"
        " tells it: two payments that are equal in everything else are told apart by it.",
    )
    description_column: OptionalColumn = "description"
    balance_column: OptionalColumn = ""
    amount_column: Column = explained(
        "amount",
        "One column with the amount, below zero if it left; or with a column that says credit or"
        " debit:",
    )
    type_column: OptionalColumn = ""
    credit_words: Words = ("CR", "K", "Kredit", "Credit")
    debit_words: Words = ("DB", "D", "Debet", "Debit")
    debit_column: OptionalColumn = explained(
        "",
        "Or two columns, in place of those:",
    )
    credit_column: OptionalColumn = ""
    delimiter: Literal[",", ";", "\t", "|"] = explained(
        ",",
        'How the file is written: "," ";" "|" or "\\t" between columns; "utf-8",'
        ' "windows-1252" or "utf-16"; "comma" for 1.234.567,00 and "point" for'
        " 1,234,567.00. Lines before the headings and after the last row are skipped. Without"
        " headings all columns are numbers.",
    )
    encoding: Literal["utf-8", "windows-1252", "utf-16"] = "utf-8"
    decimal: Literal["comma", "point"] = "comma"
    headings: bool = True
    skip_first_lines: Lines = 0
    skip_last_lines: Lines = 0
    date_formats: DateForms = explained(
        ("%Y-%m-%d", "%d/%m/%Y"),
        "Forms of a date that the bank uses; without a year it is the newest such day.",
    )

    @property
    def form(self) -> StatementForm:
        """The same for who reads a statement."""
        two = bool(self.debit_column and self.credit_column)
        return StatementForm(
            date=self.date_column,
            description=self._place(self.description_column),
            amount=None if two else self.amount_column,
            debit=self._place(self.debit_column),
            credit=self._place(self.credit_column),
            kind=None if two else self._place(self.type_column),
            balance=self._place(self.balance_column),
            delimiter=self.delimiter,
            encoding=self.encoding,
            decimal=self.decimal,
            headings=self.headings,
            skip_first=self.skip_first_lines,
            skip_last=self.skip_last_lines,
            date_forms=self.date_formats,
            credit_words=self.credit_words,
            debit_words=self.debit_words,
        )

    def _place(self, column: str | int) -> str | int | None:
        """A column that need not be there; without headings a name is none."""
        return column if column and (self.headings or isinstance(column, int)) else None


def problems(raw: dict[str, Any], text: str) -> list[Problem]:
    """What two banks, or two keys of one, say against each other."""
    banks = raw.get("bank")
    found: list[Problem] = []
    first: dict[object, int] = {}
    for number, bank in enumerate(banks if isinstance(banks, list) else [], start=1):
        if not isinstance(bank, dict):
            continue
        said = partial(_said, text, number)
        name = bank.get("name", "bank")
        if isinstance(name, str) and name in first:
            found.append(said("name", f"{name!r} stands in bank[{first[name]}] already",
                              "give each bank a name of its own"))  # fmt: skip
        if isinstance(name, str):
            first.setdefault(name, number)
        sides = {key for key in ("debit_column", "credit_column") if bank.get(key)}
        if len(sides) == 1:
            (one,) = sides
            found.append(said(one, "needs the other side", "set debit_column and credit_column"))
        for key in ("amount_column", "type_column"):
            if sides and key in bank:
                found.append(said(key, "is not for statements with debit and credit columns",
                                  "remove it, or those two"))  # fmt: skip
        if bank.get("headings") is False:
            found += _headings_needed(bank, said)
    return found


def _headings_needed(bank: dict[str, Any], said: Any) -> list[Problem]:
    """Without headings every column needs a number."""
    sides = bool(bank.get("debit_column"))
    needed = ["date_column", *(("debit_column", "credit_column") if sides else ("amount_column",))]
    optional = ("description_column", "balance_column", "type_column")
    wrong = [key for key in needed if not isinstance(bank.get(key), int)]
    wrong += [key for key in optional if isinstance(bank.get(key), str) and bank[key]]
    return [
        said(key, "must be a number, as there are no headings", "count from 1") for key in wrong
    ]


def _said(text: str, number: int, key: str, message: str, remedy: str) -> Problem:
    line = line_of(text, ("bank", number - 1, key))
    return Problem(f"bank[{number}].{key}", message, remedy, line)


def ticket_terms(config: "Config") -> TicketTerms:
    """What holds for tickets."""
    timezone = config.daemon.timezone
    return TicketTerms(
        valid_ms=config.deposits.ticket_hours * HOUR_MS,
        tail_digits=config.deposits.tail_digits,
        most_open=config.deposits.open_tickets,
        banks=tuple(bank.name for bank in config.banks),
        day_of=lambda at_ms: calendar.local_day(at_ms, timezone),
    )
