"""The package as a file: what is in it, and that its scripts are sound. dpkg's part of the tests.

That it installs, upgrades and goes is shown where there is a systemd: test_service.py.
"""

import configparser
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.service.package import ROOT, architecture, builder, small

BUILD = builder()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("there is no dpkg-deb here: apt-get install dpkg")
    return small(tmp_path_factory.mktemp("package"), "1.2.3")


@pytest.fixture(scope="module")
def unpacked(package: Path) -> Path:
    place = package.parent / "unpacked"
    subprocess.run(["dpkg-deb", "-R", str(package), str(place)], check=True)
    return place


def test_it_says_what_it_is_and_what_it_needs(package: Path) -> None:
    asked = ["dpkg-deb", "--field", str(package)]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    facts = dict(line.split(": ", 1) for line in said.splitlines() if not line.startswith(" "))
    assert (facts["Package"], facts["Version"]) == ("pulsarack", "1.2.3")
    assert facts["Architecture"] == architecture()
    needed = {one.split()[0] for one in facts["Depends"].split(", ")}
    assert {"python3.11", "systemd", "libudev1", "libusb-1.0-0", "tzdata"} <= needed
    assert len(facts["Description"]) <= 100


def test_every_file_is_in_its_place_with_its_sum(unpacked: Path) -> None:
    for name, mode in BUILD.INSTALLED.values():
        assert stat.S_IMODE((unpacked / name).stat().st_mode) == mode, name
    # udev, systemd and sysusers look for theirs in directories of their own.
    for name in ("pulsarack.service", "pulsarack-backup.service", "pulsarack-backup.timer"):
        assert (unpacked / "lib/systemd/system" / name).is_file()
    sums = (unpacked / "DEBIAN/md5sums").read_text()
    done = subprocess.run(
        ["md5sum", "--check", "--quiet"], input=sums, text=True, cwd=unpacked, check=False
    )
    assert done.returncode == 0
    named = {line.split("  ", 1)[1] for line in sums.splitlines()}
    there = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert named == {name for name in there if not name.startswith("DEBIAN/")}
    assert {f"usr/share/doc/pulsarack/{path.name}" for path in (ROOT / "docs").glob("*.md")} < named


def test_the_scripts_are_sound(unpacked: Path) -> None:
    for script in BUILD.SCRIPTS:
        path = unpacked / "DEBIAN" / script
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
        assert path.read_text().startswith("#!/bin/sh\n") and "\nset -e\n" in path.read_text()
        subprocess.run(["sh", "-n", str(path)], check=True)


def scripted(place: Path, script: str, *args: str, programs: dict[str, str]) -> int:
    """The status of a script of the package that acts on a directory in place of the machine."""
    (place / "bin").mkdir(exist_ok=True)
    quiet = dict.fromkeys(("systemd-sysusers", "systemctl", "udevadm", "deb-systemd-invoke"), "")
    for name, body in {**quiet, **programs}.items():
        (place / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
        (place / "bin" / name).chmod(0o755)
    text = (ROOT / "packaging" / script).read_text(encoding="utf-8")
    for path in ("/etc/pulsarack", "/etc/systemd", "/var/lib/pulsarack", "/run/"):
        text = text.replace(path, f"{place}{path}")
    environ = {"PATH": f"{place}/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    command = ["sh", "-c", text, script, *args]
    return subprocess.run(command, env=environ, capture_output=True, check=False).returncode


def test_a_configuration_is_made_whole_or_not_at_all_and_a_link_is_left_alone(
    tmp_path: Path,
) -> None:
    config = tmp_path / "etc/pulsarack/pulsarack.toml"
    assert scripted(tmp_path, "postinst", "configure", programs={"pulsarack": "exit 1"}) == 1
    assert not config.exists(), "the daemon would start by an empty one, and never get another"
    sound = {"pulsarack": "echo whole"}
    assert scripted(tmp_path, "postinst", "configure", programs=sound) == 0
    assert config.read_text() == "whole\n"
    assert stat.S_IMODE(config.stat().st_mode) == 0o644
    assert stat.S_IMODE(config.with_name("secrets.toml").stat().st_mode) == 0o600
    config.unlink()
    config.symlink_to("/nowhere/now")
    assert scripted(tmp_path, "postinst", "configure", programs=sound) == 0
    assert config.is_symlink()


def test_a_purge_deletes_no_pin_also_if_the_file_cannot_be_read(tmp_path: Path) -> None:
    pins = tmp_path / "etc/pulsarack/secrets.toml"
    pins.parent.mkdir(parents=True)
    pins.write_text("# one\n\tchip_pin = 1\n")
    assert scripted(tmp_path, "postrm", "purge", programs={}) == 0
    assert pins.exists()
    pins.write_text("# nothing\n\n")
    assert scripted(tmp_path, "postrm", "purge", programs={"grep": "exit 2"}) == 0
    assert pins.exists()
    assert scripted(tmp_path, "postrm", "purge", programs={"grep": 'exec /bin/grep "$@"'}) == 0
    assert not pins.parent.exists()


def test_the_libraries_are_those_of_the_constraints_for_the_right_python() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    assert BUILD.version_of_the_tree() == setup["metadata"]["version"]
    launcher = (ROOT / "packaging/launcher").read_text(encoding="utf-8")
    wanted = ".".join(map(str, BUILD.PYTHON))
    assert launcher.startswith(f"#!/usr/bin/python{wanted} -IS\n")
    assert f'"/{BUILD.SITE}"' in launcher
    depends = (ROOT / "packaging/control").read_text(encoding="utf-8")
    assert f"Depends: python{wanted}," in depends
