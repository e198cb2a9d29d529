"""Builds the Debian package: `make deb`, or `python packaging/build.py --output dist`.

The package is one directory of Python libraries, the versions of constraints.txt as wheels,
beside the files that a system service needs. It is made for Debian 12, whose Python is 3.11,
on any machine that has some Python 3.11 and dpkg-deb; nothing of the machine it is made on
gets into it. All files have one date (SOURCE_DATE_EPOCH, else that of the last commit), so that
the same tree makes the same package.

The libraries are compiled here and not on the server: the daemon's user may not write beside
them, and would compile them at every start.
"""

import argparse
import compileall
import configparser
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "packaging"
SITE = "usr/lib/pulsarack"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
PYTHON = (3, 11)
# Of the tree, what the wheel is made of.
_FOLDERS = ("pulsarack", "daemon", "ledger", "modems", "queue", "ussd")
_FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Debian 12 has this version of glibc; wheels for it and for older ones work there.
_GLIBC_MINOR = 36
_OLDEST_GLIBC_MINOR = 5
# Of the libraries, what nothing here asks for: places, carriers and time zones by number, which are
# a third of all there is, tests, and types.
_LEFT_OUT = (
    *("bin", "phonenumbers/geodata", "phonenumbers/carrierdata", "phonenumbers/tzdata"),
    *("apsw/tests", "slixmpp/test", "**/*.pyi", "*-stubs", "pwiz.py"),
    # How pip came by it is nobody's business, and differs from build to build.
    *(f"*.dist-info/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")),
)
# Where each file goes, and its mode.
INSTALLED = {
    "packaging/launcher": ("usr/bin/pulsarack", 0o755),
    "systemd/pulsarack.service": ("lib/systemd/system/pulsarack.service", 0o644),
    "systemd/pulsarack-backup.service": ("lib/systemd/system/pulsarack-backup.service", 0o644),
    "systemd/pulsarack-backup.timer": ("lib/systemd/system/pulsarack-backup.timer", 0o644),
    "systemd/pulsarack.sysusers": ("usr/lib/sysusers.d/pulsarack.conf", 0o644),
    "udev/70-pulsarack.rules": ("lib/udev/rules.d/70-pulsarack.rules", 0o644),
    "packaging/copyright": ("usr/share/doc/pulsarack/copyright", 0o644),
    "CHANGELOG.md": ("usr/share/doc/pulsarack/CHANGELOG.md", 0o644),
    "README.md": ("usr/share/doc/pulsarack/README.md", 0o644),
}
_COMPLETIONS = "usr/share/bash-completion/completions/pulsarack"


class BuildError(Exception):
    """The package cannot be made; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build it; the exit status."""
    parser = argparse.ArgumentParser(description="Build the Debian package of pulsarack.")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="the directory")
    parser.add_argument("--version", default=version_of_the_tree(), help="instead of the tree's")
    given = parser.parse_args(arguments)
    try:
        sys.stdout.write(f"{build(given.output, given.version)}\n")
    except BuildError as error:
        sys.stderr.write(f"pulsarack: {error}\n")
        return 1
    return 0


def build(output: Path, version: str) -> Path:
    """The finished package in a directory; raises BuildError."""
    _check()
    architecture = _said("dpkg", "--print-architecture").strip()
    if architecture not in _MACHINES:
        known = ", ".join(_MACHINES)
        raise BuildError(f"the libraries come as wheels for {known}, not for {architecture}")
    epoch = _epoch()
    output.mkdir(parents=True, exist_ok=True)
    package = output / f"pulsarack_{version}_{architecture}.deb"
    with tempfile.TemporaryDirectory() as name:
        stage = Path(name, "stage")
        install_libraries(stage / SITE, Path(name), version, _MACHINES[architecture])
        install_files(stage)
        _completions(stage)
        _set_dates(stage, epoch)
        _compile(stage)
        _set_dates(stage, epoch)
        write_control(stage, version, architecture)
        # A tenth of the time that xz takes, on the server too.
        command = ("dpkg-deb", "--root-owner-group", "-Zzstd", "-z9", "--build")
        _said(*command, str(stage), str(package), SOURCE_DATE_EPOCH=str(epoch))
    return package


def version_of_the_tree() -> str:
    """What setup.cfg says."""
    return _setup()["metadata"]["version"]


def install_libraries(site: Path, scratch: Path, version: str, machine: str) -> None:
    """pulsarack and all that it requires, into one directory."""
    copy = scratch / "source"
    for folder in _FOLDERS:
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / folder, copy / folder, symlinks=True, ignore=ignore)
    for file in _FILES:
        shutil.copy(ROOT / file, copy / file)
    setup = (copy / "setup.cfg").read_text(encoding="utf-8")
    old = f"version = {version_of_the_tree()}\n"
    (copy / "setup.cfg").write_text(setup.replace(old, f"version = {version}\n"), encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    wheel = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(scratch))
    _said(*pip, *wheel, str(copy))
    (built,) = scratch.glob("pulsarack-*.whl")
    what = ("install", "--target", str(site), "--no-compile", "--only-binary", ":all:")
    where = ("--implementation", "cp", "--python-version", ".".join(map(str, PYTHON)))
    platforms = [word for name in _platforms(machine) for word in ("--platform", name)]
    constraint = ("--constraint", str(ROOT / "constraints.txt"))
    _said(*pip, *what, *where, *platforms, *constraint, str(built))
    _leave_out(site)


def install_files(stage: Path) -> None:
    """Everything but the libraries."""
    docs = {
        f"docs/{path.name}": (f"usr/share/doc/pulsarack/{path.name}", 0o644)
        for path in (ROOT / "docs").iterdir()
        if path.suffix in (".md", ".toml")
    }
    docs |= {
        f"monitoring/{path.name}": (f"usr/share/doc/pulsarack/monitoring/{path.name}", 0o644)
        for path in (ROOT / "monitoring").iterdir()
    }
    for source, (target, mode) in {**INSTALLED, **docs}.items():
        path = stage / target
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, path)
        path.chmod(mode)


def write_control(stage: Path, version: str, architecture: str) -> None:
    """What dpkg wants to know, and the scripts that it runs."""
    control = stage / "DEBIAN"
    control.mkdir()
    files = list(_files(stage))
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {name}\n" for name, path in files]
    (control / "md5sums").write_text("".join(sums), encoding="utf-8")
    size = sum(path.stat().st_size + 1023 >> 10 for _, path in files)
    text = (HERE / "control").read_text(encoding="utf-8")
    summary = _setup()["metadata"]["description"].removeprefix("A ")
    facts = {"version": version, "architecture": architecture, "kilobytes": size}
    (control / "control").write_text(text.format(**facts, summary=summary), encoding="utf-8")
    for script in SCRIPTS:
        shutil.copyfile(HERE / script, control / script)
        (control / script).chmod(0o755)


def _check() -> None:
    if sys.version_info[:2] != PYTHON:
        needed = ".".join(map(str, PYTHON))
        raise BuildError(f"this is made with Python {needed}: make deb PYTHON=python{needed}")
    if shutil.which("dpkg-deb") is None:
        raise BuildError("dpkg-deb is not installed; on Debian: apt-get install dpkg")


def _setup() -> configparser.ConfigParser:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return setup


def _leave_out(site: Path) -> None:
    for pattern in _LEFT_OUT:
        for path in list(site.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _platforms(machine: str) -> list[str]:
    names = [f"manylinux_2_{n}_{machine}" for n in range(_GLIBC_MINOR, _OLDEST_GLIBC_MINOR - 1, -1)]
    return [*names, *(f"manylinux{year}_{machine}" for year in (2014, 2010, 1)), f"linux_{machine}"]


def _completions(stage: Path) -> None:
    """Completion for bash, written by the command itself."""
    path = stage / _COMPLETIONS
    path.parent.mkdir(parents=True)
    program = f"import sys; sys.path.insert(0, {str(stage / SITE)!r}); " + (
        "from pulsarack.daemon.main import main; main()"
    )
    text = _said(sys.executable, "-ISBc", program, _PULSARACK_COMPLETE="bash_source")
    path.write_text(text, encoding="utf-8")


def _compile(stage: Path) -> None:
    mode = py_compile.PycInvalidationMode.TIMESTAMP
    good = compileall.compile_dir(
        stage / SITE, quiet=2, stripdir=str(stage), prependdir="/", invalidation_mode=mode
    )
    if not good:
        raise BuildError("a library cannot be compiled; is it one for another Python?")


def _epoch() -> int:
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not given:
        asked = ("git", "-C", str(ROOT), "log", "-1", "--format=%ct")
        try:
            given = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        except FileNotFoundError:
            given = ""
    # Not from a repository: the newest date of what the package says of itself.
    return int(given.strip() or (ROOT / "CHANGELOG.md").stat().st_mtime)


def _set_dates(stage: Path, epoch: int) -> None:
    for path in [stage, *stage.rglob("*")]:
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _files(stage: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(stage.rglob("*")):
        name = path.relative_to(stage)
        if path.is_file() and name.parts[0] != "DEBIAN":
            yield str(name), path


def _said(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command[:6])} ... has failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
