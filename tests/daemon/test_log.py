"""The log through its real chain of processors, into a buffer or a pipe."""

import asyncio
import io
import json
import logging
import os
from collections.abc import Iterator

import pytest
import structlog

from pulsarack.daemon import log
from pulsarack.daemon.log import LogFormat
from pulsarack.daemon.secrets import Secret

AT = 1_795_350_000_123


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    log.mask([])
    root.handlers[:] = handlers
    root.setLevel(level)


def written(log_format: LogFormat, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    log.configure(level, log_format, stream, now_ms=lambda: AT, environ={})
    return stream


def test_json_is_one_object_a_line_with_time_level_and_bound_fields() -> None:
    stream = written("json")
    with log.bound(order=7, chip="8962100000000000012"):
        log.get(slot="1-2").info("ussd.answered", text="Sisa stok\nRp 490.000")
    assert json.loads(stream.getvalue()) == {
        "event": "ussd.answered",
        "at": "2026-11-22T12:20:00.123Z",
        "level": "info",
        "order": 7,
        "chip": "8962100000000000012",
        "slot": "1-2",
        "text": "Sisa stok\nRp 490.000",
    }
    assert stream.getvalue().count("\n") == 1


def test_text_is_for_people_and_cannot_be_forged() -> None:
    stream = written("auto").getvalue()
    assert stream == ""
    stream = written("text")
    log.get().warning("sms.received", text='x\n2026 error forged="1" \x1b[31m\u2028', sender="168")
    assert stream.getvalue() == (
        "2026-11-22T12:20:00.123Z warning sms.received "
        'text="x\\n2026 error forged=\\"1\\" \\u001b[31m\\u2028" sender=168\n'
    )


def test_the_words_of_an_exception_command_no_terminal() -> None:
    stream = written("text")
    try:
        raise ValueError(bytes.fromhex("781b5d303b790720").decode() + "\x9b2J\ttab\nand below")
    except ValueError:
        log.get().exception("metrics.fault")
    assert stream.getvalue().endswith(
        "    ValueError: x\\u001b]0;y\\u0007 \\u009b2J\ttab\n    and below\n"
    )


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_secret_gets_through_the_chain(log_format: LogFormat) -> None:
    stream = written(log_format)
    log.mask([Secret("739182"), Secret("s3cret-k3y")])
    logger = log.get(chip_pin="739182")
    with log.bound(note="739182"):
        logger.info("ussd.dialled *777*081200000012*10*739182#", tx="*776*1234#")
        logger.info("x", nested={"sim_pin": 1234, "list": [Secret("1234")]}, raw=b"S5.0812.1234")
        logging.getLogger("asyncio").error("in a library: %s", "*776*1234# s3cret-k3y")
        try:
            raise ValueError("could not send BAGI 081700000012 10 739182")
        except ValueError:
            logger.exception("sms.failed")
    shown = stream.getvalue()
    assert "sms.failed" in shown
    assert "ValueError" in shown
    assert "in a library" in shown
    for secret in ("739182", "1234", "s3cret-k3y"):
        assert secret not in shown


def test_a_pin_that_looks_like_a_year_leaves_the_time_of_a_line() -> None:
    stream = written("json")
    log.mask([Secret("2026")])
    log.get().info("sms.received", text="2026")
    line = json.loads(stream.getvalue())
    assert (line["at"], line["text"]) == ("2026-11-22T12:20:00.123Z", "****")


def test_bound_fields_end_with_what_they_were_bound_for() -> None:
    stream = written("json")
    with log.bound(order=1, chip="a"):
        with log.bound(order=2):
            log.get().info("x", chip="b")
        log.get().info("x")
    log.get().info("x")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line.get("order"), line.get("chip")) for line in lines] == [
        (2, "b"),
        (1, "a"),
        (None, None),
    ]


async def test_each_task_has_its_own_fields() -> None:
    stream = written("json")

    async def sell(order: int) -> None:
        with log.bound(order=order):
            await asyncio.sleep(0)
            log.get().info("sold", seen=order)

    await asyncio.gather(*(sell(order) for order in range(5)))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert all(line["order"] == line["seen"] for line in lines)
    assert len(lines) == 5


def test_the_level_can_be_changed_for_loggers_that_exist() -> None:
    stream = written("json", level="error")
    logger = log.get()
    logger.info("unheard")
    assert stream.getvalue() == ""
    stream = written("json", level="debug")
    logger.debug("heard")
    assert "heard" in stream.getvalue()
    assert len([h for h in logging.getLogger().handlers if type(h).__name__ == "_Forward"]) == 1


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_lines_to_the_journal_carry_their_level(log_format: LogFormat) -> None:
    reading, writing = os.pipe()
    status = os.fstat(writing)
    environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    with os.fdopen(reading) as journal:
        with os.fdopen(writing, "w") as stream:
            log.configure("info", log_format, stream, environ=environ)
            log.get().warning("one")
            try:
                raise ValueError("two\nthree")
            except ValueError:
                log.get().exception("four")
        lines = journal.read().splitlines()
    assert lines[0].startswith("<4>")
    assert all(line.startswith("<3>") for line in lines[1:])
    assert not any("_priority" in line for line in lines)


def test_a_redirected_stream_is_not_the_journal() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "w") as stream:
        assert not log.goes_to_journal(stream, {"JOURNAL_STREAM": "1:1"})
        assert not log.goes_to_journal(stream, {})
    assert not log.goes_to_journal(io.StringIO(), {"JOURNAL_STREAM": "1:1"})
    assert not log.goes_to_journal(stream, {"JOURNAL_STREAM": "1:1"})  # closed by now


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_odd_values_do_not_break_a_line(log_format: LogFormat) -> None:
    stream = written(log_format)

    class Odd:
        def __str__(self) -> str:
            return "odd"

    log.get().info("x", odd=Odd(), nested={1: {2, 3}}, lone="\ud800", big=2**80)
    assert "odd" in stream.getvalue()
    assert stream.getvalue().encode().count(b"\n") == 1
