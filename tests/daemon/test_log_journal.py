"""Lines to systemd's journal: a socket of the test's own stands where journald listens."""

import array
import fcntl
import io
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulsarack.daemon import log
from pulsarack.daemon.logs.journal import Journal
from pulsarack.daemon.logs.journal_entry import JOURNALS_OWN, entry, field_name
from pulsarack.daemon.secrets import Secret
from tests.daemon.test_log import as_it_was  # noqa: F401 - a fixture


def fields_of(datagram: bytes) -> dict[str, str]:
    """What journald reads of it."""
    found = {}
    while datagram:
        name, _, rest = datagram.partition(b"\n")
        if b"=" in name:
            name, _, value = name.partition(b"=")
        else:
            (length,) = struct.unpack_from("<Q", rest)
            value, rest = rest[8 : 8 + length], rest[8 + length :]
            assert rest[:1] == b"\n"
            rest = rest[1:]
        assert name.decode() not in found
        found[name.decode()] = value.decode()
        datagram = rest
    return found


class Journald:
    """What listens at the socket, as the real one does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.seals = 0

    def take(self) -> dict[str, str]:
        data, ancillary, _, _ = self.socket.recvmsg(1 << 22, 1024)
        for _, _, octets in ancillary:
            (descriptor,) = array.array("i", octets)
            self.seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
            with os.fdopen(descriptor, "rb") as file:
                file.seek(0)
                data = file.read()
        return fields_of(data)

    def take_all(self) -> list[dict[str, str]]:
        found = []
        try:
            while True:
                found.append(self.take())
        except BlockingIOError:
            return found

    def stop(self) -> None:
        self.socket.close()
        self.path.unlink()


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[Journald]:
    listening = Journald(tmp_path / "socket")
    yield listening
    listening.socket.close()


def configured(journald: Journald, stream: io.TextIOBase | None = None) -> io.TextIOBase:
    stream = stream or io.StringIO()
    log.configure(
        "debug",
        "journal",
        stream,
        environ={},
        journal=str(journald.path),  # type: ignore[arg-type]
    )
    return stream


def test_each_field_is_one_of_the_journals(journald: Journald) -> None:
    configured(journald)
    with log.bound(order=12, chip="8962100000000000012"):
        log.get(agent="kios1").warning("sms.not_used", text="Sisa stok\nRp 490.000", reason=None)
    assert journald.take() == {
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "pulsarack",
        "MESSAGE": 'sms.not_used agent=kios1 text="Sisa stok\\nRp 490.000" reason=None order=12'
        " chip=8962100000000000012",
        "EVENT": "sms.not_used",
        "AGENT": "kios1",
        "TEXT": "Sisa stok\nRp 490.000",
        "ORDER": "12",
        "CHIP": "8962100000000000012",
    }


@pytest.mark.parametrize(
    ("level", "priority"), [("debug", "7"), ("info", "6"), ("warning", "4"), ("error", "3")]
)
def test_the_level_is_the_priority(journald: Journald, level: str, priority: str) -> None:
    configured(journald)
    getattr(log.get(), level)("x.y")
    assert journald.take()["PRIORITY"] == priority


def test_a_trace_stands_below_the_line_and_no_secret_in_it(journald: Journald) -> None:
    configured(journald)
    log.mask([Secret("s3cret-k3y")])
    try:
        raise ValueError("with s3cret-k3y")
    except ValueError:
        log.get(api_key="x").exception("slot.fault", slot="a")
    found = journald.take()
    assert found["MESSAGE"].startswith("slot.fault api_key=**** slot=a\n    Traceback")
    assert "with ****" in found["MESSAGE"]
    assert "EXCEPTION" not in found


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("order", "ORDER"),
        ("_pid", "PID"),
        ("__", "PULSARACK_"),
        ("2nd", "PULSARACK_2ND"),
        ("message", "PULSARACK_MESSAGE"),
        ("priority", "PULSARACK_PRIORITY"),
        ("a-b.c", "A_B_C"),
        ("ö\n=", "___".lstrip("_") or "PULSARACK_"),
        ("x" * 100, "X" * 64),
    ],
)
def test_names_of_fields(key: str, name: str) -> None:
    assert field_name(key) == name
    assert not field_name(key).startswith("_") and field_name(key) not in JOURNALS_OWN


def test_no_text_forges_a_field() -> None:
    hostile = "x\nPRIORITY=0\n_UID=0\nFORGED=1\x00\ud800"
    event = {"event": hostile, hostile: hostile, "nested": {"a": [hostile, 2]}, "n": 2**80}
    found = fields_of(entry(event, 6, hostile))
    assert found["PRIORITY"] == "6"
    assert "FORGED" not in found and "_UID" not in found
    assert found["MESSAGE"] == hostile.replace("\ud800", "\\ud800")
    assert found["N"] == str(2**80)


def test_a_big_entry_is_a_sealed_file(journald: Journald) -> None:
    configured(journald)
    assert log._journal is not None
    log._journal._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    text = "ä" * 400_000
    log.get().error("sms.contradiction", text=text)
    assert journald.take()["TEXT"] == text
    assert journald.seals == (
        fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
    )


def test_a_journal_that_restarts_is_found_again(journald: Journald) -> None:
    stream = configured(journald)
    assert isinstance(stream, io.StringIO)
    log.get().info("one.line")
    journald.take()
    journald.stop()
    log.get().warning("two.lines", why="a\nb")
    assert stream.getvalue() == '<4>two.lines why="a\\nb"\n'
    again = Journald(journald.path)
    log.get().info("three.lines")
    assert [one["EVENT"] for one in again.take_all()] == ["three.lines"]
    assert log.figures() | {"suppressed": 0} == {"suppressed": 0, "fallen_back": 1, "lost": 0}
    again.stop()


def test_a_full_journal_holds_nobody_up_and_what_is_lost_is_told(journald: Journald) -> None:
    """Both ways are full: no line waits, each that is gone is counted, and told at last."""
    ours, theirs = socket.socketpair()
    with ours, theirs, os.fdopen(os.dup(ours.fileno()), "w", encoding="utf-8") as stream:
        configured(journald, stream)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        logger = log.get()
        for number in range(3000):
            logger.info("a.storm", number=number, pad="x" * 100)
        figures = log.figures()
        assert figures["lost"] > 0
        assert figures["fallen_back"] > figures["lost"]
        kept = journald.take_all()
        streamed = drained(theirs)
        logger.info("after.it")
        told = journald.take_all()
    assert [one["EVENT"] for one in told] == ["after.it", "log.lost"]
    assert told[1] | {"COUNT": str(figures["lost"]), "PRIORITY": "4"} == told[1]
    whole = [line for line in streamed.decode().split("\n") if line.endswith("x")]
    assert all(line.startswith("<6>a.storm number=") for line in whole), "no line is joined"
    assert len(kept) + figures["fallen_back"] == 3000
    numbers = [int(one["NUMBER"]) for one in kept]
    numbers += [int(line.split("number=")[1].split()[0]) for line in whole]
    assert abs(len(numbers) - (3000 - figures["lost"])) <= 1
    assert sorted(numbers) == list(range(len(numbers)))


def drained(reading: socket.socket) -> bytes:
    """All that is there now."""
    found = b""
    while True:
        try:
            found += reading.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return found


def test_a_line_that_was_taken_in_part_is_ended_before_the_next() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, os.fdopen(os.dup(ours.fileno()), "w", encoding="utf-8") as stream:
        journal = Journal(stream, "/nowhere/socket")
        journal.write(b"", 6, "a" * 1_000_000)
        journal.write(b"", 6, "b")
        assert journal.lost == 1, "the rest of the first stands in the way"
        got = b""
        while not got.endswith(b"<6>c\n"):
            got += drained(theirs)
            journal.write(b"", 6, "c")
        journal.close()
    shown = got.decode().split("\n")
    assert shown[0] == "<6>" + "a" * 1_000_000
    assert {line.partition(" ")[0] for line in shown[1:]} == {"<6>c", "<4>log.lost", ""}


def test_auto_takes_the_journal_only_if_it_reads_the_stream(journald: Journald) -> None:
    reading, writing = os.pipe()
    status = os.fstat(writing)
    environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    with os.fdopen(reading), os.fdopen(writing, "w") as stream:
        for log_format, into in (("auto", 1), ("json", 0), ("text", 0)):
            log.configure(
                "info",
                log_format,
                stream,
                environ=environ,
                journal=str(journald.path),  # type: ignore[arg-type]
            )
            log.get().info("x.y")
            assert len(journald.take_all()) == into, log_format
    elsewhere = io.StringIO()
    log.configure("info", "auto", elsewhere, environ=environ, journal=str(journald.path))
    log.get().info("x.y")
    assert not journald.take_all()
    assert elsewhere.getvalue().startswith("{")
