"""The tests in the virtual machine: `python -m tests.vm --machine DIR`.

Ends with status 0 only if nothing was wrong; then, or if it is told to, it writes the report.
The directory of the run stays if something was wrong.
"""

import asyncio
import configparser
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.main import cancel_on_sigterm
from tests.soak import check
from tests.vm import scenarios
from tests.vm.day import Day
from tests.vm.guest import ROOT
from tests.vm.machine import Machine, MachineError
from tests.vm.story import Story

IMAGE = Path(__file__).with_name("image.sh")
REPORT = ROOT / "docs" / "vm-report.md"
_SETTLE_SECONDS = 600.0


@click.command()
@click.option("--machine", type=click.Path(path_type=Path), required=True,
              help="Where the disk of the machine is kept; made if it is not there.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--speed", type=click.FloatRange(1, 10), default=2.0, show_default=True)
@click.option("--orders", type=click.IntRange(10, 150), default=60, show_default=True)
@click.option("--pulls", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--report", type=click.Path(path_type=Path), default=REPORT, help="Written there.")
def main(machine: Path, seed: int, speed: float, orders: int, pulls: int, report: Path) -> None:
    """Plug, pull and reset real ttys while pulsarack sells, and hold it against the truth."""
    machine = machine.expanduser().absolute()
    if not _is_made(machine):
        click.echo(f"the disk of the machine is made in {machine}; that takes some minutes")
        if subprocess.run(["sh", IMAGE, machine, sys.executable], check=False).returncode != 0:
            sys.exit(2)
    root = Path(tempfile.mkdtemp(prefix="pulsarack-vm-"))
    story = Story(click.echo)
    try:
        asyncio.run(_run(machine, root, story, seed, speed, orders, pulls, report))
    except MachineError as error:
        click.echo(f"FAULT: {error}")
        click.echo(f"everything is kept in {root}")
        sys.exit(2)
    click.echo(f"{story.faults} faults; {root} holds the books, the log and the database")
    sys.exit(1 if story.faults else 0)


def _is_made(machine: Path) -> bool:
    """Whether the disk is there, with what pulsarack requires today."""
    made = machine / "base.done"
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    required = setup["options"]["install_requires"].split("\n")[1:]
    return made.exists() and made.read_text(encoding="utf-8").splitlines() == required


async def _run(
    directory: Path,
    root: Path,
    story: Story,
    seed: int,
    speed: float,
    orders: int,
    pulls: int,
    report: Path,
) -> None:
    cancel_on_sigterm()
    real = WallClock()
    began = real.monotonic()
    machine = Machine(directory, root / "control.sock")
    day = Day(machine, root, story, seed, speed)
    try:
        await _whole_day(day, orders, pulls)
        versions = await day.guest.versions()
        story.write(report, versions, real.monotonic() - began)
    finally:
        try:
            (root / "journal.log").write_text(await day.guest.journal(), encoding="utf-8")
            (root / "kernel.log").write_text(await machine.run("dmesg"), encoding="utf-8")
        finally:
            await day.close()
            await machine.stop()


async def _whole_day(day: Day, orders: int, pulls: int) -> None:
    story = day.story
    story.begin(
        "The machine",
        f"The guest is brought back from a snapshot, pulsarack is installed in it (wheel, rules,"
        f" unit, configuration) and started with an empty rack; seed {day.seed}, {day.speed:g}"
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
