"""What sends with python-gsmmodem: a thread a modem, and one list for all of them in memory.

Run by the Python of an environment that has the library, with nothing of ours: the file that
brings messages, a line each, then the ports.
"""

import queue  # noqa: TID251 - a list between threads
import sys
import threading
import time
from pathlib import Path

_GATEWAY = "168"
_BAUD = 115200
_LOOK_SECONDS = 0.02


def send(port: str, messages: "queue.Queue[str]") -> None:
    """One modem, for good; whatever goes wrong on it ends its thread with a trace."""
    # Only the environment that this runs in has it.
    from gsmmodem.modem import GsmModem

    modem = GsmModem(port, _BAUD)
    modem.connect()
    while True:
        modem.sendSms(_GATEWAY, messages.get())


def follow(path: str, messages: "queue.Queue[str]") -> None:
    """Reads what is written at the end of a file, for good."""
    rest = ""
    with Path(path).open(encoding="ascii") as file:
        while True:
            *lines, rest = (rest + file.read()).split("\n")
            for line in lines:
                messages.put(line)
            time.sleep(_LOOK_SECONDS)


def main(path: str, *ports: str) -> None:
    """Runs until it is ended."""
    messages: queue.Queue[str] = queue.Queue()
    for port in ports:
        threading.Thread(target=send, args=(port, messages), daemon=True).start()
    follow(path, messages)


if __name__ == "__main__":
    main(*sys.argv[1:])
