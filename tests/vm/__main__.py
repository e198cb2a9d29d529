"""The tests in the virtual machine: `python -m tests.vm --machine DIR`.

Ends with status 0 only if nothing was wrong; then, or if it is told to, it writes the report.
The directory of the run stays if something was wrong.
"""

import asyncio
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import click

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.main import cancel_on_sigterm
from tests.soak import check
from tests.vm import scenarios, service
from tests.vm.day import Day
from tests.vm.guest import ROOT
from tests.vm.machine import Machine, MachineError
from tests.vm.rack import RACK
from tests.vm.story import Story

IMAGE = Path(__file__).with_name("image.sh")
REPORTS = {"day": ROOT / "docs" / "vm-report.md", "service": ROOT / "docs" / "vm-service-report.md"}
STORIES = {
    "day": "A guest with a kernel, udev and systemd of its own runs pulsarack as the system"
    " service; sixteen simulated modems hang on it as real USB devices: sticks that the kernel's"
    " `option` driver takes (made in the guest through its virtual host controller), and modules"
    " behind USB-serial cables (made by the emulator, driver `ftdi_sio`).",
    "service": "A guest with a fresh Debian 12 gets the package of pulsarack, as the operator's"
    " manual says, sells through four USB sticks (real devices for its kernel), and goes through"
    " what befalls a server: reload, kill, power cut, upgrade, backup, restore, removal.",
}
_SETTLE_SECONDS = 600.0


@click.command()
@click.option("--machine", type=click.Path(path_type=Path), required=True,
              help="Where the disk of the machine is kept; made if it is not there.")  # fmt: skip
@click.option("--story", "stories", type=click.Choice(list(STORIES)), multiple=True,
              default=list(STORIES), help="Which is played; both unless one is named.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--speed", type=click.FloatRange(1, 10), default=2.0, show_default=True)
@click.option("--orders", type=click.IntRange(10, 150), default=60, show_default=True)
@click.option("--pulls", type=click.IntRange(1, 100), default=20, show_default=True)
def main(
    machine: Path, stories: list[str], seed: int, speed: float, orders: int, pulls: int
) -> None:
    """Play the stories on a real kernel, and hold them against the truth.

    `day`: plug, pull and reset real ttys while pulsarack sells. `service`: install, sell, reload,
    kill, power-cut, upgrade, restore.
    """
    machine = machine.expanduser().absolute()
    if not _is_made(machine):
        click.echo(f"the disk of the machine is made in {machine}; that takes some minutes")
        if subprocess.run(["sh", IMAGE, machine], check=False).returncode != 0:
            sys.exit(2)
    sys.exit(max([_played(machine, name, seed, speed, orders, pulls) for name in stories]))


def _played(machine: Path, name: str, seed: int, speed: float, orders: int, pulls: int) -> int:
    root = Path(tempfile.mkdtemp(prefix=f"pulsarack-vm-{name}-"))
    story = Story(click.echo, STORIES[name])
    try:
        asyncio.run(_run(machine, root, name, story, seed, speed, orders, pulls))
    except MachineError as error:
        click.echo(f"FAULT: {error}")
        click.echo(f"everything is kept in {root}")
        return 2
    click.echo(f"{story.faults} faults; {root} holds the books, the log and the database")
    return 1 if story.faults else 0


def _is_made(machine: Path) -> bool:
    """Whether the disk is there, as image.sh makes it today for the package of today."""
    made, control = machine / "base.done", ROOT / "packaging/control"
    wanted = IMAGE.read_bytes() + control.read_bytes()
    return made.exists() and made.read_bytes() == wanted


async def _run(
    directory: Path,
    root: Path,
    name: str,
    story: Story,
    seed: int,
    speed: float,
    orders: int,
    pulls: int,
) -> None:
    cancel_on_sigterm()
    real = WallClock()
    machine = Machine(directory, root / "control.sock")
    rack = service.RACK if name == "service" else RACK
    packages = await service.packages(root) if name == "service" else {}
    began = real.monotonic()
    day = Day(machine, root, story, seed, speed, rack)
    try:
        if name == "service":
            await service.ServiceStory(day, packages).tell()
        else:
            await _whole_day(day, orders, pulls)
        versions = await day.guest.versions()
        story.write(REPORTS[name], versions, real.monotonic() - began)
    finally:
        try:
            # A guest that cannot be asked is why the story ended: that is what is to be told.
            with suppress(MachineError):
                (root / "journal.log").write_text(await day.guest.journal(), encoding="utf-8")
                (root / "kernel.log").write_text(await machine.run("dmesg"), encoding="utf-8")
        finally:
            await day.close()
            await machine.stop()


async def _whole_day(day: Day, orders: int, pulls: int) -> None:
    story = day.story
    story.begin(
        "The machine",
        f"The guest is brought back from a snapshot, the package of pulsarack is installed in it"
        f" and started with an empty rack; seed {day.seed}, {day.speed:g}"
        " simulated seconds a real one.",
    )
    seconds = await day.machine.start()
    story.saw(f"the guest is there {seconds:.1f} real seconds after the start")
    seconds = await day.open()
    story.saw(f"the daemon was ready {seconds:.1f} real seconds after systemctl start")
    await scenarios.plug_all(day)
    await scenarios.adopt(day)
    await scenarios.ports(day)
    await scenarios.trade(day, orders // 2)
    await scenarios.before_the_return(day)
    await scenarios.after_the_return(day)
    await scenarios.lost_on_the_cable(day)
    await scenarios.reset_at_rest(day)
    await scenarios.reset_in_a_sale(day)
    await scenarios.cards_change(day)
    await scenarios.rack_moves(day)
    await scenarios.weather(day, orders, pulls)
    await _end(day)


async def _end(day: Day) -> None:
    story = day.story
    story.begin(
        "The end of the day",
        "Every chip reads its stock once more; the daemon is stopped; `pulsarack audit --truth` is"
        " run in the guest, and what the agents were told is held against what was delivered.",
    )
    seconds = await day.until_stock_is_known(_SETTLE_SECONDS)
    story.check(seconds is not None, "every chip knows its stock")
    story.saw(
        f"the daemon took {day.slowest_answer:.1f} real s at most to answer a call, and the guest's"
        f" bare program for the sticks {day.slowest_beside:.1f} s"
    )
    off = await day.clock_difference()
    story.saw(f"the clocks of guest and host differ by {abs(off) * 1000:.0f} ms")
    await day.guest.stop()
    day.rack.close()
    good, said = await day.guest.audit(day.truth)
    story.check(good, said or "the audit says nothing", said)
    stored = check.stored_orders(await day.guest.fetch(day.root))
    prices = {str(row["code"]): int(row["denomination"]) for row in day.trade.products}
    traders = day.traders
    agents = check.Agents(
        day.typed, traders.answered, traders.refused, day.link.told, prices, frozenset()
    )
    faults = check.faults(agents, stored, check.read_truth(day.truth))
    story.check(not faults, f"the agents of {len(stored)} orders have nothing to complain of",
                faults)  # fmt: skip
    for placed in day.rack.modems:
        placed.pull()

    async def none_left() -> bool:
        return not await day.guest.ttys(udev=False)

    seconds = await day.until(none_left, 60.0)
    story.check(seconds is not None, "all are pulled, and no tty is left in the guest")


if __name__ == "__main__":
    main()
