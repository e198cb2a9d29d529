"""Faults of a recipe file: all at once, each with place and remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.ussd.errors import RecipeErrors
from pulsarack.ussd.recipe import FILE_LIMIT, examine_recipe, load_recipe, parse_recipe

GOOD = Path(__file__).parents[2].joinpath("docs", "recipes.md").read_text()
GOOD = GOOD.split("```toml\n", 1)[1].split("```", 1)[0]


def problems_of(text: str) -> list[str]:
    with pytest.raises(RecipeErrors) as caught:
        parse_recipe(text.encode(), "own.toml")
    return str(caught.value).splitlines()


def swap(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


STOCK = """samples = [{ text = "Stok Anda Rp 490.000", stock = 490000 }]"""
FAULTS = {
    "unknown key": (swap("senders =", "sender ="), 'unknown key "sender"; did you mean "senders"?'),
    "unknown key in a pattern": (
        swap('name = "sold"', 'name = "sold"\nmach = "x"'),
        'own.toml: pattern[1] "sold": unknown key "mach"; did you mean "match"?',
    ),
    "missing key": (swap('operator = "contoh"\n', ""), 'the key "operator" is missing'),
    "missing table": (swap("[limits]", "[limit]"), 'the key "limits" is missing'),
    "wrong type": (swap("reply_seconds = 30", 'reply_seconds = "30"'), "timing.reply_seconds"),
    "too small": (swap("reply_seconds = 30", "reply_seconds = 0"), "0 is too small"),
    "nan": (swap("reply_seconds = 30", "reply_seconds = nan"), "timing.reply_seconds"),
    "boolean for a number": (swap("per_hour = 100", "per_hour = true"), "limits.per_hour"),
    "empty name": (swap('"contoh-dealer"', '""'), "name: an empty text"),
    "name of capitals": (swap('"contoh-dealer"', '"Contoh"'), "own.toml: name: 'Contoh' is not"),
    "name with a slash": (swap('"contoh-dealer"', '"../x"'), "small letters, digits and dashes"),
    "name with a line end": (swap('"contoh-dealer"', r'"contoh\n"'), "small letters, digits"),
    "operator with a space": (swap('"contoh"', '"con toh"'), "own.toml: operator: 'con toh'"),
    "settling too soon": (
        swap("settling_seconds = 120", "settling_seconds = 9.9"),
        "own.toml: timing.settling_seconds: 9.9 is too small; the least is 10",
    ),
    "settling too late": (
        swap("settling_seconds = 120", "settling_seconds = 86401"),
        "own.toml: timing.settling_seconds: 86401 is too large; the most is 86400",
    ),
    "reply too late": (
        swap("30\nlate", "1e9\nlate"),
        "own.toml: timing.reply_seconds: 1000000000.0 is too large; the most is 86400",
    ),
    "late reply too late": (
        swap("late_reply_seconds = 600", "late_reply_seconds = 86401"),
        "timing.late_reply_seconds: 86401 is too large",
    ),
    "sending too long": (
        swap("[limits]", "send_seconds = 86401\n[limits]"),
        "timing.send_seconds: 86401 is too large",
    ),
    "pause of hundreds of digits": (
        swap("pause_seconds = 5", f"pause_seconds = {'9' * 400}"),
        "limits.pause_seconds: a huge number is too large; the most is 86400",
    ),
    "step without end": (
        swap("commits = true", "commits = true\nwithin_seconds = 1e300"),
        "top_up[1].within_seconds: a huge number is too large; the most is 86400",
    ),
    "parts without end": (
        swap("[limits]", "[parts]\nmatch = '{part}/{parts}'\nwait_seconds = 86401\n[limits]"),
        "parts.wait_seconds: 86401 is too large",
    ),
    "letters dialled": (
        swap("*501*", "*501*A"),
        "own.toml: stock[1].ussd: it holds what cannot be dialled; write only 0-9 * # and",
    ),
    "a quote dialled": (swap('"*501*{chip_pin}#"', "'*501*{chip_pin}#\",15'"), "be dialled"),
    "a line end dialled": (swap("*501*{chip_pin}#", r"*501*{chip_pin}#\r\nATZ"), "be dialled"),
    "other digits dialled": (swap("*501*", "*٥٠١*"), "be dialled"),
    "letters replied": (
        swap('ussd = "*501*{chip_pin}#"', 'ussd = "*1#"\n[[stock]]\nreply = "ya {chip_pin}"'),
        "stock[2].reply: it holds what cannot be dialled",
    ),
    "a receiver of letters": (
        swap('ussd = "*501*', 'to = "12a"\nsms = "*501*'),
        "stock[1].to: '12a' is not made of digits, with a + in front or without",
    ),
    "a receiver with an end": (
        swap('ussd = "*501*', r'to = "12\n"' '\nsms = "*501*'),
        "stock[1].to",
    ),
    "unknown asset": (swap('"IDR"', '"PHP"'), "allowed: IDR"),
    "unknown status": (swap('"unverified"', '"fild"'), 'did you mean "field"?'),
    "not digits": (swap('country_code = "62"', 'country_code = "+62"'), "numbers.country_code"),
    "regex": (swap("'^Stok Anda {stock}'", "'^Stok Anda( {stock}'"), "not a regular expression"),
    "runaway": (swap("'^Stok Anda {stock}'", "'^(S+)+ {stock}'"), "take for ever"),
    "unknown macro": (swap("'^Stok Anda {stock}'", "'^Stok {stok}'"), 'did you mean "stock"?'),
    "no samples": (swap(STOCK, "samples = []"), 'pattern[4] "stock_now".samples'),
    "samples missing": (swap(STOCK, ""), 'the key "samples" is missing'),
    "sample missed": (swap('"Stok Anda Rp 490', '"Stock Anda Rp 490'), "does not match it"),
    "sample read otherwise": (
        swap("stock = 490000 }]", "stock = 49000 }]"),
        "stock is read as 490000, the sample says 49000",
    ),
    "field not listed": (
        swap(", stock = 490000 }]", " }]"),
        'pattern[4] "stock_now".samples[1]: stock is read as 490000, the sample says nothing',
    ),
    "unreadable": (
        swap('"Stok Anda Rp 490.000", stock = 490000', '"Stok Anda Rp 490.5"'),
        "not clearly an amount",
    ),
    "ambiguous": (
        swap("'Stok tidak cukup'", "'(?:Stok tidak cukup|berhasil)'"),
        "patterns of different meaning match",
    ),
    "success without destination": (
        swap("untuk {destination} berhasil", "untuk {msisdn} berhasil"),
        "names no destination proves no order",
    ),
    "unknown reason": (swap('"WRONG_NUMBER"', '"WRONG_NUMER"'), 'did you mean "WRONG_NUMBER"?'),
    "reason nobody states": (swap('"WRONG_NUMBER"', '"NO_REPLY"'), '"NO_REPLY" is not known here'),
    "failure without reason": (swap('reason = "WRONG_NUMBER"\n', ""), 'key "reason" is missing'),
    "reason of a stock": (
        swap('kind = "stock"', 'kind = "stock"\nreason = "WRONG_NUMBER"'),
        'a pattern of kind "stock" has no reason',
    ),
    "unknown kind": (swap('kind = "stock"', 'kind = "stok"'), 'did you mean "stock"?'),
    "unknown channel": (
        swap('kind = "stock"', 'kind = "stock"\nchannels = ["usd"]'),
        'unknown channel "usd"',
    ),
    "commits missing": (swap("commits = true\n", ""), "0 steps commit"),
    "commits in stock": (
        swap('ussd = "*501*{chip_pin}#"', 'ussd = "*501*{chip_pin}#"\ncommits = true'),
        "this script moves no money",
    ),
    "commits twice": (
        swap(
            "commits = true",
            'commits = true\nexpect = ["prompt"]\n[[top_up]]\nreply = "1"\ncommits = true',
        ),
        "2 steps commit",
    ),
    "steps after the commit": (
        swap("commits = true", 'commits = true\nexpect = ["prompt"]\n[[top_up]]\nreply = "1"'),
        "steps follow after the point of no return",
    ),
    "expect unknown": (
        swap("[[top_up]]", '[[top_up]]\nussd = "*1#"\nexpect = ["menu"]\n[[top_up]]'),
        '"menu" is no prompt pattern',
    ),
    "expect a success": (
        swap("[[top_up]]", '[[top_up]]\nussd = "*1#"\nexpect = ["sold"]\n[[top_up]]'),
        '"sold" is no prompt pattern',
    ),
    "nothing expected": (
        swap("[[top_up]]", '[[top_up]]\nussd = "*1#"\n[[top_up]]'),
        "nothing tells when the next step may follow",
    ),
    "second session": (
        swap("[[top_up]]", '[[top_up]]\nussd = "*1#"\nexpect = ["prompt"]\n[[top_up]]'),
        "a second session",
    ),
    "reply without session": (swap('ussd = "*500', 'reply = "*500'), "no open session"),
    "two things in a step": (
        swap("commits = true", 'commits = true\nreply = "1"'),
        "it says 2 things",
    ),
    "nothing in a step": (swap('ussd = "*501*{chip_pin}#"', ""), "it says 0 things"),
    "sms without receiver": (swap('ussd = "*501', 'sms = "*501'), 'the key "to" is missing'),
    "unknown placeholder": (
        swap("*{denomination}*", "*{denominaton}*"),
        'did you mean "denomination"?',
    ),
    "stray brace": (swap("*{denomination}*", "*{denomination*"), "stands alone"),
    "destination not said": (swap("*{destination}*", "*"), "no step says the destination"),
    "denomination not said": (swap("*{denomination}*", "*"), "no step says the denomination"),
    "chip_pin said against its word": (
        swap('version = "1"', 'version = "1"\nchip_pin = false'),
        "it is false, but a script says the chip PIN",
    ),
    "two of one name": (swap('"stock_small"', '"sold"'), "two patterns have this name"),
    "named like a kind": (swap('"stock_small"', '"success"'), "named like another kind"),
    "no stock pattern": (
        swap('kind = "stock"', 'kind = "stock_in"'),
        'no pattern of kind "stock" reads ussd texts',
    ),
    "entry of a stock": (swap('kind = "stock"', 'kind = "stock"\nentry = "x"'), "history only"),
    "entry without result": (
        swap(
            'name = "stock_now"',
            'name = "list"\nkind = "history"\nmatch = "^L"\nentry = "{destination} {amount}"\n'
            'samples = [{ text = "L" }]\n\n[[pattern]]\nname = "stock_now"',
        ),
        "must tell success from failure",
    ),
    "marks without macros": (
        swap("[limits]", '[parts]\nmatch = "1/2"\n[limits]'),
        "does not read the marks",
    ),
    "a number for a table": (
        lambda text: swap("[limits]", "[limitz]")(swap("name =", "limits = 3\nname =")(text)),
        "limits: it is a whole number, not a table",
    ),
    "a text for steps": (swap("[[stock]]\nussd", "[stock]\nussd"), "instead of a list of tables"),
}


SMS_STEP = """[[stock]]
sms = "STOK {chip_pin}"
to = "+62168"
"""


def by_sms(text: str) -> str:
    """The guide's recipe with a stock that is asked for by SMS."""
    return text.replace('[[stock]]\nussd = "*501*{chip_pin}#"\n', SMS_STEP)


def test_a_text_may_hold_letters_and_a_receiver_a_plus() -> None:
    assert parse_recipe(by_sms(GOOD).encode(), "own.toml").stock.steps[0].to == "+62168"


@pytest.mark.parametrize(
    "written", [r"\r", r"\n", r"\u001a", r"\u0000", r"\u001b", r"\u007f", r"\u0085", r"\""]
)
def test_a_text_that_would_end_early_on_the_modem_is_refused(written: str) -> None:
    told = problems_of(by_sms(GOOD).replace("STOK {", f"STOK{written} {{"))
    assert told == [
        "own.toml: stock[1].sms: a line end, control character or quote stands in it; "
        "write it in one line, without control characters and without quotes"
    ]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_with_its_place(fault: str) -> None:
    change, wanted = FAULTS[fault]
    told = problems_of(change(GOOD))
    assert any(wanted in line for line in told), told
    assert all(line.startswith("own.toml") for line in told)


def test_no_script_says_the_chip_pin() -> None:
    told = problems_of(GOOD.replace("*{chip_pin}", ""))
    assert any("no script says the chip PIN" in line for line in told)
    quiet = GOOD.replace("*{chip_pin}", "").replace("[numbers]", "chip_pin = false\n[numbers]")
    assert parse_recipe(quiet.replace("\nchip_pin", "\nchip_pin", 1).encode(), "own.toml")


def test_all_faults_at_once() -> None:
    text = GOOD
    for fault in ("unknown key", "wrong type", "unknown reason", "field not listed", "nan"):
        change, _ = FAULTS[fault]
        if fault != "nan":
            text = change(text)
    assert len(problems_of(text)) >= 4


def test_no_sender_for_sms() -> None:
    text = GOOD.replace('senders = ["CONTOH", "1234"]\n', "").replace(
        "commits = true", 'commits = true\nreport = "sms"'
    )
    assert any("no sender is believed" in line for line in problems_of(text))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"name = ", b"a" * 10, b"[" * 5000, b""])
def test_what_is_no_recipe_is_told(data: bytes) -> None:
    with pytest.raises(RecipeErrors):
        parse_recipe(data, "own.toml")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeErrors, match="No such file"):
        load_recipe(tmp_path / "none.toml")
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (FILE_LIMIT + 1))
    with pytest.raises(RecipeErrors, match="larger"):
        load_recipe(large)


_VALUES: st.SearchStrategy[str] = st.sampled_from(
    ["1", '""', '"x"', "[]", "[1]", "{}", "[{}]", "true", "1.5", "1979-05-27", "-3", "nan"]
)


@given(st.data(), st.integers(0, 60), _VALUES)
def test_any_value_anywhere_is_told_and_never_breaks(
    data: st.DataObject, start: int, value: str
) -> None:
    lines = GOOD.splitlines()
    places = [index for index, line in enumerate(lines) if " = " in line and "{ text" not in line]
    place = places[data.draw(st.integers(0, len(places) - 1))]
    lines[place] = lines[place].split(" = ")[0] + " = " + value
    examine_recipe("\n".join(lines).encode(), "own.toml")
