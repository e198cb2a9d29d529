"""[deposits] and [[bank]]: what banks write, and what cannot be meant."""

from dataclasses import asdict
from pathlib import Path

import pytest

from pulsarack.daemon import config
from pulsarack.daemon.config_deposits import BankSection, ticket_terms
from pulsarack.daemon.config_errors import ConfigErrors


def load(tmp_path: Path, text: str) -> config.Config:
    """A file's configuration."""
    path = tmp_path / "pulsarack.toml"
    path.write_text(text)
    return config.load(path)


def test_without_a_section_there_is_one_bank(tmp_path: Path) -> None:
    loaded = load(tmp_path, "")
    assert [bank.name for bank in loaded.banks] == ["bank"]
    terms = ticket_terms(loaded)
    assert (terms.valid_ms, terms.tail_digits, terms.banks) == (86_400_000, 3, ("bank",))
    assert terms.day_of(1_795_366_799_000) == "2026-11-22"


def test_the_examples_of_the_guide_are_read(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "deposits.md").read_text(encoding="utf-8")
    text = guide.split("```toml\n")[1].split("```")[0]
    bca, bri = load(tmp_path, text).banks
    assert (bca.form.kind, bca.form.amount, bca.form.debit) == (5, "Jumlah", None)
    assert (bri.form.kind, bri.form.amount, bri.form.debit) == (None, None, "Debet")


def test_without_headings_a_column_that_is_not_numbered_is_none() -> None:
    form = BankSection(date_column=1, amount_column=2, headings=False).form
    assert (form.description, form.balance) == (None, None)
    assert asdict(form)["date_forms"] == ("%Y-%m-%d", "%d/%m/%Y")


BANK = '[[bank]]\nname = "bca"\n'
BAD = [
    ('[[bank]]\nname = "BCA"\n', "write small letters"),
    ('[[bank]]\nname = "cash"\n', 'not "cash"'),
    (BANK + BANK, "'bca' stands in bank[1] already"),
    (BANK + 'debit_column = "D"\n', "needs the other side"),
    (BANK + 'debit_column = "D"\ncredit_column = "K"\namount_column = "X"\n', "is not for statem"),
    (BANK + "date_column = 0\n", "write a heading, or the number"),
    (BANK + 'amount_column = ""\n', "write a heading, or the number"),
    (BANK + "headings = false\n", "must be a number, as there are no headings"),
    (BANK + 'date_formats = ["%d %Q"]\n', "day %d, month %m"),
    (BANK + 'date_formats = ["%Y-%m"]\n', "day %d, month %m"),
    (BANK + "date_formats = []\n", "day %d, month %m"),
    (BANK + 'encoding = "latin-9"\n', "allowed are"),
    (BANK + 'delimiter = "x"\n', "allowed are"),
    (BANK + "skip_first_lines = -1\n", "at least 0"),
    (BANK + 'colums = "x"\n', "there is no such key"),
    ("bank = []\n", "bank"),
    ("[deposits]\nticket_hours = 0\n", "at least 1"),
    ("[deposits]\ntail_digits = 5\n", "at most 4"),
    ("[deposits]\nminimum = 50000\n", "there is no such key"),
]


@pytest.mark.parametrize(("text", "problem"), BAD)
def test_what_cannot_be_meant(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path, text)
    assert problem in "\n".join(caught.value.lines())
