"""The configuration: the example that documents it, and everything that can be wrong with one."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon import config, config_example, places
from pulsarack.daemon.config import Config
from pulsarack.daemon.config_errors import ConfigErrors

EXAMPLE = Path(__file__).parents[2] / "docs" / "pulsarack.example.toml"

PHONE = {
    "path": "/dev/phone",
    "driver": "gammu",
    "connection": "fbusdlr3",
    "iccid": "8962100012345678901",
    "imsi": "510100012345678",
}


def problems(tmp_path: Path, text: str) -> list[str]:
    """The lines of a bad file, without its path."""
    path = tmp_path / "pulsarack.toml"
    path.write_text(text)
    with pytest.raises(ConfigErrors) as caught:
        config.load(path)
    assert all(line.startswith(str(path)) for line in caught.value.lines())
    return [line.removeprefix(f"{path}:").strip() for line in caught.value.lines()]


def test_the_example_shows_the_defaults() -> None:
    example = config.load(EXAMPLE)
    assert example == Config()
    assert example.finds_usb_modems


def test_the_example_is_what_the_models_say() -> None:
    # After a change of a model: pulsarack config example > docs/pulsarack.example.toml
    assert EXAMPLE.read_text() == config_example.example()


def test_the_example_explains_every_key() -> None:
    text = EXAMPLE.read_text()
    for name, field in Config.model_fields.items():
        key = field.alias or name
        assert f"[{key}]" in text, key
        keys = config_example.section_of(field).model_fields
        explained = False
        for one, of_key in keys.items():
            explained = explained or bool(of_key.description)
            assert explained, f"{key}.{one} needs a text of its own (config_fields.explained)"
            assert f"\n{one} = " in text or f"\n# {one} = " in text, one


def test_examples_are_values_that_may_be_given() -> None:
    for name, field in Config.model_fields.items():
        for key, of_key in config_example.section_of(field).model_fields.items():
            for value in of_key.examples or []:
                given: dict[str, object] = {key: value}
                if name == "ports" and key not in ("path", "baud"):
                    given = {**PHONE, key: value}
                if name == "usb" or not config_example.is_list(field):
                    raw: dict[str, object] = {field.alias or name: given}
                else:
                    raw = {field.alias or name: [given]}
                config.parse(raw, EXAMPLE)


def test_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "pulsarack.toml"
    path.write_text(
        '[texts]\naliases = { SLD = "SALDO" }\n[chips]\nper_hour = 7\npause_seconds = 0.5\n'
        '[[bank]]\nname = "bca"\ndelimiter = "\\t"\n[[port]]\npath = "/dev/a\u00e9 \\\\\\"b"\n'
    )
    loaded = config.load(path)
    path.write_text(config_example.shown(loaded.model_dump(mode="json", by_alias=True)))
    assert config.load(path) == loaded


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    path = tmp_path / "empty.toml"
    path.write_text("")
    loaded = config.load(path)
    assert loaded == Config()
    assert loaded.daemon.socket == places.CONTROL_SOCKET


def test_usb_modems_are_found_unless_ports_are_named(tmp_path: Path) -> None:
    path = tmp_path / "pulsarack.toml"
    for text, found in (
        ("", True),
        ("[usb]\nmodems = false\n", False),
        ('[[port]]\npath = "/dev/ttyS0"\n', False),
        ('[[port]]\npath = "/dev/ttyS0"\n[usb]\nmodems = true\n', True),
    ):
        path.write_text(text)
        assert config.load(path).finds_usb_modems is found, text


def test_a_port_on_the_network_is_no_path(tmp_path: Path) -> None:
    path = tmp_path / "pulsarack.toml"
    path.write_text(
        '[[port]]\npath = "rfc2217://192.0.2.7:4001"\n[[port]]\npath = "socket://[2001:db8::7]:1"\n'
    )
    first, second = config.load(path).ports
    assert first.path == "rfc2217://192.0.2.7:4001"
    assert second.url is not None and (second.url.host, second.url.port) == ("2001:db8::7", 1)


@pytest.mark.parametrize(
    "text",
    [
        '[[port]]\npath = "socket://host"',
        '[[port]]\npath = "socket://host:0"',
        '[[port]]\npath = "socket://host:65536"',
        '[[port]]\npath = "telnet://host:23"',
        '[[port]]\npath = "rfc2217://a b:23"',
        '[usb]\nonly = ["12d1 1001"]',
        '[usb]\nnever = [""]',
        '[modems]\nshared_imeis = ["12345"]',
    ],
)
def test_what_names_no_port_no_slot_and_no_imei_is_told(tmp_path: Path, text: str) -> None:
    (line,) = problems(tmp_path, text)
    assert line.startswith("2: ")
    assert "write " in line


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rehearsal.toml"
    path.write_text(
        '[daemon]\nstate_dir = "state"\nsecrets_file = "/abs"\n[[port]]\npath = "rack/*"\n'
    )
    loaded = config.load(path)
    assert loaded.daemon.state_dir == tmp_path / "state"
    assert loaded.daemon.secrets_file == Path("/abs")
    assert loaded.ports[0].path == f"{tmp_path}/rack/*"


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().daemon.log_level = "debug"


BAD = [
    (
        "[daemon]\nlog_levle = 'info'",
        "2: daemon.log_levle: there is no such key; did you mean log_level?",
    ),
    ("[deamon]\n", "1: deamon: there is no such key; did you mean daemon?"),
    (
        "[daemon]\nlog_level = 'verbose'",
        "2: daemon.log_level: 'verbose' was given; "
        "allowed are 'debug', 'info', 'warning' or 'error'",
    ),
    (
        "[daemon]\ntimezone = 'Asia/Jakrta'",
        "2: daemon.timezone: 'Asia/Jakrta' was given; "
        'write an IANA name such as "Asia/Jakarta" or "Asia/Makassar"',
    ),
    ("[daemon]\nsocket = 5", "2: daemon.socket: 5 was given; write a path in quotes"),
    ("daemon = [1]", "1: daemon: a list was given; write it as a [section]"),
    ("[[port]]\nbaud = 9600", "1: port[1].path: is missing; add the line: path = ..."),
    ("[[port]]\npath = ' '", "2: port[1].path: ' ' was given; write a text that is not empty"),
    (
        "[[port]]\npath = 'a'\n[[port]]\npath = 'b'\nbaud = 115201",
        "5: port[2].baud: 115201 was given; allowed are "
        "9600, 19200, 38400, 57600, 115200, 230400, 460800 or 921600",
    ),
    (
        "[[port]]\npath = 'a'\n\n[[port]]\npath = 'a'",
        "5: port[2].path: 'a' stands in port[1] already; remove one of the two",
    ),
    (
        "[orders]\ntime_limit_seconds = 0",
        "2: orders.time_limit_seconds: 0 was given; it must be more than 0.0",
    ),
    (
        "[orders]\ntime_limit_seconds = '10'",
        "2: orders.time_limit_seconds: '10' was given; write a number without quotes",
    ),
    ("[chips]\nreserve = -1", "2: chips.reserve: -1 was given; it must be at least 0"),
    (
        "[chips]\nreserve = 0.5",
        "2: chips.reserve: 0.5 was given; write a whole number without quotes",
    ),
    (
        "[chips]\nreserve = true",
        "2: chips.reserve: true was given; write a whole number without quotes",
    ),
    (
        '[daemon]\nsocket = "a\\u0000b"',
        "2: daemon.socket: 'a\\x00b' was given; write a path without control characters",
    ),
    (
        '[daemon]\nrecipes_dir = "a\\nb"',
        "2: daemon.recipes_dir: 'a\\nb' was given; write a path without control characters",
    ),
    (
        '[[port]]\npath = "/dev/a\\u0000"',
        "2: port[1].path: '/dev/a\\x00' was given; write a path without control characters",
    ),
    (
        f"[chips]\nreserve = 0x{'f' * 6000}",
        f"2: chips.reserve: a huge number was given; it must be at most {10**12}",
    ),
    ("[rehearsal]\nspeed = nan", "2: rehearsal.speed: nan was given; write an ordinary number"),
    (
        "[rehearsal]\nspeed = 1e9",
        "2: rehearsal.speed: 1000000000.0 was given; it must be at most 10000.0",
    ),
    (
        "[retention]\ndays = 29",
        "2: retention.days: 29 was given; write 30 to 3650 days, or 0 for never",
    ),
    (
        "[retention]\ndays = 3651",
        "2: retention.days: 3651 was given; write 30 to 3650 days, or 0 for never",
    ),
    (
        "[retention]\ndays = -1",
        "2: retention.days: -1 was given; write 30 to 3650 days, or 0 for never",
    ),
    (
        "[retention]\ndays = 90.0",
        "2: retention.days: 90.0 was given; write a whole number without quotes",
    ),
    (
        "[retention]\nat = '24:00'",
        "2: retention.at: '24:00' was given; write a time of day such as \"03:30\"",
    ),
    (
        "[retention]\nat = '3:30'",
        "2: retention.at: '3:30' was given; write a time of day such as \"03:30\"",
    ),
    (
        "[retention]\nat = 3",
        "2: retention.at: 3 was given; write a text in quotes",
    ),
    (
        "[retention]\nmonths = 3",
        "2: retention.months: there is no such key; remove it (known here: days, at)",
    ),
]


# Each figure, the most it may be, and how the file says a little more.
MOST = [
    ("orders", "time_limit_seconds", 604_800),
    ("chips", "reserve", 10**12),
    ("chips", "per_hour", 100_000),
    ("chips", "per_day", 100_000),
    ("chips", "pause_seconds", 86_400),
    ("chips", "poll_sms_seconds", 86_400),
    ("chips", "stock_check_seconds", 604_800),
    ("resolution", "check_every_seconds", 86_400),
    ("resolution", "give_up_after_seconds", 365 * 86_400),
    ("rehearsal", "speed", 10_000),
    ("rehearsal", "anchor", 4_102_444_800),
]


@pytest.mark.parametrize(("section", "key", "most"), MOST)
def test_no_figure_is_without_bound(tmp_path: Path, section: str, key: str, most: int) -> None:
    loaded = config.parse({section: {key: most}}, tmp_path / "p.toml")
    assert getattr(getattr(loaded, section), key) == most
    (line,) = problems(tmp_path, f"[{section}]\n{key} = {most + 1}")
    assert line.startswith(f"2: {section}.{key}: {most + 1} was given; it must be at most {most}")


def test_a_rehearsal_does_not_stand_still(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, "[rehearsal]\nspeed = 0.0099")
    assert line == "2: rehearsal.speed: 0.0099 was given; it must be at least 0.01"


@pytest.mark.parametrize("text", [f"a = {'9' * 5000}", f"a = {'[' * 9000}"])
def test_what_the_toml_reader_cannot_hold_is_told(tmp_path: Path, text: str) -> None:
    (line,) = problems(tmp_path, text)
    assert line.endswith("without end; remove it")


@pytest.mark.parametrize(("text", "line"), BAD)
def test_an_error_names_place_value_and_remedy(tmp_path: Path, text: str, line: str) -> None:
    assert problems(tmp_path, text) == [line]


def test_all_errors_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "[daemon]\nlog_level = 1\nlog_format = 'xml'\n[chips]\nreserve = -1\nfoo = 1\n[nope]\n"
    found = problems(tmp_path, text)
    assert [line.split(":")[0] for line in found] == ["2", "3", "5", "6", "7"]


def test_the_value_of_an_unknown_key_is_never_shown(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, "[chips]\nchip_pin = '739182'")
    assert "chip_pin" in line
    assert "739182" not in line


@pytest.mark.parametrize(
    ("text", "line"),
    [("[daemon]\nsocket =\n", 2), ("[daemon\n", 1), ("a = 1\na = 2\n", 2), ("a = 0123", 1)],
)
def test_broken_toml_is_named_by_its_line(tmp_path: Path, text: str, line: int) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"{line}: ")
    assert "put the TOML right there" in problem


def test_unreadable_files_say_why(tmp_path: Path) -> None:
    def line(path: Path) -> str:
        with pytest.raises(ConfigErrors) as caught:
            config.load(path)
        return str(caught.value)

    assert "there is no such file; name another one with --config" in line(tmp_path / "no")
    assert "it is a directory" in line(tmp_path)
    (tmp_path / "latin").write_bytes(b"# caf\xe9")
    assert "byte 5 is not UTF-8" in line(tmp_path / "latin")
    if os.geteuid() != 0:
        (tmp_path / "closed").touch(mode=0)
        assert "you may not read it" in line(tmp_path / "closed")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    path = Path("any.toml")
    try:
        raw = config.tomllib.loads(text)
    except config.tomllib.TOMLDecodeError:
        return
    try:
        config.parse(raw, path, text)
    except ConfigErrors as errors:
        assert errors.problems


_KEYS = st.sampled_from(["daemon", "port", "chips", "socket", "path", "baud", "speed", "x"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_no_structure_breaks_the_reader(raw: dict[str, object]) -> None:
    try:
        config.parse(raw, Path("any.toml"))
    except ConfigErrors as errors:
        assert errors.problems
        assert all(line.count("\n") == 0 for line in errors.lines())
