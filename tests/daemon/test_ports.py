"""Configured ports that are none: told at the start, with the remedy."""

from pathlib import Path

from pulsarack.daemon.config import PortSection
from pulsarack.daemon.ports import problems


def sections(*paths: object) -> list[PortSection]:
    return [PortSection(path=str(path)) for path in paths]


def test_a_character_device_and_a_glob_are_no_problem(tmp_path: Path) -> None:
    link = tmp_path / "port"
    link.symlink_to("/dev/null")
    assert problems(sections("/dev/null", link, tmp_path / "none*")) == []


def test_what_is_no_port_is_told_with_its_remedy(tmp_path: Path) -> None:
    file, dangling, missing = tmp_path / "file", tmp_path / "dangling", tmp_path / "missing"
    file.touch()
    dangling.symlink_to(missing)
    found = problems(sections(missing, dangling, file, tmp_path, file / "below", "/dev/null"))
    assert [(problem.path, problem.why) for problem in found] == [
        (str(missing), "there is no such port"),
        (str(dangling), "there is no such port"),
        (str(file), "it is no character device"),
        (str(tmp_path), "it is no character device"),
        (str(file / "below"), "Not a directory"),
    ]
    assert all(problem.remedy for problem in found)
