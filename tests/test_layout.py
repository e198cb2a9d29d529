"""The layout: five folders without __init__.py, made one package by five symlinks.

With an __init__.py our queue/ would shadow the standard library's queue in everything
that is started from the repository; imported by its short name a module would exist
twice. Both break far away from their cause, so they are forbidden here.
"""

import ast
import os
import queue  # noqa: TID251 - the standard library's: its names are what this test needs
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("daemon", "modems", "ussd", "queue", "ledger")


def run(*args: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(args, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(args)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def repository_files() -> list[Path]:
    """What is in the repository or would be added to it; symlinks count as themselves."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    paths = (Path(name) for name in sorted(set(names)) if name)
    return [path for path in paths if os.path.lexists(ROOT / path)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_init_file_in_the_code_folders(folder: str) -> None:
    assert list((ROOT / folder).rglob("__init__.py*")) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_package_links_to_its_folders(folder: str) -> None:
    link = ROOT / "pulsarack" / folder
    assert link.is_symlink()
    assert link.readlink() == Path("..") / folder
    committed = run("git", "ls-files", "--stage", f"pulsarack/{folder}").split()
    if not committed:
        pytest.skip("not committed yet")
    assert committed[0] == "120000", "must be committed as a symbolic link"


def test_no_file_has_the_marks_of_a_merge() -> None:
    marks = (b"<<<<<<< ", b">>>>>>> ")
    marked = [
        str(path)
        for path in repository_files()
        if (ROOT / path).is_file()
        and any(line.startswith(marks) for line in (ROOT / path).read_bytes().splitlines())
    ]
    assert not marked


@pytest.mark.parametrize("module", ["queue", "concurrent.futures", "multiprocessing.queues"])
def test_the_standard_library_is_not_shadowed(module: str) -> None:
    run(sys.executable, "-c", f"import {module}")


def test_pytest_starts_from_the_root() -> None:
    assert "pytest" in run(sys.executable, "-m", "pytest", "--version")


# --- short names --------------------------------------------------------------------------


def short_imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Imports of our folders by their short name; queue only if it is not the library's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first, _, rest = alias.name.partition(".")
                if first in FOLDERS and (first != "queue" or rest):
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            first, _, rest = node.module.partition(".")
            wrong = {alias.name for alias in node.names if not hasattr(queue, alias.name)}
            if first in FOLDERS and (first != "queue" or rest or wrong):
                yield node.lineno, node.module


def test_nothing_is_imported_by_its_short_name() -> None:
    found = [
        f"{path}:{line}: import of {name}, say pulsarack.{name}"
        for path in repository_files()
        if path.suffix == ".py" and not (ROOT / path).is_symlink()
        for line, name in short_imports(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import ledger", 1),
        ("import ledger.journal as j", 1),
        ("from ussd.status import UssdStatus", 1),
        ("from daemon import store", 1),
        ("def f():\n    import modems", 1),
        ("import queue.claim", 1),
        ("from queue import claim", 1),
        ("import queue", 0),
        ("from queue import SimpleQueue, Empty", 0),
        ("from pulsarack.ledger import journal", 0),
        ("from . import ledger", 0),
    ],
)
def test_the_check_for_short_names(source: str, count: int) -> None:
    assert len(list(short_imports(ast.parse(source)))) == count


# --- the wheel ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built from a clean copy of the repository's files."""
    copy = tmp_path_factory.mktemp("source")
    for path in repository_files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, copy / path, follow_symlinks=False)
    target = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel")
    run(*build, ".", "--no-deps", "--no-build-isolation", "-w", str(target), cwd=copy)
    (built,) = target.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_all_code_and_data(wheel: set[str]) -> None:
    wanted = {
        f"pulsarack/{path}"
        for path in repository_files()
        if path.parts[0] in FOLDERS and path.suffix in (".py", ".sql", ".toml", ".csv")
    }
    assert wanted - wheel == set()
    assert {"pulsarack/__init__.py", "pulsarack/py.typed"} <= wheel
    assert any(name.endswith(".sql") for name in wanted)


def test_the_wheel_holds_nothing_else(wheel: set[str]) -> None:
    strange = {
        name for name in wheel if not name.startswith("pulsarack/") and ".dist-info/" not in name
    }
    assert strange == set()
