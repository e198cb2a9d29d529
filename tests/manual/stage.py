"""The stage on which the manual is played: one real daemon, one simulated rack, paths of its own.

What the manual says of /etc/pulsarack, /var/lib/pulsarack and /run/pulsarack happens in a
temporary directory; the words of the manual stay as they are. `pulsarack` runs in this process,
since a process a command would cost more than the commands; the daemon, the rack, and what goes on
showing are processes of their own. The time of day is that of the manual, on a clock that runs
faster, so that it can show days and hours.

Stand-ins, for what only a machine has: `systemctl start|stop|restart|reload pulsarack` act on the
daemon here; the doctor is shown a machine of a few files on which all is well. Every other command
of a block `console machine` is left to the tests in a virtual machine.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from pulsarack.daemon import doctor_facts, doctor_udev
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.client import Client, ClientError
from pulsarack.daemon.clock import WallClock
from tests.daemon.machine_tree import Tree
from tests.manual.blocks import Block, Step, missing, plain

RACK = Path(__file__).with_name("rack.toml")
RULES = Path(__file__).parents[2] / "udev" / doctor_udev.FILE
PROGRAM = (sys.executable, "-m", "pulsarack.daemon.main")
SPEED = 40.0
BEGINS = datetime(2026, 12, 1, 9, 0, tzinfo=ZoneInfo("Asia/Jakarta")).timestamp()
WITHIN_SECONDS = 60.0
CLOCK = WallClock()
_LOOK_SECONDS = 0.05
_PAUSE = threading.Event()
_UNITS = {
    "pulsarack.service": "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\n",
    "pulsarack-backup.timer": "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\n",
}


class Stage:
    """One run of the manual, in its own directory."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.etc, self.state, self.run = (place / name for name in ("etc", "state", "run"))
        self.home = place / "home"
        for folder in (self.etc, self.state, self.run, self.home):
            folder.mkdir(mode=0o750)
        self._place = place
        self._paths = {
            "/etc/pulsarack": str(self.etc),
            "/var/lib/pulsarack": str(self.state),
            "/run/pulsarack": str(self.run),
            # Any login that every machine has; roles are given by the kernel's number for it.
            "siti": "daemon",
        }
        self._drawn: dict[str, str] = {}
        self._daemon: subprocess.Popen[bytes] | None = None
        self._rack: subprocess.Popen[bytes] | None = None
        self._beside: list[tuple[Block, subprocess.Popen[bytes], Path]] = []
        # WallClock: now = anchor + (real - anchor) * speed; it is to be BEGINS at this moment.
        self._anchor = (CLOCK.now_ms() / 1000 * SPEED - BEGINS) / (SPEED - 1)
        monkeypatch.chdir(self.home)
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(self.etc))
        machine = self._healthy_machine().machine
        monkeypatch.setattr(doctor_facts, "this_machine", lambda: machine)

    # --- what there is ---

    def _healthy_machine(self) -> Tree:
        tree = Tree(self._place / "machine")
        tree.folder("/run/systemd/system")
        tree.file("/etc/timezone", "Asia/Jakarta\n")
        tree.file("/etc/passwd", f"pulsarack:x:{os.geteuid()}:990::/:/bin/false\n")
        tree.file("/etc/group", "dialout:x:20:pulsarack\npulsarack:x:990:ani\n")
        tree.file(f"/lib/udev/rules.d/{doctor_udev.FILE}", RULES.read_text(encoding="utf-8"))
        tree.process(1, "systemd")
        tree.usb("usb1", bDeviceClass="09", bmAttributes="e0")
        tree.answers = dict(_UNITS)
        return tree

    def start_rack(self) -> None:
        """The modems and the operators behind them; they live as long as the stage."""
        options = ["--dir", str(self._place / "ports"), "--truth", str(self._place / "truth.jsonl")]
        options += ["--seed", "1", "--speed", repr(SPEED), "--anchor", repr(self._anchor)]
        log = self._place / "rack.log"
        self._rack = self._begin(["simulate", str(RACK), *options], log)
        wait(lambda: log.read_bytes().startswith(b"ready"), "the simulated rack")

    def close(self) -> None:
        """End every process that was started here."""
        for _, process, _ in self._beside:
            process.kill()
        for child in (self._daemon, self._rack, *(one for _, one, _ in self._beside)):
            if child is not None and child.poll() is None:
                child.terminate()
                child.wait(WITHIN_SECONDS)

    @property
    def truth(self) -> Path:
        """The operators' own books."""
        return self._place / "truth.jsonl"

    # --- the manual ---

    def play(self, block: Block) -> None:
        """Do what a block says, and compare with what it shows."""
        if block.kind == "file":
            self._write(block)
            return
        for step in block.steps:
            if block.kind == "machine":
                self._by_stand_in(step.command)
            elif block.says("beside") is not None:
                self._show_beside(block, step)
            else:
                self._run(block, step)
        if block.says("beside") is None:
            self._look_beside()

    def _write(self, block: Block) -> None:
        path = self.home / self._here(block.path)
        text = self._here(block.text)
        if path.name == "pulsarack.toml":
            text = self._configured(text)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")

    def _configured(self, text: str) -> str:
        """The manual's configuration, with what makes an exercise of it."""
        daemon = f'[daemon]\nstate_dir = "{self.state}"\nsocket = "{self.run}/control.sock"\n'
        assert text.count("[daemon]\n") == 1
        return text.replace("[daemon]\n", daemon) + (
            # By themselves they come every quarter of an hour, here at any moment.
            "[backup]\nevery_minutes = 0\n"
            f"[rehearsal]\nspeed = {SPEED!r}\nanchor = {self._anchor!r}\n"
            f'[[port]]\npath = "{self._place}/ports/modem*"\n'
        )

    def _run(self, block: Block, step: Step) -> None:
        words = self._words(step.command)
        assert words[0] == "pulsarack", f"no test can run {step.command}"
        typed = "".join(f"{line}\n" for line in block.notes.get("stdin", ()))
        status = int(block.says("status") or 0)
        deadline = CLOCK.monotonic() + WITHIN_SECONDS
        while True:
            result = CliRunner().invoke(root, self._arguments(words[1:]), input=typed)
            if result.exception and not isinstance(result.exception, SystemExit):
                raise result.exception
            line = self._compare(block, step, result.output)
            if result.exit_code == status and line is None:
                return
            if block.says("until") is None or CLOCK.monotonic() > deadline:
                raise AssertionError(
                    f"line {block.line}: $ {step.command}\nstatus {result.exit_code}, wanted"
                    f" {status}; not shown: {line}\n{result.output}"
                )
            _PAUSE.wait(_LOOK_SECONDS)

    def _compare(self, block: Block, step: Step, output: str) -> str | None:
        shown = [self._here(line) for line in step.shown]
        for drawn in block.notes.get("drawn", ()):
            self._learn(drawn, step, output)
            shown = [self._here(line) for line in step.shown]
        return missing(shown, output)

    def _learn(self, drawn: str, step: Step, output: str) -> None:
        """What stands in the place of a figure that the daemon draws."""
        for line in map(plain, step.shown):
            first, *others = [
                ".*".join(map(re.escape, self._here(part).split("...")))
                for part in line.split(drawn)
            ]
            if not others:
                continue
            pattern = first + r"(\S+)" + r"\1".join(others)
            found = (re.fullmatch(pattern, plain(text)) for text in output.splitlines())
            for match in filter(None, found):
                self._drawn[drawn] = match[1]
                self._drawn[drawn.replace(".", "")] = match[1].replace(".", "")

    def _show_beside(self, block: Block, step: Step) -> None:
        log = self._place / f"beside-{len(self._beside)}.log"
        process = self._begin(self._arguments(self._words(step.command)[1:]), log)
        self._beside.append((block, process, log))
        wait(self._is_followed, step.command, log)

    def _is_followed(self) -> bool:
        with Client(self.run / "control.sock", WITHIN_SECONDS) as client:
            return bool(client.call("status")["pressure"]["streams"])

    def _look_beside(self) -> None:
        while self._beside:
            block, process, log = self._beside.pop()

            def all_shown(block: Block = block, log: Path = log) -> bool:
                output = log.read_text(encoding="utf-8", errors="replace")
                return self._compare(block, block.steps[0], output) is None

            try:
                wait(all_shown, f"line {block.line}: {block.steps[0].command}", log)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(WITHIN_SECONDS)

    # --- words and paths ---

    def _words(self, command: str) -> list[str]:
        words = shlex.split(self._here(command))
        return words[1:] if words[0] == "sudo" else words

    def _here(self, text: str) -> str:
        for there, here in (*self._paths.items(), *self._drawn.items()):
            text = text.replace(there, here)
        return text

    def _arguments(self, words: Sequence[str]) -> list[str]:
        return ["--config", str(self.etc / "pulsarack.toml"), *words]

    # --- processes ---

    def _by_stand_in(self, command: str) -> None:
        stand_ins: dict[str, Callable[[], None]] = {
            "sudo systemctl start pulsarack": self._start,
            "sudo systemctl stop pulsarack": self._stop,
            "sudo systemctl restart pulsarack": self._restart,
            "sudo systemctl reload pulsarack": self._reload,
        }
        if command in stand_ins:
            stand_ins[command]()

    def _begin(self, arguments: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
        with log.open("ab") as output:
            return subprocess.Popen(
                [*PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def _start(self) -> None:
        log = self._place / "daemon.log"
        daemon = self._daemon = self._begin(self._arguments(["run"]), log)

        def answers() -> bool:
            assert daemon.poll() is None, log.read_text(encoding="utf-8")
            try:
                with Client(self.run / "control.sock", WITHIN_SECONDS) as client:
                    client.call("status")
            except ClientError:
                return False
            return True

        wait(answers, "the daemon", log)

    def _stop(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            assert self._daemon.wait(WITHIN_SECONDS) == 0

    def _restart(self) -> None:
        self._stop()
        self._start()

    def _reload(self) -> None:
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGHUP)


def wait(done: Callable[[], bool], what: str, log: Path | None = None) -> None:
    """Until something is so; a test that hangs says for what it waited."""
    deadline = CLOCK.monotonic() + WITHIN_SECONDS
    while not done():
        said = log.read_text(encoding="utf-8", errors="replace")[-3000:] if log else ""
        assert CLOCK.monotonic() < deadline, f"waited in vain for {what}\n{said}"
        _PAUSE.wait(_LOOK_SECONDS)
