"""A machine with a systemd of its own, for seconds: systemd-nspawn over this machine's files.

The root is this machine's, read only, under a layer of memory that takes all writes; so there is
nothing to build and nothing stays. What only root can do is skipped elsewhere, with the reason.
What is tested in it comes as a package (package.py), whose command runs this tree in this Python:
their places are not to be seen from a hardened service, and are mounted beside.
"""

import importlib
import os
import shutil
import site
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.service.package import PACKAGES, PYTHON, ROOT, TREE

_BOOT_SECONDS = 60.0
_COMMAND_SECONDS = 60.0
_LOOK_SECONDS = 0.05


class Container:
    """The machine; commands are run in it as root."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root, self._leader = root, leader

    def run(self, *command: str, check: bool = True, text: str = "") -> str:
        """What a command there says, on both its outputs; fails the test if it fails."""
        done = self.ended(*command, text=text)
        assert not check or done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
        return done.stdout.strip()

    def ended(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """A command there, when it has ended."""
        inside = ("nsenter", "--target", str(self._leader), "--all", *command)
        return subprocess.run(
            inside,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
        )

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Make a file."""
        self.run("install", "-D", "-m", f"{mode:o}", "/dev/stdin", path, text=text)

    def shown(self, name: str, unit: str = "pulsarack.service") -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "-P", name, unit)

    def until(self, name: str, *values: str, unit: str = "pulsarack.service") -> str:
        """Wait until a property of a unit begins with one of these."""
        deadline = time.monotonic() + _COMMAND_SECONDS
        while not (found := self.shown(name, unit)).startswith(values):
            assert time.monotonic() < deadline, f"{name} is {found}\n{self.journal()}"
            time.sleep(_LOOK_SECONDS)
        return found

    def until_said(self, words: str) -> None:
        """Wait until the service has said that."""
        deadline = time.monotonic() + _COMMAND_SECONDS
        while words not in self.journal():
            assert time.monotonic() < deadline, self.journal()
            time.sleep(_LOOK_SECONDS)

    def journal(self, unit: str = "pulsarack.service") -> str:
        """What systemd and the service have said."""
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit)


def why_not() -> str:
    """Why there can be no such machine here, or nothing."""
    if os.geteuid() != 0:
        return "a container is for root"
    for program in ("systemd-nspawn", "nsenter", "systemctl", "dpkg-deb"):
        if shutil.which(program) is None:
            return f"there is no {program} here: apt-get install systemd-container"
    return ""


@contextmanager
def booted(directory: Path, binds: tuple[str, ...] = ()) -> Iterator[Container]:
    """The machine, up; skips where it cannot be."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    # Compiled here: in there nobody may write beside the code.
    importlib.import_module("pulsarack.daemon.run")
    root = directory / "root"
    with _layer(directory, root):
        (root / TREE[1:]).mkdir(parents=True)
        command = [
            *("systemd-nspawn", "--quiet", f"--directory={root}", "--register=no", "--keep-unit"),
            *("--private-network", "--boot", f"--bind-ro={ROOT}:{TREE}"),
            f"--bind-ro={site.getsitepackages()[0]}:{PACKAGES}",
            f"--bind-ro={sys.base_prefix}:{PYTHON}",
            *(f"--bind={bind}" for bind in binds),
            "systemd.unit=basic.target",
        ]
        with (directory / "console").open("wb") as console:
            nspawn = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
            )
        try:
            yield _up(root, nspawn, directory / "console")
        finally:
            nspawn.terminate()  # systemd's own way down takes longer than there is anything to save
            nspawn.wait()


@contextmanager
def _layer(directory: Path, root: Path) -> Iterator[None]:
    memory = directory / "memory"
    for path in (root, memory):
        path.mkdir()
    mounted: list[Path] = []

    def mount(kind: str, options: str, place: Path) -> None:
        command = ["mount", "-t", kind, "-o", options, kind, str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{kind} cannot be mounted here: {done.stderr.strip()}")
        mounted.insert(0, place)

    try:
        mount("tmpfs", "size=2g", memory)
        for name in ("upper", "work"):
            (memory / name).mkdir()
        mount("overlay", f"lowerdir=/,upperdir={memory}/upper,workdir={memory}/work", root)
        mount("tmpfs", "mode=755", root / "run")
        (root / "etc/machine-id").write_text("")
        yield
    finally:
        for place in mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def _up(root: Path, nspawn: subprocess.Popen[bytes], console: Path) -> Container:
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
    deadline = time.monotonic() + _BOOT_SECONDS
    said = ""
    while time.monotonic() < deadline and nspawn.poll() is None:
        if leader := children.read_text().split()[:1]:
            container = Container(root, int(leader[0]))
            said = container.run("systemctl", "is-system-running", check=False)
            if said in ("running", "degraded"):
                return container
        time.sleep(_LOOK_SECONDS)
    words = console.read_text("utf-8", "replace")
    if nspawn.poll() is not None:
        pytest.skip(f"systemd-nspawn does not work here: {words[-300:]}")
    raise AssertionError(f"it does not come up: {said}\n{words}")
