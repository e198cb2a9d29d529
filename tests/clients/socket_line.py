"""A serial line that is led to a socket with an abstract name (unix(7))."""

import asyncio
import os
import tty
from pathlib import Path
from typing import Self

_READ_BYTES = 4096


class SocketLine:
    """One port of the rack behind a name. Use it as a context manager."""

    def __init__(self, name: str, port: Path) -> None:
        self._name = name
        self._port = port

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, f"\0{self._name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        file = os.open(self._port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        loop = asyncio.get_running_loop()
        try:
            tty.setraw(file)
            loop.add_reader(file, lambda: writer.write(os.read(file, _READ_BYTES)))
            while data := await reader.read(_READ_BYTES):
                os.write(file, data)
        finally:
            loop.remove_reader(file)
            os.close(file)
            writer.close()
