"""The whole demonstration of the channels, with a real Prosody in it, and a kill on the way."""

from pathlib import Path

import pytest

from pulsarack.daemon.demo.main import run
from tests.demo.test_demo_run import children_in

pytestmark = pytest.mark.needs("prosody")


def test_all_channels_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "run"
    status = run(
        orders=18,
        kill=1,
        seed=8,
        speed=40.0,
        rack=None,
        directory=directory,
        plain=True,
        channels=True,
    )
    out = capsys.readouterr().out
    assert status == 0, out
    assert "XMPP is left out" not in out
    assert any(line.startswith("xmpp ") for line in out.splitlines())
    assert not children_in(directory)
