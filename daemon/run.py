"""The daemon: wires the parts together, runs them, and ends in order.

Start: configuration, secrets, recipes and profiles are read and checked as a whole;
the store is opened (one daemon a state directory) and attempts that an earlier daemon
left open are recovered; only then does the socket listen and the rack work. End:
SIGTERM lets every chip finish what is past its point of no return; what is queued
stays queued. A part that dies takes the daemon down: a half-dead daemon would look
alive.
"""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import click
from peewee import Database

from pulsarack.daemon import config, descriptors, secrets, slow_statements, sqlite_engine
from pulsarack.daemon import log as logging
from pulsarack.daemon.admins.admins import Admins
from pulsarack.daemon.admins.gate import Gate
from pulsarack.daemon.archive_file import FOLDER, Archives
from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.calls.account_calls import AccountCalls
from pulsarack.daemon.calls.admin_calls import AdminCalls
from pulsarack.daemon.calls.archive_calls import ArchiveCalls
from pulsarack.daemon.calls.channel_calls import ChannelCalls
from pulsarack.daemon.calls.deposit_calls import DepositCalls
from pulsarack.daemon.calls.discrepancy_calls import DiscrepancyCalls
from pulsarack.daemon.calls.identity_calls import IdentityCalls
from pulsarack.daemon.calls.network_calls import NetworkCalls
from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.calls.order_calls import OrderCalls
from pulsarack.daemon.calls.rack_calls import RackCalls
from pulsarack.daemon.calls.sms_calls import SmsCalls
from pulsarack.daemon.calls.technician_calls import TechnicianCalls
from pulsarack.daemon.calls.trade_calls import TradeCalls
from pulsarack.daemon.calls.wording_calls import WordingCalls, warn_of_unusable
from pulsarack.daemon.channels.channels import Channels
from pulsarack.daemon.clock import SMALL_SECONDS, SteadyClock, WallClock, dice, new_id
from pulsarack.daemon.config import Config
from pulsarack.daemon.config_errors import ConfigErrors
from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.control import ControlServer
from pulsarack.daemon.control_protocol import Calls
from pulsarack.daemon.dispatcher import CLOCK_REMEDY, Dispatcher
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.events import Events
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.learned_store import LearnedStore
from pulsarack.daemon.outbox import Outbox
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.ports import SerialPorts, problems
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.store import Store
from pulsarack.daemon.store_files import DATABASE_NAME
from pulsarack.daemon.watchdog import LoopPulse, Sign, Watchdog, notify, service_limit
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
# How long the chips may take to finish what is past its point of no return.
STOP_SECONDS = 60.0

SHARED_ACCOUNTS = (
    accounts.SALES,
    accounts.AIRTIME,
    accounts.COMMISSION_EXPENSE,
    accounts.OPENING,
    accounts.DISCREPANCY,
    agents.CASH,
)


def main(config_path: Path) -> int:
    """Run the daemon until it is told to end; the exit status."""
    try:
        settings = config.load(config_path)
        speed = settings.rehearsal.speed
        clock = SteadyClock(
            WallClock(speed, settings.rehearsal.anchor), SMALL_SECONDS * max(1.0, speed)
        )
        logging.configure(
            settings.daemon.log_level,
            settings.daemon.log_format,
            sys.stderr,
            now_ms=clock.now_ms,
        )
        sqlite_engine.tune()
        return asyncio.run(serve(settings, clock))
    except ConfigErrors as errors:
        click.echo(str(errors), err=True)
    except (DaemonError, UssdError, ModemError) as error:
        click.echo(f"pulsarack: {error}", err=True)
    return 1


async def serve(settings: Config, clock: Clock) -> int:
    """Open everything, run until a signal, close everything."""
    daemon = settings.daemon
    pins = secrets.load(daemon.secrets_file, os.environ)
    logging.mask(pins)
    shelf = load_shelf([daemon.recipes_dir] if daemon.recipes_dir else [])
    profiles = Profiles.load(*([daemon.profiles_dir] if daemon.profiles_dir else []))
    store = Store.open(
        daemon.state_dir / DATABASE_NAME,
        now_ms=clock.now_ms(),
        listen=slow_statements.listen(daemon.slow_statement_seconds, logging.get()),
    )
    descriptors.raise_limit()
    parts: dict[str, Sign] = {"the event loop": LoopPulse(asyncio.get_running_loop())}
    parts |= store.signs_of_life()
    # It watches the closing, too: what is still to be written is written there.
    with Watchdog(parts, daemon.watchdog_seconds, service_seconds=service_limit()):
        try:
            context = Context(settings, clock, store, shelf, pins, Events(), logging.get(), new_id)
            pressure = Pressure(clock)
            # Before anything is written: without the right keys nothing may start.
            identity = await Identity.open(context, os.environ, pressure, rng=dice())
            try:
                await prepare(context)
                return await _run(context, profiles, store, identity, pressure)
            finally:
                identity.close()
        finally:
            store.close()


async def prepare(context: Context) -> Recovered:
    """Bring the database into the state that a running daemon expects."""
    now_ms, ends = context.clock.now_ms(), context.day_ends_at()
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


async def _run(
    context: Context, profiles: Profiles, store: Store, identity: Identity, pressure: Pressure
) -> int:
    dispatcher = Dispatcher(context)
    for port in problems(context.config.ports):
        context.log.warning("port.unusable", path=port.path, why=port.why, remedy=port.remedy)
    ports = SerialPorts(context.config, context.clock, context.log)
    ports.start()
    rack = Rack(context, dispatcher, profiles, ports)
    pressure.watch(store.waiting)
    archives = Archives(context.config.daemon.state_dir / FOLDER)
    archivist = Archivist(context, archives)
    learned = LearnedStore(context, profiles.learned)
    await learned.load()
    past = PastOrders(context, archives)
    channels = Channels(context, identity, rack, dispatcher, past, pressure, os.environ, dice())
    office = Office(
        context,
        rack,
        dispatcher,
        Outbox(context),
        archivist,
        pressure,
        identity,
        channels.states,
        Admins(context, pressure),
    )
    server = ControlServer(
        context.config.daemon.socket,
        registry(office),
        context.clock,
        pressure,
    )
    await server.start()
    _spare_what_stays()
    notify("READY=1")
    stopping = asyncio.Event()
    _on_signals(stopping.set)
    parts = {
        asyncio.create_task(dispatcher.run(), name="dispatcher"),
        asyncio.create_task(rack.run(), name="rack"),
        asyncio.create_task(archivist.run(), name="archivist"),
        asyncio.create_task(learned.run(), name="learned"),
        asyncio.create_task(channels.run(), name="channels"),
        asyncio.create_task(store.watch(), name="store"),
    }
    ended = asyncio.create_task(stopping.wait(), name="signal")
    try:
        await asyncio.wait({*parts, ended}, return_when=asyncio.FIRST_COMPLETED)
        failed = _log_failures(context, parts)
        notify("STOPPING=1")
        context.log.info("daemon.stopping", failed=failed)
        await rack.stop(STOP_SECONDS)
    finally:
        for task in (*parts, ended):
            task.cancel()
        await asyncio.gather(*parts, ended, return_exceptions=True)
        ports.stop()
        await server.close()
    context.log.info("daemon.stopped")
    return 1 if failed else 0


def _spare_what_stays() -> None:
    """Let no later search for garbage look at what was made at the start and stays for good.

    It is most of what there is: a full search took 30 ms, in which no chip was served. An
    order leaves next to nothing in cycles, so it is looked at more seldom, too; some
    megabytes may wait for it at most.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def registry(office: Office) -> Calls:
    """All calls of the control socket, each behind the gate (admins/gate.py)."""
    admins = office.admins or Admins(office.context, office.pressure)
    calls = Calls(Gate(admins, office.context.clock).before)
    office = office.counter()
    OrderCalls(office).register(calls)
    DiscrepancyCalls(office).register(calls)
    RackCalls(office).register(calls)
    TechnicianCalls(office).register(calls)
    TradeCalls(office).register(calls)
    NetworkCalls(office).register(calls)
    DepositCalls(office).register(calls)
    AccountCalls(office).register(calls)
    ArchiveCalls(office).register(calls)
    ChannelCalls(office).register(calls)
    WordingCalls(office).register(calls)
    IdentityCalls(office).register(calls)
    SmsCalls(office).register(calls)
    AdminCalls(office, admins).register(calls)
    return calls


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def _log_failures(context: Context, parts: set[asyncio.Task[None]]) -> bool:
    failed = False
    for task in parts:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            known = isinstance(error, DaemonError)
            why = {"why": str(error)} if known else {"exc_info": error}
            context.log.error("daemon.part_failed", part=task.get_name(), **why)
            failed = True
    return failed
