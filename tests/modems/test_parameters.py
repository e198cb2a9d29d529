"""The grammar of parameters: what makers write, and a round trip through sloppy forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems.at import hex_text
from pulsarack.modems.at.parameters import MISSING, VALUES_MAX, Value, at, behind, parse


def quoted(text: str) -> Value:
    return Value(text, quoted=True)


def listed(*members: Value) -> Value:
    return Value(members=members)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ()),
        ("1", (Value("1"),)),
        (" 1 , 2 ", (Value("1"), Value("2"))),
        ("1,,2", (Value("1"), MISSING, Value("2"))),
        (",1,", (MISSING, Value("1"), MISSING)),
        ('"a, (b)",2', (quoted("a, (b)"), Value("2"))),
        ('"say "Mega" now",15', (quoted('say "Mega" now'), Value("15"))),
        ('"",""', (quoted(""), quoted(""))),
        ('"a" , "b"', (quoted("a"), quoted("b"))),
        ("(0-2),(3)", (listed(Value("0-2")), listed(Value("3")))),
        ("( )", (listed(),)),
        ('(("A","B"),("C"))', (listed(listed(quoted("A"), quoted("B")), listed(quoted("C"))),)),
        # A quote forgotten at either end, a parenthesis too many or too early.
        ('(AB", "C")', (listed(quoted("AB"), quoted("C")),)),
        ('1,"AB', (Value("1"), Value("AB", quoted=True, whole=False))),
        ('(1,"A"),2),(3)', (listed(Value("1"), quoted("A")), Value("2"), listed(Value("3")))),
        ("(1,2", (listed(Value("1"), Value("2")),)),
        ("Some Network,1", (Value("Some Network"), Value("1"))),
    ],
)
def test_forms(text: str, values: tuple[Value, ...]) -> None:
    assert parse(text) == values


def test_what_a_value_says() -> None:
    assert (Value("-7").number, Value("x").number, Value("9" * 10).number) == (-7, None, None)
    assert Value("1F0a").hexadecimal == 0x1F0A
    assert Value("0 5").hexadecimal is None
    assert Value("5E25", quoted=True, whole=False).hexadecimal is None
    one = parse("(0-2,4, 7 - 9,6-5,x)")[0]
    assert one.spans == ((0, 2), (4, 4), (7, 9))
    assert [one.allows(number) for number in (1, 3, 4, 6)] == [True, False, True, False]
    assert parse('("SM","","ME")')[0].words == ("SM", "ME")
    assert parse('"SM"')[0].words == ("SM",)
    assert at((), 0) is MISSING


def test_prefixes() -> None:
    assert behind("+CREG:1", "+CREG:") == "1"
    assert behind("+CREG: 1 ", "+CGREG:", "+CREG:") == "1"
    assert behind("+CGREG: 1", "+CREG:") is None


def test_it_is_bounded() -> None:
    assert len(parse("1," * 10_000)) <= VALUES_MAX + 1
    assert parse("(" * 4000) is not None
    assert parse('"' * 4000) is not None
    assert parse(" " * 4000) == ()


WORDS = st.text(alphabet="ABCxyz0123456789 .&-", min_size=1, max_size=12).map(str.strip)
STRINGS = st.text(alphabet='AB z0,()"+-', max_size=12).filter(
    # What ends a string cannot stand in it; nobody could read that.
    lambda text: (
        '",' not in text and '")' not in text and not text.endswith('"') and '" ' not in text
    )
)
BLANKS = st.sampled_from(["", "", " ", "  "])
SIMPLE = st.one_of(WORDS.filter(bool).map(Value), STRINGS.map(quoted), st.just(MISSING))
MEMBERS = st.lists(SIMPLE, max_size=4).filter(lambda one: one != [MISSING])
VALUES = st.lists(
    st.one_of(SIMPLE, MEMBERS.map(lambda members: Value(members=tuple(members)))),
    max_size=6,
).filter(lambda one: one != [MISSING])


@st.composite
def written(draw: st.DrawFn) -> tuple[tuple[Value, ...], str]:
    values = draw(VALUES)

    def write(value: Value) -> str:
        if value.members is not None:
            return "(" + ",".join(map(write, value.members)) + ")"
        return f'{draw(BLANKS)}"{value.text}"' if value.quoted else draw(BLANKS) + value.text

    text = ",".join(write(value) + draw(BLANKS) for value in values)
    return tuple(values), text


@given(written())
def test_what_was_written_is_read(one: tuple[tuple[Value, ...], str]) -> None:
    values, text = one
    assert parse(text) == values


@given(st.text(max_size=300))
def test_nothing_raises(text: str) -> None:
    for value in parse(text):
        _ = value.number, value.hexadecimal, value.spans, value.words


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0054006500730074", "Test"),
        ("002B00360032003800310032", "+62812"),
        ("Test", "Test"),
        ("12345678", "12345678"),
        ("0041", "0041"),
        ("4E2D4E2D", "4E2D4E2D"),
        ("00000000", "00000000"),
        ("", ""),
    ],
)
def test_ucs2_hex(text: str, meant: str) -> None:
    assert hex_text.unfold(text) == meant
