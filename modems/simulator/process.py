"""The simulator as a process: a rack on ptys, its truth in a file, until it is told to stop.

It prints one line when all ptys exist, and ends on SIGTERM, SIGINT, or a line "stop" on its
standard input when that is a pipe (a parent's way without signals).
"""

import asyncio
import os
import signal
import stat
import sys
from functools import partial
from pathlib import Path

from pulsarack.modems.simulator.books import BookFile, Books
from pulsarack.modems.simulator.clock import VirtualClock
from pulsarack.modems.simulator.errors import SimulatorError
from pulsarack.modems.simulator.modem import Modem
from pulsarack.modems.simulator.pty_port import PtyPort
from pulsarack.modems.simulator.rack import Rack, load_rack
from pulsarack.modems.simulator.scheduler import LoopScheduler
from pulsarack.modems.simulator.telephone_socket import TelephoneSocket
from pulsarack.modems.simulator.world import World


def run(
    rack_path: Path,
    directory: Path,
    truth: Path,
    seed: int,
    speed: float,
    anchor: float | None,
    telephones: Path | None = None,
) -> int:
    """Serve a rack on ptys DIR/modem0... Returns the exit status: 0, or 2 for a bad rack file.

    speed: virtual seconds a real second; anchor: Unix seconds at which both clocks agree (now, if
    None). telephones: where people's telephones are (telephone_socket.py); their books lie beside
    it, with the ending .jsonl.
    """
    if speed <= 0:
        sys.stderr.write("the speed must be more than 0; 1 is real time\n")
        return 2
    try:
        rack = load_rack(rack_path)
    except SimulatorError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    directory.mkdir(parents=True, exist_ok=True)
    clock = VirtualClock(speed, anchor)
    asyncio.run(_serve(rack, directory, truth, seed, clock, telephones))
    return 0


async def _serve(
    rack: Rack,
    directory: Path,
    truth: Path,
    seed: int,
    clock: VirtualClock,
    telephones: Path | None,
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    book_files = [BookFile(truth)]
    if telephones is not None:
        book_files.append(BookFile(telephones.with_suffix(".jsonl")))
    world = World(
        rack, seed, LoopScheduler(loop, clock), *(Books(one.write_line) for one in book_files)
    )
    socket = TelephoneSocket(telephones, world.telephones) if telephones is not None else None
    if socket is not None:
        await socket.open()
    ports = [
        _connect(modem, directory / f"modem{place}", loop)
        for place, modem in enumerate(world.modems)
    ]
    world.power_on()
    _watch_parent(loop, stopped)
    sys.stdout.write(f"ready {len(ports)}\n")
    sys.stdout.flush()
    try:
        await stopped.wait()
    finally:
        for port in ports:
            port.close()
        world.close()
        if socket is not None:
            socket.close()
        for book_file in book_files:
            book_file.close()


def _connect(modem: Modem, link: Path, loop: asyncio.AbstractEventLoop) -> PtyPort:
    port = PtyPort(link, loop, modem.feed)
    port.open()
    modem.attach(port.write, on_gone=port.close, on_back=port.reopen)
    return port


def _watch_parent(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    """Let a parent stop us by a line on our standard input, if that is a pipe."""
    try:
        stdin = sys.stdin.fileno()
        is_pipe = stat.S_ISFIFO(os.fstat(stdin).st_mode)
    except (AttributeError, OSError, ValueError):
        return
    if is_pipe:
        loop.add_reader(stdin, partial(_hear_parent, loop, stdin, stopped))


def _hear_parent(loop: asyncio.AbstractEventLoop, stdin: int, stopped: asyncio.Event) -> None:
    said = os.read(stdin, 256)
    if not said:
        # The end of the pipe means nothing: many who start programs leave it closed.
        loop.remove_reader(stdin)
    elif said.strip() == b"stop":
        stopped.set()
