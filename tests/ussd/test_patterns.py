"""From the pattern an author writes to what it matches, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ussd.errors import PatternFault
from pulsarack.ussd.guard import refuse_runaway
from pulsarack.ussd.macros import compile_pattern, flatten, macro_table
from pulsarack.ussd.tokens import tokens

TABLE = macro_table(["Rp", "P"], ["OK"], ["GAGAL"])


def taken(pattern: str, text: str) -> dict[str, str | None] | None:
    match = compile_pattern(pattern, TABLE).search(flatten(text))
    return match.groupdict() if match else None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("Sisa stok Anda", "SISA  stok\r\n anda"),
        (r"berhasil\. SN: 5", "berhasil.SN:5"),
        (r"berhasil\. SN: 5", "berhasil.   SN:\n5"),
        (r"10 \(P5\)", "10(P5)"),
        (r"a(?:\. b)?", "a.b"),
        ("a ?b", "ab"),
        ("a {1,2}b", "a b"),
        ("x[ .]y", "x y"),
        ("one\n   two", "one two"),
    ],
)
def test_white_space_is_forgiven(pattern: str, text: str) -> None:
    assert taken(pattern, text) is not None


def test_white_space_between_words_is_needed() -> None:
    assert taken("stok Anda", "stokAnda") is None


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
    [
        ("stok {stock}", "stok Rp 490.000. Promo", "490.000"),
        ("stok {stock}", "stok Rp.490.000,-", "490.000"),
        ("stok {stock}", "stok Rp490000", "490000"),
        ("stok {stock}", "stok P489,850.00.", "489,850.00"),
        ("stok: {stock}", "stok:36,998 ", "36,998"),
        ("stok {stock}", "stok Rp 490.000.15 GB", "490.000.15"),
    ],
)
def test_an_amount_is_taken_whole(pattern: str, text: str, wanted: str) -> None:
    fields = taken(pattern, text)
    assert fields is not None
    assert fields["stock"] == wanted


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("stok {stock}", "stok Rp 490rb"),
        ("{stock}0", "4900"),
        (r"{stock}\.000", "490.000"),
        ("9{stock}", "9490"),
        ("ke {destination}0", "ke 0812000000120"),
        ("ke {destination}", "ke 08120000001200001"),
        ("SN {serial_number}", "SN abc"),
        ("SN {serial_number}4", "SN 1234"),
    ],
)
def test_half_a_value_is_never_taken(pattern: str, text: str) -> None:
    assert taken(pattern, text) is None


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{desination}", 'did you mean "destination"'),
        ("{Amount}", "unknown macro"),
        ("{stock} {stock}", "twice"),
        ("(unclosed", "not a regular expression"),
        ("a{99999999999}", "too large"),
    ],
)
def test_a_pattern_that_cannot_be_run_tells_why(pattern: str, says: str) -> None:
    with pytest.raises(PatternFault, match="(?i)" + says):
        compile_pattern(pattern, TABLE)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(?:a*)*b",
        "(a|b)*",
        "(a|a){1,50}",
        "((a+)b?)*",
        "(?:{word} )*x",
        "([0-9]+,?)+",
        "(?:x{1,20}){5,}",
        r"(a)\1",
        "(?P<stock>a)",
        "(?i)a",
        "(?(1)a|b)",
        ".*a.*b.*c.*",
        "{any}a{any}b{any}c{any}",
        "a" * 501,
        "[[a]",
        "[[",
        "[a--b]",
        "[a",
    ],
)
def test_what_could_run_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(PatternFault):
        refuse_runaway(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:abc){3}",
        "(?: SN:? {serial_number})?",
        "[0-9]{1,2}-?[A-Z]{3}",
        "has loaded {any} {denomination}(?:{any}Ref:{serial_number})?",
        r"a\+\*+",
        "(?:a|b)?",
        "(?:a?b){2,5}",
    ],
)
def test_what_is_harmless_is_allowed(pattern: str) -> None:
    refuse_runaway(pattern)
    compile_pattern(pattern, TABLE)


@given(st.text(max_size=40))
def test_the_pieces_are_the_pattern(pattern: str) -> None:
    assert "".join(piece.text for piece in tokens(pattern)) == pattern


@given(st.text(alphabet="ab(){}[]|*+?\\.,1 {any}^$<>=!:P", max_size=30))
def test_any_pattern_is_compiled_or_refused(pattern: str) -> None:
    try:
        refuse_runaway(pattern)
        compile_pattern(pattern, TABLE)
    except PatternFault as fault:
        assert fault.what
        assert fault.remedy
