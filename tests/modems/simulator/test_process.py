"""The process on real ptys: short, and waiting only for bytes."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from pulsarack.modems.simulator import rack as rack_module

RACK = Path(rack_module.__file__).parent / "racks" / "four.toml"
PROGRAM = """
import sys
from pathlib import Path
from pulsarack.modems.simulator.process import run
sys.exit(run(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), 1, 200.0, None))
"""
PATIENCE_SECONDS = 20


def talk(port: int, line: bytes, until: bytes) -> bytes:
    os.write(port, line + b"\r")
    heard = b""
    while until not in heard:
        ready, _, _ = select.select([port], [], [], PATIENCE_SECONDS)
        assert ready, (line, heard)
        heard += os.read(port, 4096)
    return heard


def test_rack_on_ptys(tmp_path: Path) -> None:
    ports, truth = tmp_path / "ports", tmp_path / "truth.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(RACK), str(ports), str(truth)],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready 4\n"
        assert sorted(link.name for link in ports.iterdir()) == [f"modem{n}" for n in range(4)]
        for echoed in (True, False):  # opened again, the modem has lived on with its echo off
            port = os.open(ports / "modem2", os.O_RDWR | os.O_NOCTTY)
            assert (b"AT+CGMI" in talk(port, b"AT+CGMI", b"OK\r\n")) is echoed
            talk(port, b"ATE0", b"OK\r\n")
            os.close(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.communicate()
    assert list(ports.iterdir()) == []
    entries = [json.loads(line) for line in truth.read_text().splitlines()]
    assert [entry["kind"] for entry in entries] == ["rack", "stock", "stock", "stock", "stock"]


def test_a_bad_rack_is_told_on_one_line_each(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(bad), str(tmp_path), str(tmp_path / "truth")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"{bad}: rack: has no [[modem]]; add at least one\n"
