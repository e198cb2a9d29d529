"""The daemon: wires the parts together, runs them, and ends in order.

Start: configuration, secrets, recipes and profiles are read and checked as a whole;
the store is opened (one daemon a state directory) and attempts that an earlier daemon
left open are recovered; only then does the socket listen and the rack work. End:
SIGTERM lets every chip finish what is past its point of no return; what is queued
stays queued (service/ending.py). A part that dies takes the daemon down: a half-dead daemon
would look alive.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

from peewee import Database

from pulsarack.daemon import (
    allocator,
    config,
    descriptors,
    secrets,
    slow_statements,
    sqlite_engine,
)
from pulsarack.daemon import log as logging
from pulsarack.daemon.backups.upgrading import save_before_upgrade
from pulsarack.daemon.calls.wording_calls import warn_of_unusable
from pulsarack.daemon.clock import SMALL_SECONDS, SteadyClock, WallClock, dice, new_id
from pulsarack.daemon.config import Config
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.dispatcher import CLOCK_REMEDY
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.events import Events
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.logs import strays
from pulsarack.daemon.ports import problems
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.service.ending import start_failed, work
from pulsarack.daemon.service.notify import READY, notify
from pulsarack.daemon.service.patience import START_SECONDS_MOST, Patience
from pulsarack.daemon.service.signals import Signals
from pulsarack.daemon.service.start_clock import wait_for_clock
from pulsarack.daemon.store import Store
from pulsarack.daemon.store_files import DATABASE_NAME
from pulsarack.daemon.watchdog import LoopPulse, Sign, Watchdog, service_limit
from pulsarack.daemon.wiring import Parts
from pulsarack.ledger import accounts, journal
from pulsarack.modems.errors import ModemError
from pulsarack.modems.profile import Profiles
from pulsarack.modems.timing import Clock
from pulsarack.queue import agents, clock_steps, prefixes, recovery, sim_pins
from pulsarack.queue.recovery import Recovered
from pulsarack.queue.wordings.shipped import shipped
from pulsarack.ussd.errors import UssdError
from pulsarack.ussd.shelf import load_shelf

# So many objects more than there were set off a search for garbage; Python itself says 700.
GARBAGE_THRESHOLD = 5_000

SHARED_ACCOUNTS = (
    accounts.SALES,
    accounts.AIRTIME,
    accounts.COMMISSION_EXPENSE,
    accounts.OPENING,
    accounts.DISCREPANCY,
    agents.CASH,
)


def main(config_path: Path) -> int:
    """Run the daemon until it is told to end; the exit status (service/exits.py)."""
    signals = Signals()
    signals.hear_reload()
    try:
        settings = config.load(config_path)
        strays.catch(logging.get())
        allocator.tune()
        sqlite_engine.tune()
        return asyncio.run(_begin(config_path, settings, signals))
    except (DaemonError, UssdError, ModemError, OSError) as error:
        return start_failed(error)


async def _begin(config_path: Path, settings: Config, signals: Signals) -> int:
    """Find out what time it is, by which clock all else goes, and serve."""
    speed = settings.rehearsal.speed
    wall = WallClock(speed, settings.rehearsal.anchor)
    _log_by(settings, wall)
    if settings.rehearsal.anchor is None:  # else somebody has chosen the time
        await wait_for_clock(wall)
    clock = SteadyClock(wall, SMALL_SECONDS * max(1.0, speed))
    _log_by(settings, clock)
    return await serve(config_path, settings, clock, signals)


def _log_by(settings: Config, clock: Clock) -> None:
    daemon = settings.daemon
    logging.configure(daemon.log_level, daemon.log_format, sys.stderr, now_ms=clock.now_ms)


def _log_anew(context: Context) -> Callable[[], None]:
    return lambda: _log_by(context.config, context.clock)


async def serve(config_path: Path, settings: Config, clock: Clock, signals: Signals) -> int:
    """Open everything, run until a signal, close everything."""
    daemon = settings.daemon
    pins = secrets.load(daemon.secrets_file, os.environ)
    logging.mask(pins)
    shelf = load_shelf([daemon.recipes_dir] if daemon.recipes_dir else [])
    profiles = Profiles.load(*([daemon.profiles_dir] if daemon.profiles_dir else []))
    with Patience(START_SECONDS_MOST, "checking and opening the database"):
        store = Store.open(
            daemon.state_dir / DATABASE_NAME,
            now_ms=clock.now_ms(),
            listen=slow_statements.listen(daemon.slow_statement_seconds, logging.get()),
            before_upgrade=lambda: save_before_upgrade(settings, logging.get(), clock.now_ms()),
        )
    signals.attach()
    descriptors.raise_limit()
    watched: dict[str, Sign] = {"the event loop": LoopPulse(asyncio.get_running_loop())}
    watched |= store.signs_of_life()
    # It watches the closing, too: what is still to be written is written there.
    with Watchdog(watched, daemon.watchdog_seconds, service_seconds=service_limit()):
        try:
            context = Context(
                settings, clock, store, shelf, pins, Events(clock.now_ms), logging.get(), new_id
            )
            pressure = Pressure()
            # Before anything is written: without the right keys nothing may start.
            identity = await Identity.open(context, os.environ, pressure, rng=dice())
            try:
                await prepare(context)
                parts = Parts(
                    config_path, context, profiles, store, identity, pressure, _log_anew(context)
                )
                return await _run(parts, signals)
            finally:
                identity.close()
        finally:
            store.close()


async def prepare(context: Context) -> Recovered:
    """Bring the database into the state that a running daemon expects."""
    now_ms = context.clock.now_ms()
    ends = context.day_ends_at(now_ms)
    shipped()  # an order's end is told in its words: if they cannot be read, nothing may begin

    def job(db: Database) -> tuple[int, Recovered]:
        # First, so that nothing is judged by deadlines of another clock.
        step = clock_steps.follow_since_stop(db, now_ms=now_ms)
        for account in SHARED_ACCOUNTS:
            journal.open_account(db, account, now_ms=now_ms)
        prefixes.ship(db)
        sim_pins.none_is_on_its_way(db)
        return step, recovery.recover(db, now_ms=now_ms, day_ends_at=ends)

    step, found = await context.store.write(job)
    if step:
        context.log.warning("clock.stepped", seconds=step / MS, remedy=CLOCK_REMEDY)
    for order_id in found.orders:
        await context.announce(order_id)
    await warn_of_unusable(context)
    context.log.info(
        "daemon.started",
        queued_again=found.queued_again,
        undecided=found.undecided,
        recipes=len(context.shelf.recipes),
    )
    return found


async def _run(parts: Parts, signals: Signals) -> int:
    context = parts.context
    for port in problems(context.config.ports):
        context.log.warning("port.unusable", path=port.path, why=port.why, remedy=port.remedy)
    parts.ports.start()
    await parts.learned.load()
    await parts.server.start()
    _spare_what_stays()
    notify(READY)
    try:
        code = await work(context, parts.rack, signals, parts.tasks(signals))
    finally:
        parts.ports.stop()
        await parts.server.close()
    logging.look_at_storms()
    context.log.info("daemon.stopped")
    return code


def _spare_what_stays() -> None:
    """Let no later search for garbage look at what was made at the start and stays for good.

    It is most of what there is: a full search took 30 ms, in which no chip was served. An
    order leaves next to nothing in cycles, so it is looked at more seldom, too; some
    megabytes may wait for it at most.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
