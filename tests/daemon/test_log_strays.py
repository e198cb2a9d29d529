"""What Python would print by itself stands in the log, and without secrets."""

import asyncio
import gc
import io
import json
import logging as standard
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from pulsarack.daemon import log
from pulsarack.daemon.logs import strays
from pulsarack.daemon.secrets import Secret
from tests.daemon.test_log import as_it_was  # noqa: F401 - a fixture

KEY = "kunci-rahasia-77"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """A log that has caught everything."""
    for owner, name in ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    stream = io.StringIO()
    log.configure("info", "json", stream, environ={})
    log.mask([Secret(KEY)])
    strays.catch(log.get())
    yield stream
    standard.captureWarnings(False)


def told(stream: io.StringIO) -> dict[str, Any]:
    """The one line; no secret is in it, and a trace is."""
    (line,) = stream.getvalue().splitlines()
    assert KEY not in line
    found: dict[str, Any] = json.loads(line)
    assert "****" in str(found)
    return found


def fall() -> None:
    raise ValueError(f"with {KEY}")


def test_what_nobody_caught(written: io.StringIO) -> None:
    try:
        fall()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    line = told(written)
    assert (line["event"], line["level"]) == ("daemon.crashed", "error")
    assert "in fall" in line["exception"]


def test_who_interrupts_it_knows(written: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert written.getvalue() == ""
    assert "KeyboardInterrupt" in capsys.readouterr().err


def test_a_thread_that_dies(written: io.StringIO) -> None:
    thread = threading.Thread(target=fall, name="store-writer")
    thread.start()
    thread.join()
    line = told(written)
    assert (line["event"], line["thread"]) == ("thread.died", "store-writer")


def test_a_thread_that_ends_itself_is_no_fault(written: io.StringIO) -> None:
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join()
    assert written.getvalue() == ""


def test_a_fault_in_a_destructor(written: io.StringIO) -> None:
    class Thing:
        def __del__(self) -> None:
            fall()

    gc.collect()  # what other tests left may have words of its own
    written.truncate(written.seek(0))
    thing = Thing()
    del thing  # at once, by its count
    assert told(written)["event"] == "daemon.unraisable"


def test_a_warning(written: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        standard.captureWarnings(False)
        standard.captureWarnings(True)
        warnings.warn(f"old, and {KEY}", DeprecationWarning, stacklevel=1)
        standard.captureWarnings(False)
    line = told(written)
    assert (line["event"], line["library"]) == ("library.said", "py.warnings")


async def test_a_task_that_nobody_awaits(written: io.StringIO) -> None:
    async def fails() -> None:
        fall()

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    line = told(written)
    assert (line["event"], line["library"], line["level"]) == ("library.said", "asyncio", "error")
    assert "in fall" in line["exception"]
