"""The catalogue of events against the code: every log call that the source holds, and no more."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pulsarack.daemon.cli.lazy import LazyGroup
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.config import DaemonSection
from pulsarack.daemon.log import LogFormat
from pulsarack.daemon.logs.catalogue.event import NOTHING, Event
from pulsarack.daemon.logs.catalogue.every import EVENTS, ROOMS
from pulsarack.daemon.logs.fields import FIELDS
from pulsarack.daemon.logs.journal_entry import field_name
from pulsarack.daemon.logs.reference import markdown
from pulsarack.daemon.logs.storms import ALWAYS, FIRST_OF

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("daemon", "modems", "ussd", "queue", "ledger")
METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
LOGGER = re.compile(r"(^|[._])log(ger)?$|\blogging\.get\(.*\)$|\bget_logger\(.*\)$", re.DOTALL)
# A method that is kept under another name: what is said by it would not be seen here.
ALIAS = re.compile(r"(?:\b|_)log(?:ger)?\.(?:debug|info|warning|error|exception)\b(?!\()")
REFUSER = re.compile(r"pressure$|^self(\._reception)?$")
# Their fields are whatever the callers name: those are looked at one by one below.
OPEN = {"pressure.refused", "log.suppressed"}


class Call(NamedTuple):
    """One log call of the source."""

    place: str
    level: str
    name: str | None
    fields: tuple[str | None, ...]


def calls_of(text: str, path: str) -> Iterator[Call]:
    for node in ast.walk(ast.parse(text, path)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        method, place = node.func.attr, f"{path}:{node.lineno}"
        fields = tuple(word.arg for word in node.keywords)
        if method in METHODS and LOGGER.search(ast.unparse(node.func.value)):
            first = node.args[1 if method == "log" else 0]
            name = first.value if isinstance(first, ast.Constant) else None
            level = {"exception": "error", "log": "any"}.get(method, method)
            also = ("exc_info",) if method == "exception" else ()
            yield Call(place, level, name, fields + also)
        elif method == "refused" and REFUSER.search(ast.unparse(node.func.value)):
            yield Call(place, "warning", "pressure.refused", ("kind", *fields))


def faults(call: Call, events: dict[str, Event]) -> Iterator[str]:
    """What is wrong with a call."""
    if call.name is None:
        yield f"{call.place}: the event's name is no literal"
        return
    event = events.get(call.name)
    if event is None:
        fields = " ".join(name for name in call.fields if name)
        new = f'Event("{call.name}", "{call.level}", "MEANS", "DO", "{fields}")'
        yield f"{call.place}: not in daemon/logs/catalogue; add {new}"
        return
    if event.level != call.level:
        yield f"{call.place}: {call.name} is {event.level} in the catalogue, {call.level} here"
    for name in call.fields:
        if name is None and call.name not in OPEN:
            yield f"{call.place}: the fields of {call.name} are no literals"
        elif name is not None and name not in event.names:
            yield f"{call.place}: {call.name} has no field {name} in the catalogue"


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    """All of ours."""
    found: list[Call] = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            assert not ALIAS.search(text), f"{path}: call the logger with the event's name"
            if re.search(r"log\)?\.|get\(|\.refused\(", text):
                found += calls_of(text, str(path.relative_to(ROOT)))
    return found


def test_every_log_call_is_in_the_catalogue(calls: list[Call]) -> None:
    assert len(calls) > 150
    found = [fault for call in calls for fault in faults(call, dict(EVENTS))]
    assert not found, "\n".join(found)


def test_nothing_is_in_the_catalogue_that_is_not_in_the_code(calls: list[Call]) -> None:
    # Told by what writes to the journal itself.
    assert {call.name for call in calls} | {"log.lost"} == set(EVENTS)
    said_there = (ROOT / "daemon/logs/journal.py").read_text(encoding="utf-8")
    assert '{"event": "log.lost", "count": count}' in said_there
    said: dict[str, set[str]] = {}
    for call in calls:
        said.setdefault(str(call.name), set()).update(name for name in call.fields if name)
    bound = {"sender", "flash", "uid", "job"}  # to the logger, before it is called
    for name, event in EVENTS.items():
        if name not in ("log.suppressed", "log.lost"):
            assert set(event.names) - said[name] <= bound, name
    assert set(EVENTS["pressure.refused"].names) == said["pressure.refused"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            'log.info("new.event", order=1)',
            'add Event("new.event", "info", "MEANS", "DO", "order")',
        ),
        ('self._log.warning("order.finished")', "is info in the catalogue, warning here"),
        ('logging.get(a=1).info("order.finished", odd=1)', "has no field odd"),
        ('context.log.info(f"order.{x}")', "the event's name is no literal"),
        ('context.log.info("order.finished", **x)', "are no literals"),
        ('self._pressure.refused("BUSY", odd=1)', "has no field odd"),
    ],
)
def test_the_check_finds(text: str, fault: str) -> None:
    (call,) = calls_of(text, "x.py")
    assert any(fault in one for one in faults(call, dict(EVENTS)))


def test_an_alias_is_found() -> None:
    assert ALIAS.search("tell = self._log.info if a else b")
    assert not ALIAS.search('self._log.info("order.finished")')


def test_an_entry_is_complete_and_its_commands_are_there() -> None:
    for event in EVENTS.values():
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", event.name)
        assert event.means.endswith(".") and event.do, event.name
        assert set(event.names) <= set(FIELDS), event.name
        if event.level == "error":
            assert event.do != NOTHING, f"{event.name}: what is to be looked at now has a remedy"
        for words in re.findall(r"pulsarack ([a-z][a-z -]*)", f"{event.means} {event.do}"):
            _there(words.split())
    used = {name for event in EVENTS.values() for name in event.names}
    assert used == set(FIELDS)
    assert len(EVENTS) == sum(map(len, ROOMS.values())), "a name stands twice"


def _there(words: list[str]) -> None:
    group = root
    for word in words:
        if not isinstance(group, LazyGroup) or word.startswith("-"):
            return
        found = group.get_command(None, word)  # type: ignore[arg-type]
        assert found is not None, f"pulsarack {' '.join(words)}"
        group = found  # type: ignore[assignment]


def test_journal_names_are_fit_and_differ() -> None:
    names = [field_name(name) for name in FIELDS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name) for name in names)
    assert {"CHIP", "ORDER", "AGENT", "SLOT", "REASON", "OUTCOME"} < set(names)
    assert field_name("message") == "PULSARACK_MESSAGE"


def test_what_is_always_written_is_in_the_catalogue() -> None:
    assert set(EVENTS) >= ALWAYS
    assert set(EVENTS) >= set(FIRST_OF)


def test_the_reference_in_the_docs_is_the_generated_one() -> None:
    assert (ROOT / "docs" / "events.md").read_text(encoding="utf-8") == markdown(), (
        "run: pulsarack events --markdown > docs/events.md"
    )


def test_the_configuration_knows_the_formats() -> None:
    assert DaemonSection.model_fields["log_format"].annotation == LogFormat
