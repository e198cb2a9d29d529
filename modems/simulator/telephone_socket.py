"""People's telephones for other processes: a Unix socket that speaks JSON lines.

In: `{"from": "6281200000071", "to": "<ICCID or number of a chip>", "text": "...", "after": 0}`,
answered by `{"sent": true}` or `{"error": "..."}`. Out, to everybody who is connected: each text
that a telephone got, as `{"heard": {"at": ..., "number": ..., "sender": ..., "chip": ...,
"text": ...}}`; `at` is virtual milliseconds UTC. Who does not read is cut off.
"""

import asyncio
import contextlib
import json
from dataclasses import asdict
from pathlib import Path

from pulsarack.modems.simulator.telephones import Heard, Telephones

LINE_LIMIT = 64 * 1024
UNREAD_LIMIT = 1024 * 1024


class TelephoneSocket:
    """Serves one world's telephones at a path."""

    def __init__(self, path: Path, telephones: Telephones) -> None:
        self._path = path
        self._telephones = telephones
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; what an earlier run left at the path is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LINE_LIMIT)
        self._telephones.listen(self._tell)

    def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, ValueError):  # ValueError: a line without end
                while line := await reader.readline():
                    writer.write(_line(self._answer(line)))
                    await writer.drain()
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, line: bytes) -> dict[str, object]:
        try:
            said = json.loads(line)
            number, to, text = str(said["from"]), str(said["to"]), str(said["text"])
            self._telephones.send(number, to, text, float(said.get("after", 0)))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return {"sent": True}

    def _tell(self, heard: Heard) -> None:
        line = _line({"heard": asdict(heard) | {"at": int(heard.at * 1000)}})
        for writer in list(self._writers):
            if writer.transport.get_write_buffer_size() > UNREAD_LIMIT:
                self._writers.discard(writer)
                writer.close()
            else:
                writer.write(line)


def _line(said: dict[str, object]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"
