"""The backups' own work in the daemon's schedule."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pulsarack.daemon.backups.maker import BackupMaker
from pulsarack.daemon.backups.standing import figures
from pulsarack.daemon.context import Context
from pulsarack.daemon.own_command import OWN_COMMAND, surroundings
from pulsarack.daemon.schedules.job import Daily, Every, Job, JobFailed

_MOST_OUTPUT = 4000


def jobs(context: Context, maker: BackupMaker, config_path: Path) -> list[Job]:
    """Making backups, and verifying the newest one."""
    settings = context.config.backup

    async def make() -> str:
        made = await maker.make_if_due("by the schedule")
        if made is None:
            return "none is due"
        return f"backup of {made.bytes} bytes made, up to order {made.newest_order}"

    async def verify() -> str:
        return await _verify(maker.folder, config_path)

    proof = Job("backup-verify", "verifies the newest backup", Daily(settings.verify_at), verify)
    if not settings.every_minutes:
        return [proof]
    every = Every(settings.every_minutes * 60)
    return [Job("backup", "makes a backup of the database", every, make), proof]


async def _verify(folder: Path, config_path: Path) -> str:
    """In a process of its own: an audit takes the processor for minutes, and the loop would
    stand still meanwhile."""
    if not (await asyncio.to_thread(figures, folder)).backups:
        return "there is no backup yet"
    told = await _run([*OWN_COMMAND, "--config", str(config_path), "backup", "verify", "--gently"])
    return told or "the newest backup was verified"


async def _run(command: Sequence[str]) -> str:
    child = await asyncio.create_subprocess_exec(
        *command,
        env=surroundings(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await child.communicate()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    told = " ".join(out.decode("utf-8", "replace").split())[:_MOST_OUTPUT]
    if child.returncode:
        raise JobFailed(
            f"the newest backup could not be verified: {told}",
            "look at it: pulsarack backup list, and make another: pulsarack backup now",
        )
    return told
