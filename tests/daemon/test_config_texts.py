"""[texts]: its defaults are the grammar's, and each key that can be wrong says so."""

from dataclasses import fields
from pathlib import Path

import pytest

from pulsarack.daemon import config
from pulsarack.daemon.config_errors import ConfigErrors
from pulsarack.daemon.config_texts import TextsSection
from pulsarack.queue.order_text.grammar import Grammar


def test_the_defaults_are_the_grammars_own() -> None:
    assert TextsSection().grammar() == Grammar()


def test_every_option_of_the_grammar_can_be_set() -> None:
    settable = set(TextsSection.model_fields) - {"aliases"}
    # The PIN's length is the identity's, and the words are changed by aliases.
    assert settable == {field.name for field in fields(Grammar)} - {"words", "pin_digits"}


def test_a_section_makes_a_grammar(tmp_path: Path) -> None:
    path = tmp_path / "pulsarack.toml"
    path.write_text(
        '[texts]\nseparators = "."\npin_places = ["last"]\ncounters = []\ndenominations = [5]\n'
        'customer_digits = [5, 12]\naliases = { sld = "saldo", S = "" }\n'
    )
    made = config.load(path).texts.grammar()
    assert made.separators == "."
    assert made.pin_places == {"last"}
    assert made.counters == frozenset()
    assert made.denominations == {5}
    assert made.customer_digits == (5, 12)
    assert made.words.knows("SLD") and not made.words.knows("S")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('separators = ""', "write one or more of these"),
        ('separators = "a."', "write one or more of these"),
        ('separators = "+"', "write one or more of these"),
        ("pin_places = []", "pin_places"),
        ('pin_places = ["back"]', "allowed are 'first', 'middle', 'last' or 'semicolon'"),
        ('counters = ["x"]', "allowed are"),
        ("highest_counter = 1", "at least 2"),
        ("most_orders = 21", "at most 20"),
        ('gp_order = "new"', "allowed are 'old_new' or 'new_old'"),
        ("denominations = [0]", "write thousands"),
        ("customer_digits = [9]", "such as [9, 16]"),
        ("customer_digits = [9, 8]", "such as [9, 16]"),
        ("customer_digits = [9, 21]", "such as [9, 16]"),
        ('aliases = { X = "SALDU" }', "there is no word 'SALDU'"),
        ('aliases = { "X Y" = "SALDO" }', "letters and figures"),
        ("aliases = { X = 5 }", "text in quotes"),
        ("words = 5", "there is no such key"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "pulsarack.toml"
    path.write_text(f"[texts]\n{line}\n")
    with pytest.raises(ConfigErrors) as caught:
        config.load(path)
    assert said in "\n".join(caught.value.lines())
