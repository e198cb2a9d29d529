"""What fuzzing has found, one test a finding, so that it is not found again.

A test that only calls was a hang: pytest's time limit is its assertion.
"""

import json
from typing import Any

import pytest

from pulsarack.daemon import config, places, secrets
from pulsarack.daemon.cli import order_pipe
from pulsarack.daemon.cli.session import Session
from pulsarack.daemon.client import CallFailed
from pulsarack.daemon.config_errors import ConfigErrors
from pulsarack.daemon.control_protocol import BadRequest, decode_request
from pulsarack.modems import identity
from pulsarack.modems.at import cusd, gsm7
from pulsarack.modems.at.machine import AtMachine
from pulsarack.modems.errors import ProfileErrors
from pulsarack.modems.profile import Profiles
from pulsarack.modems.simulator.errors import RackErrors
from pulsarack.modems.simulator.rack import load_rack
from pulsarack.ussd.errors import PatternFault, RecipeErrors
from pulsarack.ussd.guard import refuse_runaway
from pulsarack.ussd.kinds import Channel
from pulsarack.ussd.parts import Joiner
from pulsarack.ussd.recipe import DOTS_LIMIT, PATTERNS_LIMIT, examine_recipe, parse_recipe
from pulsarack.ussd.reply import explain
from tests.fuzz import seeds
from tests.fuzz.socket_targets import playing
from tests.fuzz.target import as_file, is_printable

DEEP = "a = " + "[" * 5000
LONG_DECIMAL = "a = " + "9" * 5000
LONG_KEY = "a." * 100_000 + "a = 1"
# tomllib reads whole numbers of at most 4,300 decimal digits; hex ones of any length.
HUGE = "0x" + "f" * 5000


# --- modems -------------------------------------------------------------------------------


def test_blanks_behind_a_quote_do_not_stop_the_daemon() -> None:
    """Adjacent pieces for white space took quadratic time for each line of a result."""
    machine = AtMachine()
    for _ in range(40):
        machine.feed(b'\r\n+CUSD: 0,"x",1' + b" " * 3800 + b",\r\n", 0.0)
        for _ in range(62):
            machine.feed(b"x\r\n", 0.0)
        machine.expire(2.0)


@pytest.mark.parametrize("rest", ['"x",1{}x,', '"x"{}x', "x{}x", '"x",15{}"', ",{},"])
def test_blanks_in_a_ussd_line(rest: str) -> None:
    line = "+CUSD: 0," + rest.format(" " * 8000)
    for _ in range(200):
        assert cusd.parse(line) is not None


@pytest.mark.parametrize(
    ("line", "content", "dcs"),
    [
        ("+CUSD: 0,saldo 5000 , 15 ", "saldo 5000", 15),
        ("+CUSD: 0,a, b ,15", "a, b", 15),
        ('+CUSD: 0,"a" , 15 !! ', "a", 15),
        ('+CUSD: 0,"a" , ', "a", None),
        ('+CUSD: 0,"a"  ', "a", None),
    ],
)
def test_forgiving_blanks_still_works(line: str, content: str, dcs: int | None) -> None:
    read = cusd.parse(line)
    assert read is not None
    assert (read.content, read.dcs) == (content, dcs)


def test_unpacking_takes_as_long_as_the_text() -> None:
    septets = gsm7.unpack(b"\xff" * 500_000)
    assert len(septets) == 500_000 * 8 // 7
    assert gsm7.pack(septets[:-3])[:1000] == b"\xff" * 1000


def test_a_modem_with_an_endless_name() -> None:
    assert identity.parse_name(("x" * 4000,)) == "x" * identity.NAME_CHARACTERS_MAX


# --- replies and recipes ------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["\u212a", "\u017f"])
def test_a_serial_number_is_of_ascii(sign: str) -> None:
    """With case ignored [A-Z] takes the Kelvin sign and the long s as well."""
    tried = False
    for recipe in seeds.recipes():
        for pattern in recipe.patterns:
            for sample in pattern.samples:
                number = sample.fields.serial_number
                if number is None:
                    continue
                text = sample.text.replace(number, number[:-1] + sign)
                reply = explain(recipe, text, sample.channel).reply
                assert reply is None or (reply.serial_number or "").isascii()
                tried = True
    assert tried


@pytest.mark.parametrize(
    "pattern",
    [
        "a.*a.*b",
        "{any}a{any}a{any}b",
        "a?" * 30 + "a" * 30,
        "a{0,49}" * 5 + "b",
        "(?:a{0,49}){0,9}b",
        "(?:a|aa)?" * 25 + "b",
        "{any}*b",
        "{any}{0,9}b",
    ],
)
def test_patterns_with_too_many_ways_are_refused(pattern: str) -> None:
    """Each of these took from seconds to ages on a thousand times the letter a."""
    with pytest.raises(PatternFault):
        refuse_runaway(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["{any}a{any}b", "[a-z]+ {any} x", "(?:a|b|c){1,5}", "a?" * 17, "({word} ){3}", "a{1000,}"],
)
def test_patterns_that_end_in_time_are_allowed(pattern: str) -> None:
    refuse_runaway(pattern)


def test_brackets_in_brackets_of_a_pattern() -> None:
    refuse_runaway("(" * 249 + ")" * 249)


def test_the_packaged_patterns_end_in_time() -> None:
    """The longest texts, made of the operators' own words again and again."""
    for recipe in seeds.recipes():
        for text in seeds.operator_texts():
            for piece in (text, text[: len(text) // 2], text[len(text) // 2 :], text[:12]):
                explain(recipe, (piece * 1000)[:1000], Channel.SMS)


def test_a_part_is_not_looked_for_in_an_endless_text() -> None:
    mark = next(recipe.parts for recipe in seeds.recipes() if recipe.parts is not None)
    [whole] = Joiner[int](mark).add("1/2 " + "x" * 40_000, "S", 0.0)
    assert whole.complete


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LONG_DECIMAL, "thousands of digits"),
        (DEEP, "without end"),
        (LONG_KEY, f"more than {DOTS_LIMIT} dots"),
        ("[[pattern]]\n" * (PATTERNS_LIMIT + 1), "too many"),
        ("[limits]\nper_day = " + HUGE, "a huge number is too large"),
        ("status = " + HUGE, '"a whole number" is not known'),
        ("status = [" + HUGE + "]", '"a list" is not known'),
        (
            '[numbers]\ncountry_code = "62"\n[[pattern]]\nname = " "\nmatch = "x"\n'
            'channels = ["ussd"]\nkind = "ignore"\nsamples = [{text = "y"}]',
            "empty text",
        ),
    ],
)
def test_recipes_that_could_not_be_read(text: str, said: str) -> None:
    with pytest.raises(RecipeErrors, match=said):
        parse_recipe(text.encode(), "fuzz.toml")


def test_a_recipe_of_nothing_but_patterns() -> None:
    one = '[[pattern]]\nname="n{}"\nkind="ignore"\nchannels=["ussd"]\nmatch="a"\n'
    text = "".join(one.format(i) + 'samples=[{text="a"}]\n' for i in range(2500))
    assert examine_recipe(text.encode(), "fuzz.toml").problems


# --- files --------------------------------------------------------------------------------

TOO_MUCH = [DEEP, LONG_DECIMAL, LONG_KEY, "a = 1\n" * 300_000]


@pytest.mark.parametrize("text", TOO_MUCH)
def test_a_configuration_out_of_all_bounds(text: str) -> None:
    with pytest.raises(ConfigErrors):
        config.load(as_file(text.encode(), "pulsarack.toml"))


@pytest.mark.parametrize("text", TOO_MUCH)
def test_a_command_without_a_usable_configuration(text: str) -> None:
    session = Session(as_file(text.encode(), "pulsarack.toml"), None)
    assert session.socket == places.CONTROL_SOCKET
    assert session.timezone is None


@pytest.mark.parametrize("text", TOO_MUCH)
def test_secrets_out_of_all_bounds(text: str) -> None:
    with pytest.raises(secrets.SecretsError):
        secrets.read(as_file(text.encode(), "secrets.toml"))


@pytest.mark.parametrize(
    "text",
    [
        *TOO_MUCH,
        "[costs]\n1 = 1",
        "[latencies]\nussd_seconds = [0, " + HUGE + "]",
        "[latencies]\nussd_seconds = [0, inf]",
        '[[operator]]\nname = "xl"\n[operator.costs]\n' + "9" * 5000 + " = 1",
        '[[operator]]\nname = "xl"\nrepeat_window_seconds = ' + HUGE,
        "[[fault]]\nkind = 'hang'\nseconds = " + HUGE,
    ],
)
def test_racks_out_of_all_bounds(text: str) -> None:
    with pytest.raises(RackErrors):
        load_rack(as_file(text.encode(), "rack.toml"))


def test_a_denomination_is_of_ascii_digits() -> None:
    text = '[[operator]]\nname = "xl"\n[operator.costs]\n"\u0661\u0660" = 1'
    with pytest.raises(RackErrors, match="\u0661\u0660: is not known here"):
        load_rack(as_file(text.encode(), "rack.toml"))


@pytest.mark.parametrize(
    "text",
    [
        *TOO_MUCH,
        'name = "a"\n[seconds]\ncommand = ' + HUGE,
        'name = "a"\nrank = ' + HUGE,
        'name = "a"\n[ussd]\nencodings = [[' + HUGE + "]]",
        'name = "a"\n[match]\nmodel = ["a{99999999999}"]',
        'name = "a"\n[match]\nmodel = ["' + "(" * 100 + ")" * 100 + '"]\nx = 1',
        'name = "a"\n[match]\nmodel = ["[[a]"]',
    ],
)
def test_profiles_out_of_all_bounds(text: str) -> None:
    with pytest.raises(ProfileErrors) as caught:
        Profiles.load(as_file(text.encode(), "profiles/fuzz.toml").parent)
    assert is_printable(str(caught.value))


# --- the control socket -------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [b'{"id": 1, "call": 2, "z": "\xff"}', b'{"id": 1, "call": 2, "args": {"a": "\xed\xa0\x80"}}'],
)
def test_a_request_that_is_wrong_twice(line: bytes) -> None:
    """Wrong in shape, and no UTF-8 behind that: the reading of its id ended the connection."""
    with pytest.raises(BadRequest) as caught:
        decode_request(line)
    assert caught.value.request_id is None


UNSENDABLE = [
    '{"agent": "kios1", "text": "\\ud800"}',
    '{"agent": "kios1", "text": NaN}',
    '{"agent": "kios1", "text": ' + "[" * 900 + "]" * 900 + "}",
    '{"agent": "kios1", "text": "' + "x" * 100_000 + '"}',
]


@pytest.mark.parametrize("line", UNSENDABLE)
def test_an_order_that_no_daemon_could_read(line: str) -> None:
    """Its refusal would bear no id, so every other order on the pipe would have gone with it."""
    with pytest.raises(CallFailed) as caught:
        order_pipe._order_args(line.encode())
    assert caught.value.code in ("BAD_JSON", "BAD_REQUEST", "BAD_ARGUMENT", "LINE_TOO_LONG")


@pytest.mark.parametrize(
    "error", [{}, {"message": ""}, {"message": " ", "code": 5}, {"message": "\ud800"}, [], "\ud800"]
)
def test_a_daemon_that_refuses_and_does_not_say_why(error: Any) -> None:
    answer = json.dumps({"id": 1, "error": error}).encode() + b"\n"
    with playing(answer) as client, pytest.raises(CallFailed) as caught:
        client.call("status")
    assert str(caught.value).strip()
    assert is_printable(str(caught.value))
