"""Many orders at once: the helper process of `bench storm`.

`python -m benchmarks.flood SOCKET FILE`: the file holds what each connection sends, as a list
of (text, number of requests). On SIGUSR1 all connect at once and send everything without
waiting for an answer, reading the answers meanwhile; then one line of JSON says how long it
took and what was answered. It is a process of its own, so that whoever asks the daemon
something meanwhile waits for the daemon and not for the flood.
"""

import asyncio
import json
import resource
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from benchmarks.child import READY

DESCRIPTORS = 8192
ACCEPTED = "accepted"
UNANSWERED = "no answer"


async def flood(path: Path, senders: list[tuple[str, int]]) -> tuple[float, Counter[str]]:
    """Seconds until everything is answered, and the answers by kind."""
    answers: Counter[str] = Counter()
    began = time.perf_counter()
    await asyncio.gather(*(_send(path, text.encode(), count, answers) for text, count in senders))
    return time.perf_counter() - began, answers


async def _send(path: Path, text: bytes, count: int, answers: Counter[str]) -> None:
    got = 0
    # A connection that is not served may end before everything is sent, or be none at all.
    with suppress(OSError):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(text)
        while got < count and (line := await reader.readline()):
            answer = json.loads(line)
            answers[answer["error"]["code"] if "error" in answer else ACCEPTED] += 1
            got = count if answer["id"] is None else got + 1  # None: it was said of all
        writer.close()
        await writer.wait_closed()
    if got < count:
        answers[UNANSWERED] += count - got


def raise_descriptors() -> None:
    """A thousand connections, and what a program needs besides."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < min(DESCRIPTORS, hard):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


async def _main(path: Path, senders: list[tuple[str, int]]) -> None:
    go = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, go.set)
    sys.stdout.write(READY)
    sys.stdout.flush()
    await go.wait()
    seconds, answers = await flood(path, senders)
    sys.stdout.write(json.dumps([seconds, answers]) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().create_future()  # until it is ended


if __name__ == "__main__":
    raise_descriptors()
    asyncio.run(_main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text("utf-8"))))
