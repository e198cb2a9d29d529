"""A small package of pulsarack for tests: all that dpkg and systemd see of it, no libraries.

The libraries are this tree and this Python, which the machine of container.py has mounted beside.
"""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/opt/python"
PACKAGES = "/opt/site"
TREE = "/usr/lib/pulsarack"


def builder() -> ModuleType:
    """packaging/build.py, which is a program and in no package."""
    spec = importlib.util.spec_from_file_location("build_package", ROOT / "packaging/build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small(directory: Path, version: str) -> Path:
    """The package of that version, in a directory."""
    build = builder()
    stage = directory / f"stage-{version}"
    build.install_files(stage)
    program = stage / "usr/bin/pulsarack"
    launcher = program.read_text(encoding="utf-8")
    place = f'sys.path.insert(0, "{TREE}")'
    assert launcher.startswith("#!/usr/bin/python3.11 ") and place in launcher
    launcher = launcher.replace("/usr/bin/python3.11", f"{PYTHON}/bin/python3", 1)
    launcher = launcher.replace(place, f'sys.path[:0] = ["{TREE}", "{PACKAGES}"]')
    program.write_text(launcher, encoding="utf-8")
    build.write_control(stage, version, architecture())
    package = directory / f"pulsarack_{version}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(stage), str(package)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(stage)
    return package


def architecture() -> str:
    """This machine's, as Debian calls it."""
    asked = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    )
    return asked.stdout.strip()
