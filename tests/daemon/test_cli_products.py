"""The product file: accepted as a whole or refused as a whole, every bad line named."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon.cli import product_file
from pulsarack.daemon.cli.arguments import Troubles
from pulsarack.daemon.cli.root import root

HEADER = "code,operator,denomination,price,cost"
ROW = {"code": "S10", "operator": "telkomsel", "denomination": 10000, "price": 10500, "cost": 10150}

GOOD = [
    (f"{HEADER}\nS10,telkomsel,10000,10500,10150\n", [ROW]),
    (f"{HEADER}\r\nS10,telkomsel,10000,10500,10150\r\n\r\n", [ROW]),
    (f"{HEADER}\n S10 , telkomsel ,10000, 10500,10150", [ROW]),
    (f"{HEADER.replace(',', ';')}\nS10;telkomsel;10000;10500;10150\n", [ROW]),
    (f"{HEADER.upper()}\nS10,telkomsel,10000,10500,10150\n", [ROW]),
    (
        f'{HEADER},name,time_limit_seconds\nS10,telkomsel,10000,10500,10150,"Simpati, 10",300\n',
        [ROW | {"name": "Simpati, 10", "time_limit_seconds": 300}],
    ),
    (f"{HEADER},name\nS10,telkomsel,10000,10500,10150,\n", [ROW]),
]


@pytest.mark.parametrize(("text", "rows"), GOOD)
def test_good_files(text: str, rows: list[dict[str, Any]]) -> None:
    assert product_file.parse(text, "p.csv") == rows


BAD = [
    ("", ["p.csv: it is empty; the first line is code,operator,denomination,price,cost"]),
    (HEADER, ["p.csv: it holds no products; each line after the first is one"]),
    (
        "code,operator,denomination,price,prise\n",
        [
            "p.csv:1: the column cost is missing; the first line names the columns",
            "p.csv:1: there is no column 'prise'; known are code, operator, denomination, price, "
            "cost, name, time_limit_seconds, below_cost, kind",
        ],
    ),
    (f"{HEADER},code\n", ["p.csv:1: a column is there twice; remove one"]),
    (
        f"{HEADER}\nS10,telkomsel,10000,10.500,10150\nS 5,,5000,5500,-1\nS10,t,1,1,1\nS20,t\n",
        [
            "p.csv:2: price '10.500': whole digits without dots, as in 10150",
            "p.csv:3: code 'S 5': letters, digits, - and _ only",
            "p.csv:3: operator is empty",
            "p.csv:3: cost '-1': whole digits without dots, as in 10150",
            "p.csv:4: code S10 is in line 2 already",
            "p.csv:5: 2 columns, the first line has 5; a text with a separator stands in quotes",
            "p.csv: nothing was imported; correct these lines",
        ],
    ),
    (
        f"{HEADER}\nS10,t,0,1,1\n",
        ["p.csv:2: denomination is zero", "p.csv: nothing was imported; correct these lines"],
    ),
]


@pytest.mark.parametrize(("text", "lines"), BAD)
def test_bad_files_name_every_line(text: str, lines: list[str]) -> None:
    with pytest.raises(Troubles) as caught:
        product_file.parse(text, "p.csv")
    assert list(caught.value.lines()) == lines


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff\xfe", ":1: not UTF-8"),
        (f"{HEADER}\nS10,t,1,1,1\n".encode() + b"S\xe9", ":3: not UTF-8"),
        (f'{HEADER}\n"S10,t\n'.encode(), "not CSV"),
        (b"x" * (product_file.SIZE_LIMIT + 1), "larger than"),
    ],
)
def test_files_that_are_no_csv(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(raw)
    with pytest.raises(Troubles, match=words):
        product_file.read(path)
    with pytest.raises(Troubles, match="No such file"):
        product_file.read(tmp_path / "none")


@given(st.text(alphabet="code,;\n\"'0189 SX\x00", max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    for given_text in (text, f"{HEADER}\n{text}"):
        try:
            rows = product_file.parse(given_text, "p.csv")
        except Troubles:
            continue
        assert all(type(row["price"]) is int for row in rows)


def test_a_file_too_large_for_one_request_is_not_sent(fake_daemon: Any, tmp_path: Path) -> None:
    fake_daemon.answers["product.import"] = {"added": 1, "changed": 0}
    path = tmp_path / "p.csv"
    rows = [f"S{n},telkomsel,10,10500,10150,Sim\u00e9 {n}\n" for n in range(1000)]
    args = ["--socket", str(fake_daemon.path), "product", "import", str(path)]

    def imported(count: int) -> Any:
        path.write_text(f"{HEADER},name\n{''.join(rows[:count])}")
        return CliRunner().invoke(root, args)

    result = imported(1000)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    said = f"pulsarack: {path}: 1000 products do not fit into one import, the first ([0-9]+) do;"
    found = re.match(said, result.stderr)
    assert found is not None, result.stderr
    assert fake_daemon.asked == []
    fit = int(found[1])
    assert fit > 400
    assert imported(fit).exit_code == 0
    assert imported(fit + 1).exit_code == 1
    assert len(fake_daemon.args_of("product.import")["rows"]) == fit


def test_a_last_column_out_of_bounds_is_named() -> None:
    text = f"{HEADER},name,time_limit_seconds\nS10,t,1,1,1,{'n' * 101},604801\n"
    with pytest.raises(Troubles) as caught:
        product_file.parse(text, "p.csv")
    assert list(caught.value.lines())[:2] == [
        f"p.csv:2: name {'n' * 20!r}...: at most 100 characters in one line",
        "p.csv:2: time_limit_seconds '604801': at most 604800",
    ]


def test_an_import_is_one_call_and_a_bad_file_is_none(fake_daemon: Any, tmp_path: Path) -> None:
    fake_daemon.answers["product.import"] = {"added": 1, "changed": 0}
    path = tmp_path / "p.csv"
    args = ["--socket", str(fake_daemon.path), "product", "import", str(path)]
    path.write_text(f"\ufeff{HEADER}\nS10,telkomsel,10000,10500,10150\n")
    assert CliRunner().invoke(root, args).stdout == "products: 1 added, 0 changed\n"
    (row,) = fake_daemon.args_of("product.import")["rows"]
    assert (row.code, row.price) == ("S10", 10500)
    path.write_text(f"{HEADER}\nS10,telkomsel,10000,abc,10150\n")
    result = CliRunner().invoke(root, args)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"pulsarack: {path}:2: price 'abc'")
    assert len(fake_daemon.asked) == 1
