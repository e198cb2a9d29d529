"""The letters of a pattern spare a search, and never a match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ussd.errors import PatternFault
from pulsarack.ussd.kinds import Channel
from pulsarack.ussd.letters import held_letters
from pulsarack.ussd.macros import compile_pattern, flatten, macro_table
from pulsarack.ussd.shelf import Shelf

TABLE = macro_table(["Rp"])


@pytest.mark.parametrize(
    ("pattern", "letters"),
    [
        ("stok Anda tidak mencukupi", "mencukupi"),
        (r"Isi ulang (?:{word} )?{denomination} ke {destination} berhasil\.", "berhasil"),
        ("^Sisa stok Anda:? {stock}", "sisa"),
        ("berhasil|sukses", ""),
        ("(?:berhasil|sukses) 5", ""),
        ("(?!gagal)ok", "ok"),
        ("isis?", "isi"),
        ("abc{2}de+f", "ab"),
        ("[abc]d", "d"),
        (r"\bnomor\d", "nomor"),
        (r"\x4bartu", ""),
        (r"Ç{any}é ok", "ok"),
        ("{destination}", ""),
        ("", ""),
    ],
)
def test_letters_that_are_sure(pattern: str, letters: str) -> None:
    assert held_letters(pattern) == letters


@pytest.mark.parametrize(
    "write", [str, str.upper, str.lower, lambda text: text.replace("k", "\u212a")]
)
def test_no_pattern_that_matches_is_passed_over(shelf: Shelf, write) -> None:
    texts = {
        flatten(write(sample.text))
        for recipe in shelf.recipes.values()
        for pattern in recipe.patterns
        for sample in pattern.samples
    }
    for recipe in shelf.recipes.values():
        for channel in Channel:
            for text in texts:
                every = recipe.patterns_of[channel]
                matching = [one for one in every if one.expression.search(text)]
                candidates = recipe.candidates(text, channel)
                assert [one for one in candidates if one.expression.search(text)] == matching


PIECES = [
    "a",
    "bc",
    "k",
    "s",
    " ",
    ".",
    "(",
    "(?:",
    "(?=",
    "(?!",
    ")",
    "|",
    "?",
    "*",
    "{2}",
    "{0,1}",
]
PIECES += ["[ab]", "[^a]", r"\.", r"\w", r"\x41", r"\u0062", "^", "$", "{any}", "{", "}"]


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.text("aAbBcCkKsS .", max_size=12))
def test_whatever_a_pattern_matches_holds_its_letters(pieces: list[str], text: str) -> None:
    pattern, text = "".join(pieces), flatten(text)
    try:
        found = compile_pattern(pattern, TABLE).search(text)
    except PatternFault:
        return
    assert found is None or held_letters(pattern) in text.lower()
