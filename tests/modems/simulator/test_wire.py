"""The byte side: what is written in one piece, in pieces or octet by octet means the same."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.modems.simulator.virtual import Bench, rack, submit_pdu

PDU = submit_pdu("168", "SALDO 1234").encode()
LINES = [
    b"AT\r",
    b"at+csq\r\n",
    b"AT+CMEE=1;+CREG?\r",
    b"\x1bAT+CP\x08\x08IMI\x08\x08\x08CPIN?\r",
    b"ATE0\r",
    b"ATE1\r",
    b"noise without a command\r",
    b"AT" + b"X" * 2000 + b"\r",
    b"AT+CMGS=%d\r" % (len(PDU) // 2 - 1) + PDU[:20] + b"\r\n" + PDU[20:] + b"\x1a",
    b"AT+CMGS=20\rnever mind\x1b",
    b'AT+CUSD=1,"*123#",15\r',
    b"\n",
]


def heard(echo: bool, pieces: list[bytes]) -> bytes:
    bench = Bench(rack("wavecom", "xl"))
    bench.say(f"ATE{int(echo)}")
    bench.heard.clear()
    for piece in pieces:
        bench.modem.feed(piece)
    bench.scheduler.run(60)
    return bytes(bench.heard)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=6), st.booleans(), st.integers(0, 99))
def test_pieces_do_not_matter(lines: list[bytes], echo: bool, seed: int) -> None:
    data, rng = b"".join(lines), Random(seed)
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(8))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    whole = heard(echo, [data])
    assert whole == heard(echo, pieces) == heard(echo, [bytes([octet]) for octet in data])


@pytest.mark.parametrize("dialect", ["simcom-sim800", "wavecom"])
def test_a_line_too_long_keeps_its_beginning(dialect: str) -> None:
    bench = Bench(rack(dialect, "xl"))
    asked = bench.say("AT+CREG?")
    # 1024 characters are kept, and the rest of the line is not there.
    assert bench.say("AT" + " " * 1016 + "+CREG?;+NONSENSE") == asked
    assert bench.say("AT" + " " * 1017 + "+CREG?;+NONSENSE") != asked
