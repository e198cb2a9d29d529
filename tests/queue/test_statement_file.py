"""Statements of banks as CSV files: read exactly, or refused as a whole with all line numbers."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsarack.queue.deposits import rupiah, statement_file
from pulsarack.queue.deposits.bank_rows import StatementRow
from pulsarack.queue.deposits.statement_file import Problems, StatementForm

LATEST = "2026-12-02"
SHIPPED: dict[str, Any] = {
    "date": "date",
    "description": "description",
    "amount": "amount",
    "debit": None,
    "credit": None,
    "kind": None,
    "balance": None,
    "delimiter": ",",
    "encoding": "utf-8",
    "decimal": "comma",
    "headings": True,
    "skip_first": 0,
    "skip_last": 0,
    "date_forms": ("%Y-%m-%d", "%d/%m/%Y"),
    "credit_words": ("CR", "K"),
    "debit_words": ("DB", "D"),
}
HEAD = "date,description,amount\n"


def read(text: str | bytes, **changes: Any) -> list[StatementRow] | Problems:
    """What a file gives."""
    raw = text if isinstance(text, bytes) else text.encode()
    form = StatementForm(**(SHIPPED | changes))
    return statement_file.read(raw, form, latest_day=LATEST, name="s.csv")


def rows(text: str | bytes, **changes: Any) -> list[tuple[str, int, str, int | None]]:
    """The rows of a good file."""
    found = read(text, **changes)
    assert not isinstance(found, Problems), found
    return [(row.day, row.amount, row.description, row.balance) for row in found]


def problems(text: str | bytes, **changes: Any) -> tuple[str, ...]:
    """The lines about a bad one."""
    found = read(text, **changes)
    assert isinstance(found, Problems), found
    return found.lines


# --- what banks write ---------------------------------------------------------------------


def test_a_plain_file() -> None:
    text = HEAD + '2026-11-30,"TRSF, E-BANKING",500.925\n30/11/2026,fee,-2.500\n'
    assert rows(text) == [
        ("2026-11-30", 500_925, "TRSF, E-BANKING", None),
        ("2026-11-30", -2_500, "fee", None),
    ]


def test_a_type_beside_the_amount_a_preamble_and_a_footer() -> None:
    text = (
        "No. rekening,: 0001\n\nTanggal,Keterangan,Cabang,Jumlah,,Saldo\n"
        "'29/11,TRSF E-BANKING CR,'0000,500925.00,CR,1500925.00\n"
        '\'30/11,BIAYA ADM,\'0000,"15,000.00",DB,"1,485,925.00"\n'
        "Saldo Akhir,=,1485925.00\n"
    )
    how = {"date": "tanggal", "description": "Keterangan", "amount": "Jumlah", "kind": 5}
    how |= {"balance": "Saldo", "decimal": "point", "skip_first": 2, "skip_last": 1}
    assert rows(text, date_forms=("%d/%m",), **how) == [
        ("2026-11-29", 500_925, "TRSF E-BANKING CR", 1_500_925),
        ("2026-11-30", -15_000, "BIAYA ADM", 1_485_925),
    ]


def test_two_columns_semicolons_and_a_spreadsheets_mark() -> None:
    text = (
        "\ufeffTgl;Uraian;Debet;Kredit;Saldo\r\n"
        "30 Nop 2026;setor\u00a0tunai;0,00;Rp 1.000.321,00;-\r\n"
        "01-Des-26;keluar;250.000,-;;\r\n;;;;\r\n"
    )
    how = {"date": "Tgl", "description": "Uraian", "amount": None, "debit": "Debet"}
    how |= {"credit": "Kredit", "balance": "Saldo", "delimiter": ";"}
    assert rows(text, date_forms=("%d %b %Y", "%d-%b-%y"), **how) == [
        ("2026-11-30", 1_000_321, "setor tunai", None),
        ("2026-12-01", -250_000, "keluar", None),
    ]


def test_columns_by_number_without_headings() -> None:
    how = {"date": 1, "amount": 3, "description": None, "headings": False, "delimiter": "|"}
    assert rows("30/11/2026|x|5\n", **how) == [("2026-11-30", 5, "", None)]


def test_another_encoding() -> None:
    text = HEAD + "2026-11-30,caf\u00e9,5\n"
    for encoding in ("windows-1252", "utf-16"):
        assert rows(text.encode(encoding), encoding=encoding)[0][2] == "caf\u00e9"


def test_a_day_without_a_year_is_the_newest_that_has_come() -> None:
    text = "date,description,amount\n31/12,x,1\n02/12,x,1\n29/02,x,1\n"
    days = [row[0] for row in rows(text, date_forms=("%d/%m",))]
    assert days == ["2025-12-31", "2026-12-02", "2024-02-29"]


def test_equal_rows_are_numbered() -> None:
    found = read(HEAD + "2026-11-30,x,5\n" * 3)
    assert not isinstance(found, Problems)
    assert [row.occurrence for row in found] == [1, 2, 3]


# --- what is wrong with files -------------------------------------------------------------


LINE_PROBLEMS = [
    ("30-11-2026,x,5", "'30-11-2026' is no date as in %Y-%m-%d or %d/%m/%Y"),
    ("2026-11-31,x,5", "is no date"),
    ("PEND,x,5", "'PEND' is no date"),
    ("2026-12-03,x,5", "2026-12-03 has not come yet"),
    ("1999-01-01,x,5", "is not a day"),
    ("2026-11-30,x,", "amount '' is not written as 1.234.567,00"),
    ("2026-11-30,x,0", "0 rupiah is no payment"),
    ("2026-11-30,x,=1+499999", "'=1+499999' is not written"),
    ('2026-11-30,x,"=""500000"""', "is not written as"),
    ("2026-11-30,x,+5 -5", "is not written as"),
    ("2026-11-30,x,5e5", "is not written as"),
    ("2026-11-30,x,\u0665\u0660\u0660", "is not written as"),
    ('2026-11-30,x,"500.925,50"', "has sen; only whole rupiah are booked"),
    ('2026-11-30,x,"500,925.00"', "is not written as 1.234.567,00"),
    ("2026-11-30,x,500.92", "is not written as 1.234.567,00"),
    ("2026-11-30,x,1000000000001", "1000000000001 rupiah is no payment"),
    ("2026-11-30,x," + "9" * 5000, "... is no amount"),
    ("2026-11-30," + "x" * 301 + ",5", "more than 300 characters"),
    ("2026-11-30,5", "2 columns, the bank's columns need 3"),
    ("2026-11-30,a,5,b", "4 columns, the headings have 3"),
]


@pytest.mark.parametrize(("line", "problem"), LINE_PROBLEMS)
def test_a_bad_line_is_named(line: str, problem: str) -> None:
    first, last = problems(f"{HEAD}2026-11-30,fine,1\n{line}\n2026-11-30,fine,1\n")
    assert first.startswith("s.csv:3: ") and problem in first
    assert last == "s.csv: nothing was imported; correct these lines, or the bank's columns"


def test_all_problems_are_told_at_once() -> None:
    found = problems(HEAD + '2026-11-30,"two\nlines",5\nx,y,z\n2026-11-30,a,b\n')
    assert [line.split(": ")[0] for line in found] == ["s.csv:4", "s.csv:5", "s.csv"]
    many = problems(HEAD + "x,y,z\n" * 400)
    assert len(many) == 52 and many[-2] == "s.csv: and 350 more"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "s.csv: it holds no rows"),
        (HEAD.encode(), "s.csv: it holds no rows"),
        (b"date,description,amount\n2026-11-30,caf\xe9,5\n", "s.csv:2: not utf-8"),
        (b"date,description,amount\n2026-11-30,a\x00b\"c,\"5\n", "s.csv:"),
        (HEAD.encode() + b'2026-11-30,"never closed,5\n', "s.csv:2: not CSV"),
        (HEAD.encode() + b'2026-11-30,"a"b,5\n', "s.csv:2: not CSV"),
        (HEAD.encode() + b'2026-11-30,"' + b"x" * 200_000 + b'",5\n', "s.csv:2: not CSV"),
        (b"x" * (statement_file.SIZE_LIMIT + 1), "s.csv: larger than"),
        (HEAD.encode() + b"2026-11-30,x,5\n" * 20_001, "s.csv: more than 20000 rows"),
        (b"date,amount\n1,2\n", "s.csv:1: the column 'description' is missing; there are"),
        (b"date,description,amount,Amount\n1,2,3,4\n", "column 'amount' is there 2 times"),
        (b"PK\x03\x04\x14\x00" + bytes(range(256)), "s.csv:"),
        (b"\xff\xfe" + HEAD.encode("utf-16-le"), "s.csv:1: not utf-8"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_statement(raw: bytes, problem: str) -> None:
    assert problem in problems(raw)[0]


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("0,0", "one of credit and debit must be above zero"),
        ("5,5", "one of credit and debit must be above zero"),
        (",", "one of credit and debit must be above zero"),
        ("-5,0", "credit '-5' is below zero"),
    ],
)
def test_credit_and_debit_exclude_each_other(cells: str, problem: str) -> None:
    how = {"amount": None, "credit": "in", "debit": "out"}
    found = problems(f"date,description,in,out\n2026-11-30,x,{cells}\n", **how)
    assert problem in found[0]


@pytest.mark.parametrize(("amount", "kind"), [("5", "X"), ("5", ""), ("-5", "CR")])
def test_a_type_that_is_not_known_is_no_guess(amount: str, kind: str) -> None:
    text = f"date,description,amount,type\n2026-11-30,x,{amount},{kind}\n"
    assert len(problems(text, kind="type")) == 2
    good = text.replace(f"{amount},{kind}", "5,db")
    assert rows(good, kind="type")[0][1] == -5


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "windows-1252", "utf-16"]))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_bytes_are_a_crash(raw: bytes, encoding: str) -> None:
    read(raw, encoding=encoding)
    read(HEAD.encode(encoding) + raw, encoding=encoding)


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_cell_is_a_crash(cell: str) -> None:
    for line in (f'"{cell}",x,5', f'2026-11-30,"{cell}",5', f'2026-11-30,x,"{cell}"'):
        read(f"{HEAD}{line}\n".encode("utf-8", "replace"))


# --- amounts ------------------------------------------------------------------------------


@given(st.integers(-(10**13), 10**13), st.sampled_from(["comma", "point"]), st.booleans())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_an_amount_is_read_as_it_was_written(amount: int, decimal: Any, sen: bool) -> None:
    text = f"{amount:,}" + (".00" if sen else "")
    if decimal == "comma":
        text = text.translate(str.maketrans(",.", ".,"))
    assert rupiah.read(text, decimal) == amount
    assert rupiah.read(str(amount), decimal) == amount


@pytest.mark.parametrize(
    "text", ["Rp 1.234.567,00", "Rp1.234.567", "IDR 1234567,0", "+1.234.567,-"]
)
def test_how_rupiah_are_written(text: str) -> None:
    assert rupiah.read(text, "comma") == 1_234_567


@pytest.mark.parametrize(
    "text",
    ["", "Rp", "-", "--5", "1..000", "1.00.000", "12.34", "1,2,3", "0x10", "1 000", "(5)", "5.",
     "\u00bd", "5,001", "5,1", "1_000", "nan", "5\n6"],
)  # fmt: skip
def test_what_is_no_amount(text: str) -> None:
    assert isinstance(rupiah.read(text, "comma"), str)
