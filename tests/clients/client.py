"""What the test of other programs needs to know of one, and how a command of it is run."""

import asyncio
import contextlib
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tests.clients.stand import Stand


class Client(ABC):
    """One program, or several that belong together."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def missing(cls) -> list[str]:
        """What it needs and is not installed."""

    @abstractmethod
    async def drive(self, stand: Stand) -> None:
        """Sends what it can with every model, and notes it in `stand.seen`."""


async def say(
    arguments: Sequence[str],
    seconds: float,
    directory: Path,
    environment: Mapping[str, str] | None = None,
) -> str:
    """What a command writes until it ends; it is ended after so many seconds."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=directory,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        return ""
    return said.decode("utf-8", "replace")
