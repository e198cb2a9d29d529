"""The doctor names what is wrong and what to do, with the daemon or without, and writes nothing."""

import asyncio
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon import doctor, doctor_checks, doctor_facts, doctor_ports, store_check
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.clock import synchronised
from pulsarack.daemon.doctor import Finding, Level, Subject
from pulsarack.daemon.store import Store
from pulsarack.daemon.store_errors import StoreError
from pulsarack.daemon.store_files import MARK_NAME, StateLock, lock_holder
from pulsarack.ledger import sql
from pulsarack.modems.slots import UsbPlace, UsbTtyFacts, gather, place_of
from tests.daemon.conftest import FakeDaemon
from tests.daemon.machine_tree import NOWHERE
from tests.daemon.store_inline import InlineStore
from tests.modems.test_slots import STICK
from tests.queue.world import START, TO, World

NOW = START


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a configuration and the database of a small server."""
    place = tmp_path_factory.mktemp("furnished")
    (place / "state").mkdir()
    (place / "secrets.toml").write_text('["8962100000000000001"]\nchip_pin = "1234"\n')
    (place / "secrets.toml").chmod(0o600)
    (place / "pulsarack.toml").write_text(
        '[daemon]\nstate_dir = "state"\nsocket = "socket"\nsecrets_file = "secrets.toml"\n'
        '[[port]]\npath = "/dev/null"\n'
    )
    world = World(place / "state" / "pulsarack.db")
    world.agent()
    world.chip(recipe="telkomsel-mkios")
    world.order()
    world.close()
    Store.open(place / "state" / "pulsarack.db", now_ms=NOW).close()
    return place


@pytest.fixture
def home(furnished: Path, tmp_path: Path) -> Path:
    """A copy of it for each test."""
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)
    return tmp_path


def examine(home: Path, *, now_ms: int = NOW, in_time: bool | None = True) -> list[Finding]:
    settings, found = doctor.load(home / "pulsarack.toml")
    assert settings is not None
    subject = Subject(settings, settings.daemon.socket, {}, now_ms, in_time, NOWHERE)
    return [*found, *doctor.examine(subject, doctor_checks.CHECKS)]


def told(found: list[Finding], *levels: Level) -> list[str]:
    """What is not well, as it is shown."""
    wanted = levels or (Level.WARN, Level.BAD)
    return [
        f"{one.check}: {one.what}; {one.remedy or one.command}"
        for one in found
        if one.level in wanted
    ]


def picture(place: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()}


@pytest.mark.skipif(os.geteuid() != 0, reason="who owns the files decides what is asked")
def test_a_sound_server_that_is_stopped(home: Path) -> None:
    before = picture(home)
    found = examine(home)
    down, none, beside = told(found)
    assert down == "daemon: it does not run; sudo systemctl start pulsarack"
    assert none.startswith("backups: there is none in")
    assert beside.startswith("backups: ") and "on the disk of the database" in beside
    assert {one.check for one in found if one.level is Level.OK} == {
        "configuration", "secrets file", "pepper", "recipes", "profiles", "state directory",
        "free space", "groups", "clock", "sqlite", "udev rules", "ports", "database", "chips",
    }  # fmt: skip
    assert {one.check for one in found if one.level is Level.SKIP} == {
        "groups", "time zone", "other programs", "usb", "service",
    }  # fmt: skip
    assert picture(home) == before


def one_bad(home: Path, *words: str) -> None:
    (only,) = told(examine(home), Level.BAD)
    for word in words:
        assert word in only
    assert only.split("; ", 1)[1]  # a remedy


# --- the database -------------------------------------------------------------------------


def rewrite(home: Path, statement: str) -> None:
    store = InlineStore.open(home / "state" / "pulsarack.db", now_ms=NOW)
    store.run_inline(lambda db: sql.run(db, statement) and None)
    store.close()


def test_a_database_of_a_newer_version(home: Path) -> None:
    rewrite(home, "INSERT INTO schema_version VALUES ('queue', 999, '0999_later.sql', 8)")
    one_bad(home, "newer pulsarack", "install the newer version again")


def test_a_database_of_an_older_version(home: Path) -> None:
    rewrite(
        home,
        "DELETE FROM schema_version WHERE (folder, number) IN"
        " (SELECT folder, max(number) FROM schema_version WHERE folder = 'queue')",
    )
    (warning,) = [one for one in told(examine(home), Level.WARN) if one.startswith("database")]
    assert "older pulsarack" in warning and "start the daemon" in warning


def test_a_guard_that_is_missing(home: Path) -> None:
    rewrite(home, "DROP TRIGGER transfer_is_never_edited")
    one_bad(home, "transfer_is_never_edited", "it is missing")


@pytest.mark.parametrize("page", [0, 3, 20])
def test_a_damaged_page(home: Path, page: int) -> None:
    path = home / "state" / "pulsarack.db"
    torn = bytearray(path.read_bytes())
    torn[page * 4096 : page * 4096 + 100] = b"\xa5" * 100
    path.write_bytes(torn)
    before = picture(home)
    one_bad(home, "database", "backup")
    assert picture(home) == before


def test_another_program_s_file(home: Path) -> None:
    (home / "state" / "pulsarack.db").write_bytes(b"these are my notes\n" * 1000)
    one_bad(home, "not a database", "backup")


def test_a_database_that_is_gone_and_one_that_never_was(home: Path) -> None:
    (home / "state" / "pulsarack.db").unlink()
    one_bad(home, "is gone", "restore")
    (home / "state" / MARK_NAME).unlink()
    assert told(examine(home), Level.BAD) == []


async def _killed(home: Path) -> None:
    """As a kill -9 leaves it: commits that are in the log only."""
    place = home / "state"
    store = Store.open(place / "pulsarack.db", now_ms=NOW)
    await store.write(lambda db: sql.run(db, "UPDATE agent SET name = 'Dua'") and None)
    shutil.copytree(place, home / "left")
    store.close()
    shutil.rmtree(place)
    (home / "left").rename(place)


def test_a_log_that_was_left_and_one_that_was_removed(home: Path) -> None:
    asyncio.run(_killed(home))
    data = {name: text for name, text in picture(home).items() if not name.endswith("-shm")}
    found = examine(home)
    assert told(found, Level.BAD) == []
    assert any("leave it there" in line for line in told(found, Level.WARN))
    after = {name: text for name, text in picture(home).items() if not name.endswith("-shm")}
    assert after == data
    for name in ("-wal", "-shm"):
        (home / "state" / f"pulsarack.db{name}").unlink()
    one_bad(home, "newest 1 commits are missing", "remove")


def test_a_mark_that_says_nothing(home: Path) -> None:
    (home / "state" / MARK_NAME).write_text("")
    assert any("is missing, or no number" in line for line in told(examine(home), Level.WARN))


def test_a_large_file_is_read_in_part(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulsarack.daemon.doctor_store.READ_BYTES", 1)
    monkeypatch.setattr(store_check.first_damage, "__defaults__", (1,))
    assert any("in a quiet hour" in line for line in told(examine(home), Level.WARN))


def test_a_clock_that_is_behind(home: Path) -> None:
    warnings = told(examine(home, now_ms=NOW - 3_600_000, in_time=False), Level.WARN)
    assert any("3600 s behind the newest entry" in line for line in warnings)
    assert any("nothing keeps the machine's clock right" in line for line in warnings)


def test_a_clock_that_is_behind_its_last_step(home: Path) -> None:
    rewrite(
        home,
        "INSERT INTO clock_step (at, step, last_transition, last_attempt, last_sms)"
        f" SELECT {NOW}, 1, max(id), 0, 0 FROM transition",
    )
    warnings = told(examine(home, now_ms=NOW - 60_000), Level.WARN)
    assert any("60 s behind the newest entry" in line for line in warnings)


def test_a_clock_that_differs_from_the_operators(home: Path) -> None:
    rewrite(
        home,
        "INSERT INTO sms (chip, fingerprint, sender, text, received_at, sent_at, meaning)"
        f" SELECT iccid, 'f' || value, 's', 't', {NOW}, {NOW - 7 * 3_600_000}, 'OTHER'"
        " FROM chip, json_each('[1, 2, 3]')",
    )
    (warning,) = [line for line in told(examine(home), Level.WARN) if "time zone" in line]
    assert "the texts of telkomsel" in warning


def test_what_waits_for_a_person_is_mentioned(home: Path) -> None:
    shutil.rmtree(home / "state")
    (home / "state").mkdir()
    world = World(home / "state" / "pulsarack.db")
    world.agent()
    card = world.chip()
    world.suspend(world.sent(card, f"S10.0{TO[2:]}").attempt_id)
    other = world.chip(2)
    world.differ(other, 400_000)
    world.close()
    warnings = told(examine(home), Level.WARN)
    assert any("1 orders are undecided" in line for line in warnings)
    assert any("1 discrepancies" in line for line in warnings)


# --- files and the machine ----------------------------------------------------------------


def test_a_configuration_that_is_wrong_ends_the_examination(home: Path) -> None:
    (home / "pulsarack.toml").write_text('[daemon]\nstate_dri = "state"\n')
    settings, found = doctor.load(home / "pulsarack.toml")
    assert settings is None
    (one,) = [one for one in found if "state_dri" in one.what]
    assert (one.what.count("; "), one.remedy) == (1, "")  # one remedy, not two


def test_secrets_that_others_can_read(home: Path) -> None:
    (home / "secrets.toml").chmod(0o644)
    one_bad(home, "secrets file", "chmod 600")


@pytest.mark.parametrize(
    ("key", "check"), [("recipes_dir", "recipes"), ("profiles_dir", "profiles")]
)
def test_a_recipe_or_profile_that_is_wrong(home: Path, key: str, check: str) -> None:
    (home / "own").mkdir()
    (home / "own" / "mine.toml").write_text("nonsense = 1\n")
    config = home / "pulsarack.toml"
    config.write_text(config.read_text().replace("[daemon]", f'[daemon]\n{key} = "own"'))
    assert any(line.startswith(check) for line in told(examine(home), Level.BAD))


def test_a_state_directory_that_is_missing(home: Path) -> None:
    shutil.rmtree(home / "state")
    one_bad(home, "is no directory", "install -d")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_that_belongs_to_somebody_else(home: Path) -> None:
    os.chown(home / "state" / "pulsarack.db", 65534, 65534)
    one_bad(home, "belongs to", "chown -R root:")


@pytest.mark.parametrize(("free", "level"), [(1000, Level.BAD), (2 * 1024 * 1024, Level.WARN)])
def test_little_space(home: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    monkeypatch.setattr(doctor_checks, "free_bytes", lambda directory: free)
    assert any("refuses every order" in line for line in told(examine(home), level))


def test_a_read_only_file_system(small_disk: Path, home: Path) -> None:
    for file in (home / "state").iterdir():
        if file.name != "lock":
            shutil.copyfile(file, small_disk / file.name)
    config = home / "pulsarack.toml"
    config.write_text(config.read_text().replace('"state"', f'"{small_disk}"'))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    one_bad(home, "read-only", "mount it again")


def test_ports_that_are_not_there(home: Path) -> None:
    config = home / "pulsarack.toml"
    config.write_text(
        config.read_text() + f'[[port]]\npath = "{home}/tty9"\n[[port]]\npath = "{home}/usb*"\n'
    )
    warnings = told(examine(home), Level.WARN)
    assert any("tty9: there is no such port" in line for line in warnings)
    assert any("usb* matches nothing" in line for line in warnings)
    config.write_text(config.read_text().partition("[[port]]")[0] + "[usb]\nmodems = false\n")
    assert any("no port is configured" in line for line in told(examine(home), Level.WARN))


class Bus:
    """A udev with these ttys."""

    usable = True

    def __init__(self, *facts: UsbTtyFacts) -> None:
        self._facts = facts

    def enumerate(self) -> None:
        pass

    def models(self) -> dict[str, str]:
        return {"1-2.1": "12d1:1001", "1-2.9": "12d1:1446"}

    def places(self) -> dict[str, UsbPlace]:
        return gather(place for one in self._facts if (place := place_of(one)) is not None)


def usb_modems(home: Path, monkeypatch: pytest.MonkeyPatch, bus: Bus) -> list[str]:
    config = home / "pulsarack.toml"
    config.write_text(config.read_text().partition("[[port]]")[0])
    monkeypatch.setattr(doctor_ports, "Udev", lambda: bus)
    monkeypatch.setattr(doctor_ports, "UDEV_SOCKET", home)
    return [f"{one.level}: {one.what}" for one in examine(home) if one.check == "usb modems"]


def test_usb_modems_are_counted_and_what_is_none_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # /dev/null may be used by everybody, and /dev/none by nobody.
    stick = replace(STICK, node="/dev/null")
    closed = replace(STICK, node="/dev/none", ports="2.2")
    arduino = replace(STICK, ports="2.3", vendor_id="2341", driver="cdc_acm")
    assert usb_modems(home, monkeypatch, Bus(stick, closed, arduino)) == [
        "warn: the ttys of usb-0000:00:14.0-2.2 may not be used by you",
        "ok: usb-0000:00:14.0-2.3 is an Arduino, and left alone",
        "warn: the stick at 1-2.9 (12d1:1446) is still a CD-ROM",
        "ok: 1 places have one",
    ]


def test_without_usb_modems_or_udev_the_doctor_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bus, "models", dict)
    assert usb_modems(home, monkeypatch, Bus()) == ["warn: none is plugged in"]
    monkeypatch.setattr(Bus, "usable", False)
    assert usb_modems(home, monkeypatch, Bus()) == ["bad: libudev is missing"]


def test_slots_that_are_held_or_failed_and_chips_in_none(
    home: Path, monkeypatch: pytest.MonkeyPatch, fake_daemon: FakeDaemon
) -> None:
    why = "held: slot b shows chip 8962 too, so neither sells; take the wrong one out"
    modems = [
        {"slot": "a", "state": "held", "why": why},
        {"slot": "b", "state": "failed", "why": "no answer to AT within 5 s; try another port"},
        {"slot": "c", "state": "ready", "why": ""},
    ]
    chips = [
        {"iccid": "8962", "name": "T1", "state": "ACTIVE", "slot": None},
        {"iccid": "8963", "name": "T2", "state": "ACTIVE", "slot": "c"},
        {"iccid": "8964", "name": "T3", "state": "OUT", "slot": None},
    ]
    fake_daemon.answers["modem.list"] = {"modems": modems}
    fake_daemon.answers["chip.list"] = {"chips": chips}
    settings, _ = doctor.load(home / "pulsarack.toml")
    assert settings is not None
    monkeypatch.setattr(Subject, "running", 1)
    subject = Subject(settings, fake_daemon.path, {}, NOW, True, NOWHERE)
    found = list(doctor.examine(subject, [doctor_ports.rack]))
    assert [(one.level, one.what, one.command, one.remedy) for one in found[:2]] == [
        (
            Level.BAD,
            "slot a is held: slot b shows chip 8962 too, so neither sells",
            "pulsarack rack",
            "take the wrong one out",
        ),
        (
            Level.WARN,
            "slot b has failed: no answer to AT within 5 s",
            "pulsarack rack",
            "try another port",
        ),
    ]
    assert [one.what for one in found[2:]] == ["chip T1 (8962) is in no slot"]


def test_jobs_that_failed(
    home: Path, monkeypatch: pytest.MonkeyPatch, fake_daemon: FakeDaemon
) -> None:
    rows = [
        {"name": "backup", "failures": 3, "said": "the disk is full"},
        {"name": "audit", "failures": 0, "said": "every promise holds"},
    ]
    fake_daemon.answers["schedule.list"] = {"jobs": rows}
    settings, _ = doctor.load(home / "pulsarack.toml")
    assert settings is not None
    monkeypatch.setattr(Subject, "running", 1)
    subject = Subject(settings, fake_daemon.path, {}, NOW, True, NOWHERE)
    (found,) = doctor.examine(subject, [doctor_checks.jobs])
    assert found.what == "the job backup failed 3 times in a row: the disk is full"
    assert (found.level, found.command) == (Level.WARN, "pulsarack schedule run backup")


def test_no_port_at_all_is_nothing_good(home: Path) -> None:
    config = home / "pulsarack.toml"
    config.write_text(config.read_text().replace("/dev/null", str(home / "usb*")))
    assert [one.level for one in examine(home) if one.check == "ports"] == [Level.WARN]


def test_the_machine_says_whether_its_clock_is_kept() -> None:
    assert synchronised() in (True, False, None)


# --- with the daemon ----------------------------------------------------------------------


def test_a_lock_that_is_held_is_seen_and_not_touched(home: Path) -> None:
    assert lock_holder(home / "state") is None
    lock = StateLock(home / "state")
    assert lock_holder(home / "state") == os.getpid()
    one_bad(home, f"process {os.getpid()} works in", "socket")
    lock.release()
    assert lock_holder(home / "state") is None


@pytest.fixture
def running(home: Path) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-m", "pulsarack.daemon.main", "--config", "pulsarack.toml", "run"]
    with subprocess.Popen(command, cwd=home, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        pause = threading.Event()
        while not (home / "socket").exists():
            assert process.poll() is None
            pause.wait(0.05)
        yield process
        process.terminate()
        process.stderr.read()


@pytest.fixture
def command_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command, on a machine that shows nothing of itself."""
    monkeypatch.setattr(doctor_facts, "this_machine", lambda: NOWHERE)
    options = ["--config", str(home / "pulsarack.toml"), "doctor"]
    return lambda *more: CliRunner().invoke(root, [*options, *more])


def test_the_command_beside_a_running_daemon(
    command_line: Callable[..., Result], running: "subprocess.Popen[str]"
) -> None:
    shown = command_line()
    assert shown.exit_code == 0, shown.output
    assert f"daemon: process {running.pid} answers" in shown.output
    assert "ok    jobs" in shown.output
    assert "ok    database" in shown.output
    starts = {line[:6] for line in shown.output.splitlines()}
    assert starts <= {"ok    ", "skip  ", "warn  ", "      "}


def test_the_command_as_json_with_something_bad(
    home: Path, command_line: Callable[..., Result]
) -> None:
    (home / "secrets.toml").chmod(0o644)
    shown = command_line("--json")
    assert shown.exit_code == 1
    answer = json.loads(shown.output)
    assert answer["sound"] is False
    fields = ("level", "check", "what", "command", "remedy")
    assert {tuple(row) for row in answer["findings"]} == {fields}
    assert "1234" not in shown.output


# --- what is no file, and what is open to others ------------------------------------------


@pytest.mark.parametrize("name", ["pulsarack.db", "pulsarack.db-wal", MARK_NAME, "lock"])
def test_a_named_pipe_is_named_and_not_waited_for(home: Path, name: str) -> None:
    place = home / "state" / name
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    one_bad(home, f"{place} is a named pipe", "find out who did")
    for opener in (Store, InlineStore):
        with pytest.raises(StoreError, match="is a named pipe"):
            opener.open(home / "state" / "pulsarack.db", now_ms=NOW)


def test_a_directory_and_a_socket_are_named(home: Path) -> None:
    place = home / "state" / MARK_NAME
    place.unlink()
    place.mkdir()
    one_bad(home, "is a directory")
    place.rmdir()
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(place))
        one_bad(home, "is a socket")


def test_a_pipe_for_the_secrets_or_the_configuration(home: Path) -> None:
    (home / "secrets.toml").unlink()
    os.mkfifo(home / "secrets.toml", 0o600)
    one_bad(home, "secrets.toml", "it is a pipe")
    (home / "pulsarack.toml").unlink()
    os.mkfifo(home / "pulsarack.toml")
    settings, found = doctor.load(home / "pulsarack.toml")
    assert settings is None
    assert "it is a pipe" in found[0].what


@pytest.mark.parametrize(
    ("key", "check"), [("recipes_dir", "recipes"), ("profiles_dir", "profiles")]
)
def test_a_pipe_among_the_recipes_or_profiles(home: Path, key: str, check: str) -> None:
    (home / "own").mkdir()
    os.mkfifo(home / "own" / "mine.toml")
    config = home / "pulsarack.toml"
    config.write_text(config.read_text().replace("[daemon]", f'[daemon]\n{key} = "own"'))
    one_bad(home, check, "mine.toml", "it is no file")


def test_files_that_others_may_read(home: Path) -> None:
    for name, mode in (("pulsarack.db", 0o644), (MARK_NAME, 0o660)):
        (home / "state" / name).chmod(mode)
    (line,) = [line for line in told(examine(home), Level.WARN) if "chmod" in line]
    state = home / "state"
    assert line.endswith(f"; sudo chmod 640 {state}/pulsarack.db {state}/{MARK_NAME}")
    Store.open(state / "pulsarack.db", now_ms=NOW).close()
    assert stat.S_IMODE((state / "pulsarack.db").stat().st_mode) == 0o644  # it is the owner's


def test_each_finding_is_shown_when_it_is_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    before: list[str] = []
    monkeypatch.setattr(click, "echo", shown.append)

    def slow(subject: Subject) -> Iterator[Finding]:
        before.extend(shown)
        yield doctor.ok("slow", "read to its end")

    monkeypatch.setattr(doctor_checks, "CHECKS", (doctor_checks.free_space, slow))
    with pytest.raises(SystemExit, match="0"):
        root.main(["--config", str(home / "pulsarack.toml"), "doctor"])
    assert [line.partition(":")[0] for line in before] == [
        "ok    configuration",
        "ok    free space",
    ]
    assert shown[-1] == "ok    slow: read to its end"
