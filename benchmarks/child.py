"""A helper process of a bench (`python -m benchmarks.NAME`): started, and always ended."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# The line with which a helper says that it has loaded what it needs and has begun.
READY = "ready\n"


@asynccontextmanager
async def helper(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs it for the length of the block; raises RuntimeError if it ended by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        start_new_session=True,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        if await process.stdout.readline() != READY.encode():
            raise RuntimeError(f"{module} did not begin")
        yield process
        if process.returncode is not None:
            raise RuntimeError(f"{module} ended by itself with status {process.returncode}")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
