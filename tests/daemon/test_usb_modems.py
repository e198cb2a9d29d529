"""USB modems on a machine of umockdev's: real udev news and ttys, each case in its own process."""

from pathlib import Path

import pytest

from tests.daemon.usb_cases import CASES
from tests.umockdev import run_case


@pytest.mark.parametrize("name", CASES)
def test_on_a_machine_with_usb(name: str, tmp_path: Path) -> None:
    run_case("tests.daemon.usb_cases", name, tmp_path)
