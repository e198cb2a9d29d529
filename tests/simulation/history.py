"""One seed from its first byte to the end, when all is quiet and the books are compared."""

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from unittest import mock

from pulsarack.daemon import rack
from pulsarack.queue import decisions
from tests.daemon.virtual_loop import VirtualLoop
from tests.simulation.admin import Admin
from tests.simulation.agents import Agents
from tests.simulation.auditor import Broken
from tests.simulation.bank import Bank
from tests.simulation.bulk import Bulk
from tests.simulation.life import make_task
from tests.simulation.network import Network
from tests.simulation.old_age import grow_old
from tests.simulation.plan import HOUR, Plan, PlannedCrash, PlannedOrder, draw
from tests.simulation.report import Report
from tests.simulation.returns import Returns
from tests.simulation.texts import Texts
from tests.simulation.texts_plan import Outage
from tests.simulation.weather import Weather
from tests.simulation.world import World

# A quiet rack decides everything within this time, or something stands still for ever.
QUIET_SECONDS = 30 * HOUR
LONGEST_SECONDS = 60 * HOUR
# What no evidence decided by then is the admin's: the operators' books are open to him.
ADMIN_SECONDS = 3 * HOUR
LOOK_SECONDS = 30.0
# In memory where there is one: a commit of the simulation waits for no disk.
MEMORY = Path("/dev/shm")
# A look at the ports costs as much as anything else in an idle history.
SCAN_SECONDS = 2.0


def run(seed: int, plan: Plan | None = None) -> Report:
    """Live through a seed; what is broken is in the report."""
    place = MEMORY if MEMORY.is_dir() else None
    directory = Path(tempfile.mkdtemp(prefix="pulsarack-", dir=place))
    loop = VirtualLoop()
    loop.set_task_factory(make_task)  # type: ignore[arg-type]
    try:
        with mock.patch.object(rack, "SCAN_SECONDS", SCAN_SECONDS):
            return loop.run_until_complete(_live(plan or draw(seed), directory))
    finally:
        loop.close()
        shutil.rmtree(directory)


async def _live(plan: Plan, directory: Path) -> Report:
    world = World(plan, directory)
    admin, bank = Admin(world), Bank(world)
    texts = Texts(world, bank)
    agents, weather = Agents(world, admin, texts), Weather(world, admin)
    bulk = Bulk(world)
    returns = Returns(world)
    tasks = [asyncio.create_task(world.keep_running(), name="keeper")]
    if plan.watch_returns:
        tasks.append(asyncio.create_task(returns.watch(), name="returns"))
    try:
        await asyncio.wait_for(
            _tell(world, admin, agents, bulk, weather, texts, bank, tasks), LONGEST_SECONDS
        )
    except TimeoutError:
        states = world.auditor.counted()
        world.auditor.broken.append(Broken("P1", f"it does not come to rest: {states}"))
    found = returns.seconds()
    report = await _end(world, admin, agents, texts, tasks)
    report.returns = found
    report.bulk = bulk.met
    return report


async def _tell(
    world: World,
    admin: Admin,
    agents: Agents,
    bulk: Bulk,
    weather: Weather,
    texts: Texts,
    bank: Bank,
    tasks: "list[asyncio.Task[None]]",
) -> None:
    plan = world.plan
    await world.start()
    await admin.set_up()
    await texts.set_up()
    network = Network(world)
    await network.grow()
    tasks += [asyncio.create_task(agents.listen(agent)) for agent in plan.agents]
    events = [_later(order.at, agents, order) for order in plan.orders]
    events += [bulk.act(one) for one in plan.bulk]
    events += [weather.blow(storm) for storm in plan.storms]
    events += [network.act(one) for one in network.later()]
    events += [texts.say(one) for one in plan.texts.said]
    events += [_cut_off(world, one) for one in plan.texts.outages]
    events += [bank.act(one) for one in bank.payments()]
    events += [_arm(world, crash) for crash in plan.crashes]
    try:
        await _all(events, world)
        world.armed.disarm()
        weather.calm_down()
        weather.heal()
        world.chat.up = world.chat.calm = True
        await _come_to_rest(world, admin)
    finally:
        tasks += [task for task in asyncio.all_tasks() if task.get_name() == "event"]


async def _all(events: list, world: World) -> None:  # type: ignore[type-arg]
    """Run all events; the history ends at the first broken promise."""
    running = [asyncio.create_task(event, name="event") for event in events]
    while running and not world.auditor.broken:
        await asyncio.wait(running, timeout=600.0)
        for task in running:
            if task.done():
                task.result()
        running = [task for task in running if not task.done()]
        world.audit()


async def _later(seconds: float, agents: Agents, order: PlannedOrder) -> None:
    await asyncio.sleep(seconds)
    await agents.order(order)


async def _arm(world: World, crash: PlannedCrash) -> None:
    await asyncio.sleep(crash.at)
    world.down = crash.down
    world.armed.arm(crash.point, crash.count)


async def _cut_off(world: World, outage: Outage) -> None:
    await asyncio.sleep(outage.at)
    world.chat.up = False
    await asyncio.sleep(outage.seconds)
    world.chat.up = True


async def _come_to_rest(world: World, admin: Admin) -> None:
    """The weather is over: wait until evidence has decided what it can, then ask the admin."""
    loop = asyncio.get_running_loop()
    until, give_up_at = loop.time() + QUIET_SECONDS, loop.time() + ADMIN_SECONDS
    while loop.time() < until and not world.auditor.broken:
        await world.ready.wait()
        await admin.enable_chips()
        if await _is_quiet(world):
            return
        await asyncio.sleep(LOOK_SECONDS)
        if loop.time() > give_up_at:
            give_up_at += ADMIN_SECONDS / 3
            world.audit()
            await admin.decide()


async def _is_quiet(world: World) -> bool:
    waiting = (
        "SELECT 1 FROM orders WHERE state IN ('QUEUED', 'SENDING', 'UNKNOWN')"
        " UNION SELECT 1 FROM message WHERE delivered_at IS NULL"
        " UNION SELECT 1 FROM outgoing WHERE state = 'WAITING'"
        " UNION SELECT 1 FROM chip WHERE NOT stock_exact"
    )
    if world.auditor.history(waiting) or not world.chat.is_quiet:
        return False
    return world.auditor.texts.all_taken()


async def _end(
    world: World,
    admin: Admin,
    agents: Agents,
    texts: Texts,
    tasks: "list[asyncio.Task[None]]",
) -> Report:
    auditor = world.auditor
    if not auditor.broken:
        await _read_all_stock(world)
        await admin.clear_up()
        world.audit(at_rest=True)
        auditor.quiet()
    if "slot.fault" in world.logged.getvalue():
        lines = [one for one in world.logged.getvalue().splitlines() if "slot.fault" in one]
        auditor.broken.append(Broken("P8", lines[0][:1500]))
    auditor.secrets_kept(world.secrets, {"the log": world.logged.getvalue()})
    report = _report(world, admin, agents)
    report.texts = texts.met + world.chat.met
    report.texts["fell back to SMS"] = auditor.texts.fell_back
    for task in tasks:
        task.cancel()
    if world.daemon is not None:
        daemon = world.daemon
        daemon.life.end()
        await daemon.life.unwound()
        daemon.store.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    if _grows_old(world.plan) and not auditor.broken and not world.findings:
        await _grow_old(world)
        report.archived = auditor.left
    auditor.close()
    files = [path for path in world.path.parent.rglob("*") if path.is_file()]
    kept = {path.name: path.read_bytes().decode("latin-1") for path in files}
    auditor.secrets_kept(world.secrets, kept)
    report.broken = [str(one) for one in (*auditor.broken, *world.findings[:20])]
    return report


def _grows_old(plan: Plan) -> bool:
    """Whether the orders of a history are archived when all is over: of every fourth."""
    return plan.seed % 4 == 0


async def _grow_old(world: World) -> None:
    rng = Random(f"old/{world.plan.seed}")
    found = await grow_old(world.path, world.config, world.wall.now_ms(), rng)
    world.findings += [Broken("audit", f"archived: {one}") for one in found]
    world.auditor.grown_old()


async def _read_all_stock(world: World) -> None:
    """Let every chip's stock be asked once more: whatever differs must be on record then."""
    for modem in world.plan.rack.modems:
        await world.insist("chip.enable", iccid=modem.chip.iccid)
    for _ in range(120):
        if await _is_quiet(world):
            return
        await asyncio.sleep(10.0)


def _spells(world: World) -> list[decisions.Spell]:
    """The times that orders were undecided, as the product itself shows them."""
    if world.daemon is None or world.daemon.store.in_transaction:
        return []
    return decisions.spells(world.daemon.store.db, None)


def _report(world: World, admin: Admin, agents: Agents) -> Report:
    auditor = world.auditor
    history = auditor.history
    # What he decided before evidence had its time, and wrongly, says nothing about evidence.
    spells = [one for one in _spells(world) if one.order_id not in admin.erred]
    ended = [one for one in spells if one.lasted_ms is not None]
    reasons = history("SELECT reason FROM attempt WHERE outcome = 'NOT_DONE'")
    reasons += history("SELECT reason FROM orders WHERE reason IS NOT NULL")
    # Such an order shows its reason until the admin decides it.
    reasons += history(
        "SELECT 'CONTRADICTED' FROM evidence e JOIN attempt a ON a.id = e.attempt_id"
        " WHERE a.outcome = 'NOT_DONE' AND e.verdict = 'DONE'"
    )
    ((went_on, at_once),) = history(
        "SELECT count(*), coalesce(sum(a.committed_at = a.claimed_at), 0) FROM attempt a WHERE"
        " EXISTS (SELECT 1 FROM attempt b WHERE b.chip = a.chip AND b.closed_at = a.claimed_at)"
    )
    return Report(
        seed=world.plan.seed,
        digest=world.digest,
        earning=auditor.network.earning,
        orders=sum(len(found) for found in auditor.counted().values()),
        seconds=asyncio.get_running_loop().time(),
        states=Counter({state: len(found) for state, found in auditor.counted().items()}),
        refused=Counter(agents.refused),
        crashes=Counter(world.crashes),
        faults=Counter(world.faults),
        moves=auditor.moves,
        went_on=went_on,
        at_once=at_once,
        reasons=Counter(reason for (reason,) in reasons),
        unknown=Counter(one.kind or "other" for one in ended),
        waits=[(one.lasted_ms or 0) / 1000 for one in ended],
    )
