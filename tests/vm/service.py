"""The service's story: a bare Debian 12, the package, a shop that sells, and all that befalls it.

Where the operator's manual has a command for it, it is the manual's own text that is run, as
root. The operators and their modems are outside and live on whatever happens to the machine;
their books are what the audit at the end is held against.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path

from pulsarack.daemon.demo.progress import FINAL
from tests.manual.blocks import machine as manual
from tests.soak import check
from tests.vm import guest as in_guest
from tests.vm.day import Day
from tests.vm.guest import APT_SECONDS
from tests.vm.machine import MachineError

RACK = Path(__file__).with_name("service_rack.toml")
NEWER = "0.1.1"
# Simulated seconds.
FIRST_LOOK = 400.0
BACK = 600.0
EVIDENCE = 2400.0
SETTLE = 1200.0
_LOOK_SECONDS = 0.2
_ORDERS = 8


class ServiceStory:
    """The chapters, in their order."""

    def __init__(self, day: Day, packages: dict[str, Path]) -> None:
        self._day, self._story, self._packages = day, day.story, packages
        self._run = day.machine.run

    async def tell(self) -> None:
        """All of it."""
        for chapter in (
            self.install,
            self.configure,
            self.plug,
            self.admins,
            self.reload,
            self.kill,
            self.power_cut,
            self.upgrade,
            self.backup,
            self.restore,
            self.end,
            self.remove,
        ):
            await chapter()

    async def install(self) -> None:
        """One command on a machine that has never seen it."""
        self._story.begin(
            "Installed as the manual says",
            "A guest with a fresh Debian 12 is brought back from a snapshot. It has no pulsarack,"
            " no network and no modem; what the package asks apt for is in apt's cache.",
        )
        story = self._story
        seconds = await self._day.machine.start()
        story.saw(f"the guest is there {seconds:.1f} real seconds after the start")
        await self._day.furnish()
        there = await self._run(
            "command -v pulsarack pip gcc; getent passwd pulsarack", check=False
        )
        story.check(not there, "it has neither pulsarack nor its user, no pip, no compiler", there)
        await self._bring(self._packages["first"])
        seconds = await self._timed(self._manual("install"))
        story.saw(f"the command of the manual took {seconds:.0f} real seconds")
        active = await self._run(
            "systemctl is-active pulsarack pulsarack-backup.timer", check=False
        )
        story.check(active.split() == ["active"] * 2, "service and timer are active", active)
        said = await self._shown("StatusText")
        story.check("no modem" in said, f"STATUS: {said}", said)
        groups = await self._run("id -Gn pulsarack; stat -c '%U %a' /etc/pulsarack/secrets.toml")
        story.check(
            groups.split() == ["pulsarack", "dialout", "root", "600"],
            "the user is there, a member of dialout; the file for the PINs is root's, mode 600",
            groups,
        )
        said = await self._run("pulsarack config check", check=False)
        story.check("sound" in said, "the configuration that came along is sound", said)
        said = await self._run("systemd-analyze security pulsarack.service | tail -1")
        story.saw(said.strip(" \n→🙂😀"))
        said = await self._run("pulsarack doctor", check=False)
        bad = [line for line in said.splitlines() if line.startswith("bad")]
        missing = [line for line in said.splitlines() if "none is plugged in" in line]
        story.check(not bad, "the doctor finds nothing bad", bad)
        story.check(bool(missing), f"and says what is missing: {' '.join(missing)[:120]}", said)
        words = ". /usr/share/bash-completion/completions/pulsarack && complete -p pulsarack"
        said = await self._run(f"bash -c '{words}'", check=False)
        story.check("-F" in said, "bash completes the command", said)

    async def configure(self) -> None:
        """PINs, keys, the clock of the exercise; then a restart, as the manual says."""
        self._story.begin(
            "Configured",
            f"The two files are written, the master key is made; {self._day.speed:g} simulated"
            " seconds a real one from here on.",
        )
        await self._configured()
        said = await self._run("pulsarack secret new /etc/pulsarack/pepper")
        await self._manual("restart")
        self._story.check("master key" in said, "the master key is made", said)
        told = await self._manual("logs")
        self._story.check("daemon.started" in told, "the journal tells of the start", told[-400:])
        directory = "/run/credentials/pulsarack.service"
        listed = await self._run(
            f"stat -c '%n %U %a %s' {directory}/pepper {directory}/secrets.toml"
        )
        self._story.check(
            all(line.split()[1:3] == ["pulsarack", "400"] for line in listed.splitlines()),
            "systemd hands the keys to the daemon's user alone",
            listed,
        )

    async def plug(self) -> None:
        """Four sticks, shown, adopted, at work, selling."""
        day, story = self._day, self._story
        story.begin(
            "Modems are plugged in, chips adopted, and sell",
            "Four USB sticks go into the empty rack of the running daemon; an admin takes what"
            " shows up there into service.",
        )
        for placed in day.rack.modems:
            day.rack.plug(placed)
        seconds = await day.until_shown(day.rack.modems, FIRST_LOOK)
        story.check(seconds is not None, f"all are in their slots {seconds or 0:.0f} s later",
                    await day.modems())  # fmt: skip
        await day.enlist(pulse=False)
        seconds = await day.until_at_work(day.rack.modems, FIRST_LOOK)
        story.check(seconds is not None, f"all are at work {seconds or 0:.0f} s after")
        await day.until_stock_is_known(FIRST_LOOK)
        said = await self._shown("StatusText")
        story.check("4 chips ready" in said, f"STATUS: {said}", said)
        await self._finished(await day.sell(_ORDERS))
        said = await self._manual("journal")
        story.check(
            "order.finished" in said, "journalctl finds the lines of one order by ORDER=", said
        )

    async def admins(self) -> None:
        """The kernel says who asks, through the sandbox."""
        self._story.begin(
            "Admins are Unix users",
            "The user siti is put into the group pulsarack; then root gives her the role cashier.",
        )
        story = self._story
        await self._run("useradd --create-home siti")
        await self._manual("admins")
        ask = "runuser -u siti -- pulsarack ticket new kios1 500000"
        said = await self._run(ask, check=False)
        story.check("admin role siti" in said, "without a role she may look and not act", said)
        await self._run("pulsarack admin role siti cashier")
        said = await self._run(ask, check=False)
        story.check("kios1 pays" in said, "as cashier she gives an agent a ticket", said)
        said = await self._run("runuser -u siti -- pulsarack config reload", check=False)
        story.check("may" in said or "NOT_ALLOWED" in said, "and may not reload", said)
        said = await self._run("pulsarack agent pin set kios1", b"271829\n", check=False)
        story.check("has a new PIN" in said, "an agent's PIN is hashed within the sandbox", said)
        said = await self._run("pulsarack admin log")
        story.check("siti" in said, "what she did is in the record", said)

    async def reload(self) -> None:
        """A good file counts, a bad one changes nothing."""
        self._story.begin(
            "Reloaded", "systemctl reload, with a file that is right, and with one that is not."
        )
        story, pid = self._story, await self._shown("MainPID")
        await self._configured("[chips]\nreserve = 20000\n")
        await self._run("systemctl reload pulsarack")
        story.check(await self._journalled("config.reloaded"), "the new file is taken over")
        said = await self._run("pulsarack config show", check=False)
        story.check("20000" in said or "20.000" in said, "and counts", said)
        await self._configured("[chips]\nreserf = 20000\n")
        await self._run("systemctl reload pulsarack")
        story.check(await self._journalled("config.refused"), "a key that is none is refused")
        said = await self._shown("StatusText")
        story.saw(f"STATUS: {said}")
        await self._configured()
        await self._run("systemctl reload pulsarack")
        story.check(await self._shown("MainPID") == pid, "it is the same process all the time")
        await self._finished(await self._day.sell(2))

    async def kill(self) -> None:
        """kill -9 in the middle of sales."""
        self._story.begin(
            "Killed in the middle of sales",
            f"{_ORDERS} orders; while one is being sent the process gets SIGKILL.",
        )
        numbers = await self._in_the_middle()
        await self._run("systemctl kill --signal=KILL pulsarack")
        await self._finished(numbers)
        restarts = await self._shown("NRestarts")
        self._story.check(restarts == "1", "systemd has started it anew, once", restarts)

    async def power_cut(self) -> None:
        """The machine dies in the middle of sales, and the modems with it."""
        self._story.begin(
            "The power fails in the middle of sales",
            f"{_ORDERS} orders; while one is being sent the machine is dead, disk and all, and so"
            " are the modems. Then it boots.",
        )
        numbers = await self._in_the_middle()
        seconds = await self._day.power_cut()
        self._story.saw(f"it could be reached {seconds:.0f} real seconds later")
        back = await self._day.until_at_work(self._day.rack.modems, BACK)
        self._story.check(
            back is not None, "all modems are at work again", await self._day.modems()
        )
        await self._finished(numbers)

    async def upgrade(self) -> None:
        """The newer package, orders queued."""
        self._story.begin(
            "Upgraded with orders queued",
            f"{_ORDERS} orders; while one is being sent the package of version {NEWER} is"
            " installed, by the same command as at first.",
        )
        story = self._story
        await self._bring(self._packages["newer"])
        numbers = await self._in_the_middle()
        seconds = await self._timed(self._manual("upgrade"))
        story.saw(f"the command took {seconds:.0f} real seconds")
        version = (await self._run("pulsarack --version")).split()[-1]
        story.check(version == NEWER, f"it is version {version}")
        active = await self._run(
            "systemctl is-active pulsarack pulsarack-backup.timer", check=False
        )
        story.check(active.split() == ["active"] * 2, "service and timer run again", active)
        await self._finished(numbers)
        kept = await self._run("pulsarack admin list")
        story.check("siti" in kept, "configuration, roles and keys are as they were", kept)

    async def backup(self) -> None:
        """By the daemon, by the unit, verified."""
        self._story.begin(
            "Backed up", "By hand while the daemon runs, and by the timer's unit while it does not."
        )
        story = self._story
        said = await self._manual("backup-timer")
        story.check("pulsarack-backup.service" in said, "the timer is set", said)
        await self._run("pulsarack backup now")
        said = await self._run("nice pulsarack backup verify", check=False)
        story.check("every promise holds" in said, said.strip() or "verified", said)
        await self._run("systemctl start pulsarack-backup")
        await self._manual("stop")
        before = len(await self._backups())
        await self._run("systemctl start pulsarack-backup")
        said = await self._run("journalctl -u pulsarack-backup -o cat --no-pager -n 5")
        story.check(
            await self._shown("Result", "pulsarack-backup.service") == "success",
            "the unit works beside the daemon and without it",
            said,
        )
        story.saw(f"there are {before} backups: {await self._whys()}")
        await self._run("runuser -u pulsarack -- pulsarack backup now")
        story.check(len(await self._backups()) > before, "one of the stopped daemon's files, too")

    async def restore(self) -> None:
        """The database is damaged; the newest backup takes its place."""
        self._story.begin(
            "Restored",
            "The first pages of the database are overwritten; the daemon is started; then the"
            " newest backup is restored.",
        )
        story, day = self._story, self._day
        database = "/var/lib/pulsarack/pulsarack.db"
        how = "bs=4096 count=8 conv=notrunc status=none"
        await self._run(f"dd if=/dev/urandom of={database} {how} && rm -f {database}-wal")
        await self._run("systemctl start pulsarack", check=False)
        ended = (await self._shown("ActiveState"), await self._shown("ExecMainStatus"))
        story.check(ended == ("failed", "78"), "it refuses to start, and is not tried again", ended)
        newest = (await self._backups())[0]["name"]
        said = await self._run(f"pulsarack backup restore {newest}", check=False)
        story.check("is in place" in said, said.strip().splitlines()[0] if said else "?", said)
        await self._manual("start")
        active = await self._shown("ActiveState")
        story.check(active == "active", "the daemon runs on it", await self._last_words())
        if active != "active":
            raise MachineError("the daemon does not run on the restored backup")
        said = await self._run("pulsarack backup reopen")
        story.saw(said.strip())
        back = await day.until_at_work(day.rack.modems, BACK)
        story.check(back is not None, "all modems are at work again", await day.modems())
        await self._finished(await day.sell(4))

    async def end(self) -> None:
        """The audit."""
        day, story = self._day, self._story
        story.begin(
            "The books",
            "Every chip reads its stock once more; the daemon is stopped; `pulsarack audit --truth`"
            " is run in the guest, and what the agents were told is held against what was"
            " delivered.",
        )
        seconds = await day.until_stock_is_known(SETTLE)
        story.check(seconds is not None, "every chip knows its stock")
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
        story.check(
            not faults, f"the agents of {len(stored)} orders have nothing to complain of", faults
        )

    async def remove(self) -> None:
        """The package goes, the books stay."""
        story = self._story
        story.begin(
            "Removed, purged, installed again",
            "apt-get remove, then purge, each looked at; then the package is installed once more.",
        )
        sums = await self._run("sha256sum /var/lib/pulsarack/pulsarack.db")
        await self._manual("start")
        await self._manual("remove")
        there = await self._run("systemctl is-active pulsarack; command -v pulsarack", check=False)
        story.check(there.split() == ["inactive"], "removed: it has ended, the command is gone",
                    there)  # fmt: skip
        kept = await self._run("ls /etc/pulsarack /var/lib/pulsarack", check=False)
        wanted = {"pulsarack.toml", "secrets.toml", "pepper", "pulsarack.db", "backups"}
        story.check(wanted <= set(kept.split()), "configuration, keys and books are kept", kept)
        said = await self._manual("purge")
        story.check("rm -r" in said, "purged: it says what it keeps and how to delete it", said)
        kept = await self._run("ls /etc/pulsarack /var/lib/pulsarack", check=False)
        wanted -= {"pulsarack.toml"}
        story.check(wanted <= set(kept.split()), "keys, PINs and books are kept even so", kept)
        story.check("pulsarack.toml" not in kept, "the configuration is gone", kept)
        await self._manual("install")
        orders = json.loads(await self._run("pulsarack order list --json"))
        story.check(bool(orders), "installed again: the orders of before are there", orders)
        story.saw(f"(the database was {sums.split()[0][:12]} when it was removed)")

    # --- what the chapters use ------------------------------------------------------------

    async def _manual(self, name: str) -> str:
        """The commands of a block of the manual; the guest has no sudo, and root needs none."""
        said = ""
        for command in manual(name):
            words = command.removeprefix("sudo ")
            said += await self._run(f"cd /root && {words}", b"y\n", within=APT_SECONDS)
        return said

    async def _bring(self, package: Path) -> None:
        await self._run("rm -f /root/pulsarack_*.deb")
        await self._day.machine.put(f"/root/{package.name}", package.read_bytes())

    async def _configured(self, more: str = "") -> None:
        day = self._day
        await day.guest.configure(day.trade.chips, day.speed, day.clock.anchor, more)

    @staticmethod
    async def _timed(work: Awaitable[object]) -> float:
        began = asyncio.get_running_loop().time()
        await work
        return asyncio.get_running_loop().time() - began

    async def _shown(self, name: str, unit: str = "pulsarack.service") -> str:
        return (await self._run(f"systemctl show -P {name} {unit}")).strip()

    async def _journalled(self, event: str) -> bool:
        async def there() -> bool:
            asked = f"journalctl -u pulsarack EVENT={event} -o cat --no-pager"
            return bool((await self._run(asked, check=False)).strip())

        return await self._day.until(there, 60.0) is not None

    async def _last_words(self) -> str:
        return await self._run("journalctl -u pulsarack -o cat --no-pager -n 8")

    async def _backups(self) -> list[dict[str, object]]:
        listed = json.loads(await self._run("pulsarack backup list --json"))
        return list(listed["backups"])

    async def _whys(self) -> str:
        return ", ".join(str(one["why"]) for one in await self._backups())

    async def _in_the_middle(self) -> list[int]:
        """Orders, one of which at least is being sent, and one waits."""
        numbers = await self._day.sell(_ORDERS)

        async def sending() -> bool:
            states = [self._day.progress.states.get(one) for one in numbers]
            return "SENDING" in states

        await self._day.until(sending, 120.0)
        states = Counter(self._day.progress.states.get(one, "?") for one in numbers)
        self._story.saw("of them " + ", ".join(f"{n} {state}" for state, n in states.items()))
        return numbers

    async def _finished(self, numbers: list[int]) -> None:
        day = self._day
        began = day.clock.monotonic()
        seconds = await day.until_finished(numbers, EVIDENCE)
        states = Counter(day.progress.states[number] for number in numbers)
        told = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
        took = day.clock.monotonic() - began
        ended = all(day.progress.states[one] in FINAL for one in numbers)
        self._story.check(
            seconds is not None and ended,
            f"{len(numbers)} orders have ended {took:.0f} s later, their agents told: {told}",
            told,
        )


async def packages(root: Path) -> dict[str, Path]:
    """The package of the tree, and the same with a higher version."""
    first = await in_guest.package_of_the_tree(root)
    return {"first": first, "newer": await in_guest.package_of_the_tree(root, NEWER)}
