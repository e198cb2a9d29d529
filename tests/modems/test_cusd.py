"""Reading +CUSD lines: damage, encodings, and who decides between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.modems.at import cusd, gsm7
from pulsarack.modems.at.cusd import UssdEncoding

PLAIN, PACKED, UCS2 = UssdEncoding.PLAIN, UssdEncoding.PACKED_HEX, UssdEncoding.UCS2_HEX


@pytest.mark.parametrize(
    ("line", "status", "content", "dcs"),
    [
        ("+CUSD: 4", 4, None, None),
        ("+CUSD:1", 1, None, None),
        ('+CUSD: 0,"a, b",15', 0, "a, b", 15),
        ('+CUSD:1,"a", 0', 1, "a", 0),
        ('+CUSD: 0,"a", 17r', 0, "a", 17),
        ('+CUSD: 2,"Balance:633,100r"', 2, "Balance:633,100r", None),
        ('+CUSD: 0,"H', 0, "H", None),
        ('+CUSD: 0,"tarif "Mega". Info",15', 0, 'tarif "Mega". Info', 15),
        ("+CUSD: 0,Saldo Rp 5.000,15", 0, "Saldo Rp 5.000", 15),
        ("+CUSD: 0,Saldo", 0, "Saldo", None),
        ('+CUSD: 0,Saldo",15', 0, "Saldo", 15),
        ("+CUSD: 6", 6, None, None),
        ('+CUSD: 1,"a\nb\n\nc",255', 1, "a\nb\n\nc", 255),
        ('+CUSD: 2,"",15', 2, "", 15),
    ],
)
def test_taking_apart(line: str, status: int, content: str | None, dcs: int | None) -> None:
    read = cusd.parse(line)
    assert read is not None
    assert (read.status, read.content, read.dcs, read.raw) == (status, content, dcs, line)


@pytest.mark.parametrize("line", ["+CUSD: (0-2)", "+CUSD:", "+CUSD: x", "OK", ""])
def test_not_a_result(line: str) -> None:
    assert cusd.parse(line) is None


def ucs2(text: str) -> str:
    return text.encode("utf-16-be").hex().upper()


def packed(text: str) -> str:
    return gsm7.pack_ussd(text).hex().upper()


@pytest.mark.parametrize(
    ("content", "dcs", "hint", "text"),
    [
        ("Sisa stok Rp 490.000", 15, PLAIN, "Sisa stok Rp 490.000"),
        ("Sisa stok Rp 490.000", 15, PACKED, "Sisa stok Rp 490.000"),
        ("Sisa stok Rp 490.000", 72, UCS2, "Sisa stok Rp 490.000"),
        (ucs2("Баланс: 150 руб"), 72, PLAIN, "Баланс: 150 руб"),
        (ucs2("Sisa stok"), 15, UCS2, "Sisa stok"),
        (ucs2("Sisa stok"), 15, PLAIN, "Sisa stok"),
        (ucs2("OK"), 72, PLAIN, "OK"),
        (ucs2("611.20 р.").lower(), 17, PLAIN, "611.20 р."),
        ("6139" + ucs2("Баланс"), 17, PLAIN, "Баланс"),
        (ucs2("Saldo\x00\x07x"), 72, PLAIN, "Saldo"),
        (packed("Sisa stok Rp 490.000"), 15, PACKED, "Sisa stok Rp 490.000"),
        ("EBB79B1E0685E9ECF4BADE9E03", 0, PLAIN, "konta atlikums"),
        (packed("1234567"), 15, PACKED, "1234567"),
        ("0059006", 72, PLAIN, "0059006"),
        ("51012345678901", 15, PLAIN, "51012345678901"),
        ("0812000012", 0, PLAIN, "0812000012"),
        ("1", 15, PACKED, "1"),
        ("Rp\x02 5\x11", 15, PLAIN, "Rp$ 5_"),
        ("a\r\nb\r", 15, PLAIN, "a\nb"),
        ("caf\xc3\xa9", 15, PLAIN, "café"),
        ("caf\xe9", 15, PLAIN, "café"),
        ("", 15, PLAIN, ""),
        # dcs 16: the language and CR before the text (23.038 section 5).
        ("en\rSaldo Rp 5.000", 16, PLAIN, "Saldo Rp 5.000"),
        ("en\r\nSaldo", 16, PLAIN, "Saldo"),
        (packed("id\rSaldo Rp 5.000"), 16, PACKED, "Saldo Rp 5.000"),
        ("en\rSaldo", 15, PLAIN, "en\nSaldo"),
        ("Saldo", 16, PLAIN, "Saldo"),
        # 8-bit data, and any text while the charset is "HEX".
        (b"Saldo 1000".hex(), 68, PLAIN, "Saldo 1000"),
        (b"1234".hex(), 0xF5, PLAIN, "1234"),
        ("1234", 68, PLAIN, "1234"),
        (b"Sisa stok Rp 490.000".hex().upper(), 15, PLAIN, "Sisa stok Rp 490.000"),
        (b"Sisa stok Rp 490.000\x00\x9a\xff".hex(), 15, PACKED, "Sisa stok Rp 490.000"),
        # A text that passed a program which wrote its line breaks out.
        ("1: Saldo\\n2: Beli\\r\\n3: Bantuan", 15, PLAIN, "1: Saldo\n2: Beli\n3: Bantuan"),
        ("C:\\new", 15, PLAIN, "C:\\new"),
    ],
)
def test_decoding(content: str, dcs: int | None, hint: UssdEncoding, text: str) -> None:
    assert cusd.decode(content, dcs, hint) == text


def test_encoding_a_request() -> None:
    assert cusd.encode("*888#", PLAIN) == "*888#"
    assert cusd.encode("*888#", PACKED) == "2A1C0E3702"
    assert cusd.encode("*102#", UCS2) == "002A0031003000320023"


@pytest.mark.parametrize("text", ['*1"#', "*1\r#", "*1\x1a#", "é"])
def test_nothing_breaks_out_of_the_command_line(text: str) -> None:
    with pytest.raises(ValueError, match="command line"):
        cusd.encode(text, PLAIN)


@given(
    st.text(alphabet=st.characters(max_codepoint=255), max_size=300),
    st.sampled_from(UssdEncoding),
)
def test_no_line_raises(rest: str, hint: UssdEncoding) -> None:
    read = cusd.parse("+CUSD: 1," + rest)
    if read is not None and read.content is not None:
        for dcs in (None, 15, 17, 72):
            cusd.decode(read.content, dcs, hint)


MENU = st.lists(
    st.text(alphabet="ABCabc .,:-", min_size=3, max_size=30), min_size=2, max_size=6
).map("\n".join)


@given(MENU, st.sampled_from([0, 1, 15, 25, 64, 255, None]))
def test_a_packed_text_is_read_by_whom_it_is_expected(text: str, dcs: int | None) -> None:
    """The right dcs or a wrong one: the profile's hint decides, unless the dcs says UCS2."""
    assert cusd.decode(packed(text), dcs, PACKED) == text


@given(MENU.filter(lambda text: len(text) >= 20), st.sampled_from(list(UssdEncoding)))
def test_a_packed_text_is_read_although_the_dcs_says_ucs2(text: str, hint: UssdEncoding) -> None:
    assert cusd.decode(packed(text), 72, hint) == text


@given(
    st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1,
            max_size=80),
    st.sampled_from([("", 72), ("7A34", 17)]),
    st.sampled_from(list(UssdEncoding)),
)  # fmt: skip
def test_ideograms_are_read(text: str, form: tuple[str, int], hint: UssdEncoding) -> None:
    language, dcs = form
    assert cusd.decode(language + ucs2(text), dcs, hint) == text


@given(MENU, st.sampled_from([0, 15, 17, 72, 255, None]), st.sampled_from([PLAIN, UCS2]))
def test_ucs2_is_read_whatever_the_dcs(text: str, dcs: int | None, hint: UssdEncoding) -> None:
    assert cusd.decode(ucs2(text), dcs, hint) == text


@given(st.text(alphabet="*#0123456789", min_size=4, max_size=60), st.sampled_from([PACKED, UCS2]))
def test_what_was_encoded_is_decoded(text: str, encoding: UssdEncoding) -> None:
    assert cusd.decode(cusd.encode(text, encoding), 15, encoding) == text
