"""People's telephones: what they write to chips, and what chips send to them."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pulsarack.modems.simulator.telephone_socket import TelephoneSocket
from tests.modems.simulator.test_process import PATIENCE_SECONDS, RACK
from tests.modems.simulator.virtual import CHIPS, Bench, rack

AGENT = "6281200000071"
CARD, _, MSISDN = CHIPS["telkomsel"]


@pytest.fixture
def bench() -> Bench:
    return Bench(rack("huawei-e173", "telkomsel"))


@pytest.mark.parametrize("to", [CARD, MSISDN, f"+{MSISDN}", f"0{MSISDN[2:]}"])
def test_a_telephone_writes_to_a_chip(bench: Bench, to: str) -> None:
    bench.world.telephones.send("081200000071", to, "S10.081200000012.1234", after=100)
    bench.wait(90)
    assert bench.messages() == []
    bench.wait(30)
    assert bench.messages() == [(f"+{AGENT}", "S10.081200000012.1234")]


def test_a_chip_sends_to_a_telephone(bench: Bench) -> None:
    told: list[str] = []
    bench.world.telephones.listen(lambda heard: told.append(heard.text))
    assert "OK" in bench.send_sms(AGENT, "berhasil")
    (heard,) = bench.world.telephones.heard
    assert (heard.number, heard.sender, heard.chip) == (AGENT, MSISDN, CARD)
    assert told == ["berhasil"]
    bench.send_sms("168", "a service is no telephone")
    assert len(bench.world.telephones.heard) == 1


def test_a_telephone_that_is_off_hears_nothing(bench: Bench) -> None:
    telephones = bench.world.telephones
    telephones.switch_off("0" + AGENT[2:])
    assert "OK" in bench.send_sms(AGENT, "lost")
    assert telephones.delivery_status(AGENT) == 0x46
    telephones.switch_on(AGENT)
    bench.send_sms(AGENT, "there")
    assert [one.text for one in telephones.heard] == ["there"]


def test_nobody_has_that_chip(bench: Bench) -> None:
    with pytest.raises(KeyError):
        bench.world.telephones.send(AGENT, "6281299999999", "x")
    assert bench.messages() == []


BAD = [b"hello\n", b"[]\n", b'{"from": "1"}\n', b'{"from": "1", "to": "2", "text": "x"}\n', b"\n"]


def test_other_programs_write_and_hear(bench: Bench, tmp_path: Path) -> None:
    async def talk() -> list[dict[str, Any]]:
        path = tmp_path / "telephones.sock"
        path.touch()  # left by an earlier run
        socket = TelephoneSocket(path, bench.world.telephones)
        await socket.open()
        reader, writer = await asyncio.open_unix_connection(path)
        said = []
        for line in BAD:
            writer.write(line)
            answer = json.loads(await reader.readline())
            assert set(answer) == {"error"}, line
        line = {"from": AGENT, "to": CARD, "text": "S10.081200000012 \N{GRINNING FACE}"}
        writer.write(json.dumps(line).encode() + b"\n")
        said.append(json.loads(await reader.readline()))
        bench.send_sms(AGENT, "berhasil")
        said.append(json.loads(await reader.readline()))
        socket.close()
        assert await reader.read() == b""
        writer.close()
        assert not path.exists()
        return said

    sent, heard = asyncio.run(talk())
    assert sent == {"sent": True}
    assert heard["heard"]["text"] == "berhasil" and heard["heard"]["at"] > 10**12
    bench.wait(30)
    assert len(bench.messages()) == 1


PROGRAM = """
import sys
from pathlib import Path
from pulsarack.modems.simulator.process import run
here = Path(sys.argv[2])
sys.exit(run(Path(sys.argv[1]), here / "ports", here / "truth", 1, 200.0, None, here / "phones"))
"""


def test_the_process_has_telephones(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(RACK), str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None and process.stdin is not None
            assert process.stdout.readline() == "ready 4\n"

            async def talk() -> Any:
                reader, writer = await asyncio.open_unix_connection(tmp_path / "phones")
                writer.write(b'{"from": "081200000071", "to": "0", "text": "x"}\n')
                said = json.loads(await reader.readline())
                writer.close()
                return said

            assert "error" in asyncio.run(talk())
            process.stdin.write("stop\n")
            process.stdin.close()
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            process.kill()
    assert (tmp_path / "phones.jsonl").read_text() == "" and not (tmp_path / "phones").exists()
