"""What is done to the rack in the virtual machine, in order; each scenario is told in the story.

The agents' orders run beside most of it. Who reads the daemon's answers here knows nothing of
how they come about: a slot, a state, an order's attempts.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from pulsarack.daemon.demo.progress import FINAL
from tests.vm.aims import AfterTheBooking, AtTheReturn, BeforeTheReturn, Moment
from tests.vm.day import Day, Sold, aimed
from tests.vm.guest import Tty
from tests.vm.rack import MODELS, Placed

# Simulated seconds.
FIRST_LOOK = 180.0  # sixteen modems boot and log on, probes and all
RETURN = 90.0  # a modem boots, is found and logs on; on an emulated processor, shared with others
AN_ORDER = 300.0
EVIDENCE = 1500.0
AWAY = 20.0
DIALOUT = 0o660


async def plug_all(day: Day) -> None:
    """Sixteen modems into an empty rack, in any order."""
    day.story.begin(
        "Sixteen modems are plugged in",
        "Into the empty rack of a running daemon, in random order, two a real second: eight sticks"
        " of one model without serial numbers (three interfaces, AT on the third), two of a model"
        " that no table knows (AT on the second), two with five interfaces, four cables in a hub.",
    )
    story, rack = day.story, day.rack
    order = day.rng.sample(rack.modems, len(rack.modems))
    for placed in order:
        rack.plug(placed)
        await asyncio.sleep(0.5)
    seconds = await day.until_shown(rack.modems, FIRST_LOOK)
    rows = await day.modems()
    names = {day.slot_of(placed) for placed in rack.modems}
    states = Counter(row["state"] for row in rows.values())
    story.check(seconds is not None, f"all are in their slots {seconds or 0:.0f} s later", states)
    story.check(set(rows) == names, "there are these sixteen slots and no other", sorted(rows))
    for placed in rack.modems[:2] + rack.modems[12:13]:
        row = rows.get(day.slot_of(placed), {})
        story.saw(f"slot {day.slot_of(placed)}: {row.get('model')}, chip {row.get('iccid')}")
    wrong = [
        day.slot_of(placed)
        for placed in rack.modems
        if rows.get(day.slot_of(placed), {}).get("iccid") != placed.iccid
    ]
    story.check(not wrong, "each slot shows the card that is in the modem there", wrong)


async def ports(day: Day) -> None:
    """What udev made of them, and which tty the daemon took."""
    day.story.begin(
        "Ports, names and rights",
        "The rules of udev/70-pulsarack.rules are installed; the daemon runs as its own user.",
    )
    story, ttys = day.story, await day.guest.ttys()
    drivers = Counter(tty.driver for tty in ttys)
    story.saw(f"{len(ttys)} ttys: {', '.join(f'{n} of {name}' for name, n in drivers.items())}")
    wanted = {
        (day.slot_of(placed), 0 if placed.is_cable else MODELS[placed.number]["at"])
        for placed in day.rack.modems
    }
    opened = {(tty.key, tty.interface) for tty in ttys if tty.open}
    story.check(opened == wanted, "the daemon has the AT port of each open, and no other tty",
                sorted(opened ^ wanted))  # fmt: skip
    twins = [tty for tty in ttys if tty.model == "12d1:1001" and tty.interface == 2]
    links = {link for tty in twins for link in tty.links if "/by-id/" in link}
    by_path = {link for tty in twins for link in tty.links if "/by-path/" in link}
    story.check(
        len(links) == 1 and len(by_path) == len(twins),
        f"the {len(twins)} sticks without serial numbers share {len(links)} name under by-id and"
        f" have {len(by_path)} under by-path; the daemon tells them apart",
    )
    rights = {(tty.group, oct(tty.mode)) for tty in ttys}
    story.check(rights == {("dialout", oct(DIALOUT))}, "all belong to dialout, mode 0660", rights)
    heeded = [tty.node for tty in ttys if not tty.ignored]
    story.check(not heeded, "ModemManager is told to ignore every one of the devices", heeded)
    tagged = [tty.node for tty in ttys if "systemd" not in tty.tags]
    story.check(not tagged, "systemd knows every tty as a device", tagged)
    wrong = _wrong_names(day, ttys, await day.guest.names())
    story.check(
        not wrong, "/dev/pulsarack/SLOT leads to the AT port, SLOT.ifNN to each port of it", wrong
    )
    memory = await day.machine.run("cat /var/lib/pulsarack/at_ports.toml", check=False)
    story.check("12d1:1506" in memory, "the AT port of the unknown model is learnt and kept")


def _wrong_names(day: Day, ttys: list[Tty], names: dict[str, str]) -> list[str]:
    """What is not right in /dev/pulsarack.

    A slot's name leads to the AT port where a table knows it; each tty of a modem that has
    several has a name of its own.
    """
    wrong = []
    for tty in ttys:
        known = "1506" not in tty.model
        if tty.open and known and names.get(tty.key) != tty.node:
            wrong.append(f"{tty.key} leads to {names.get(tty.key)}, not {tty.node}")
        own = f"{tty.key}.if{tty.interface:02x}"
        if tty.driver == "option" and names.get(own) != tty.node:
            wrong.append(f"{own} leads to {names.get(own)}, not {tty.node}")
    missing = {day.slot_of(placed) for placed in day.rack.modems} - set(names)
    return wrong + sorted(missing)


async def adopt(day: Day) -> None:
    """An admin takes the chips into service."""
    day.story.begin(
        "The chips are adopted",
        "They were shown and idle until now; an admin takes them into service.",
    )
    await day.enlist()
    seconds = await day.until_at_work(day.rack.modems, FIRST_LOOK)
    day.story.check(seconds is not None, f"all sixteen are at work {seconds or 0:.0f} s later")
    seconds = await day.until_stock_is_known(FIRST_LOOK)
    day.story.check(seconds is not None, "and have read their stock")


async def trade(day: Day, count: int) -> None:
    """Orders, and nothing else."""
    day.story.begin(
        "An ordinary hour",
        f"{count} texts of agents are orders for all chips, or mistakes that are refused.",
    )
    await _sell_and_wait(day, count)


async def before_the_return(day: Day) -> None:
    """Unplugged in the menu."""
    day.story.begin(
        "Unplugged before the point of no return",
        "A stick is pulled while the customer's number goes into the operator's menu.",
    )
    aim = BeforeTheReturn("indosat", _pull)
    sold = await _struck(day, aim, "indosat", FINAL, AN_ORDER)
    if sold is None:
        return
    story, placed = day.story, aim.struck.result()
    first = next((one for one in sold.attempts if one["chip"] == placed.iccid), None)
    story.check(
        first is not None and first["committed_at"] is None and first["outcome"] is not None,
        "the attempt ended as not done: nothing had been confirmed",
        first and first["outcome"],
    )
    last = sold.attempts[-1]
    where = "the same chip" if last["chip"] == placed.iccid else "another chip"
    story.check(sold.state == "SUCCEEDED", f"the order went to {where} and succeeded", sold.state)
    await _returns(day, placed)


async def after_the_return(day: Day) -> None:
    """Unplugged when the operator has delivered; back in another port."""
    day.story.begin(
        "Unplugged after the point of no return, delivered",
        "A stick is pulled when the operator has booked the delivery and before his answer"
        " arrives. It is put into another port.",
    )
    aim = AfterTheBooking("indosat", _pull_and_move(day), day.rack.holding)
    sold = await _struck(day, aim, "indosat", frozenset({"UNKNOWN"}), AN_ORDER)
    if sold is None:
        return
    story, placed = day.story, aim.struck.result()
    story.check(sold.state == "UNKNOWN", "the order is UNKNOWN, its money is held", sold.state)
    await _returns(day, placed)
    seconds = await day.until_state(sold.number, FINAL, EVIDENCE)
    sold = await day.sold(sold.number)
    story.check(
        sold.state == "SUCCEEDED" and len(sold.attempts) == 1,
        f"evidence decided it {seconds or 0:.0f} s later: SUCCEEDED, sent once"
        f" ({_evidence(sold.attempts[0])})",
        (sold.state, len(sold.attempts)),
    )


async def lost_on_the_cable(day: Day) -> None:
    """The PIN was written and never reached the operator."""
    day.story.begin(
        "Unplugged after the point of no return, not delivered",
        "A stick is pulled when the PIN has left the host and before the modem has it.",
    )
    aim = AtTheReturn("indosat", _pull, arrives=False)
    sold = await _struck(day, aim, "indosat", frozenset({"UNKNOWN"}), AN_ORDER)
    if sold is None:
        return
    story, placed = day.story, aim.struck.result()
    story.check(sold.state == "UNKNOWN", "the order is UNKNOWN, its money is held", sold.state)
    await _returns(day, placed)
    seconds = await day.until_state(sold.number, FINAL, EVIDENCE)
    sold = await day.sold(sold.number)
    first, last = sold.attempts[0], sold.attempts[-1]
    story.check(
        first["outcome"] not in (None, "DONE") and sold.state in FINAL,
        f"the first attempt was proven not done ({_evidence(first)}); then the order ended as"
        f" {sold.state} after {len(sold.attempts)} attempts, {seconds or 0:.0f} s later",
        (sold.state, first["outcome"], last["outcome"]),
    )


async def reset_at_rest(day: Day) -> None:
    """A USB reset while the daemon has the port open: the tty comes back under another name."""
    day.story.begin(
        "A USB reset, and the tty has another name",
        "The device of a stick is reset (USBDEVFS_RESET) while the daemon has its port open, and"
        " another process holds on to the tty, so that its number stays taken.",
    )
    await _reset(day, day.rack.modems[0], held=True)


async def reset_in_a_sale(day: Day) -> None:
    """The same, with the PIN on its way."""
    day.story.begin(
        "A USB reset in the middle of a sale",
        "A stick's device is reset when the request that moves money has just reached the modem.",
    )
    aim = AtTheReturn("telkomsel", lambda placed: None, arrives=True)
    async with aimed(day, aim):
        number = await day.order("telkomsel")
        if await day.until(_done(aim), AN_ORDER) is None:
            day.story.check(False, "the sale was met at its point of no return")
            return
        await _reset(day, aim.struck.result(), held=False)
    seconds = await day.until_state(number, FINAL, EVIDENCE)
    sold = await day.sold(number)
    day.story.check(
        sold.state == "SUCCEEDED",
        f"the order ended as {sold.state} {seconds or 0:.0f} s later, sent"
        f" {len(sold.attempts)} times ({_evidence(sold.attempts[0])})",
        sold.reason,
    )


async def cards_change(day: Day) -> None:
    """Two cards change places."""
    day.story.begin(
        "Two SIMs change places",
        "Two sticks are pulled, their cards exchanged, and both plugged in again.",
    )
    one, other = day.rack.modems[0], day.rack.modems[3]
    before = {one.iccid, other.iccid}
    day.rack.world.swap_cards(one.modem, other.modem, AWAY, leave_bus=True)
    seconds = await day.until_back([one, other], AWAY + RETURN)
    day.story.check(
        seconds is not None and {one.iccid, other.iccid} == before,
        f"each chip is at work in the slot of the other, {seconds or 0:.0f} s after the return",
    )


async def rack_moves(day: Day) -> None:
    """Half of the rack at once, into other ports."""
    day.story.begin(
        "Half of the rack moves at once",
        "Eight sticks are pulled at once and each put into the port of another.",
    )
    moved = [one for one in day.rack.modems if not one.is_cable][:8]
    seats = [one.port for one in moved]
    for placed in moved:
        placed.modem.go_away(AWAY, leave_bus=True)
    for placed, seat in zip(moved, seats[3:] + seats[:3], strict=True):
        placed.port = seat
    seconds = await day.until_back(moved, AWAY + 2 * RETURN)
    day.story.check(
        seconds is not None,
        f"all chips are at work in their new slots {seconds or 0:.0f} s after the return",
        Counter(row["state"] for row in (await day.modems()).values()),
    )


async def weather(day: Day, orders: int, pulls: int) -> None:
    """Random unplugging under load."""
    day.story.begin(
        "Pulled at random under load",
        f"{orders} texts of agents come while modems, sticks and cables, are pulled {pulls} times"
        " at random and come back after 3 to 40 s, one in three in a free port.",
    )
    pulling = asyncio.create_task(_pull_about(day, pulls))
    try:
        await _sell_and_wait(day, orders)
        await pulling
    finally:
        pulling.cancel()
    seconds = await day.until_at_work(day.rack.modems, 4 * RETURN)
    day.story.check(
        seconds is not None,
        f"all sixteen are at work again {seconds or 0:.0f} s after the last order",
        {slot: (row["state"], row["why"]) for slot, row in (await day.modems()).items()
         if row["state"] not in ("ready", "gone")},
    )  # fmt: skip


async def _pull_about(day: Day, pulls: int) -> None:
    for _ in range(pulls):
        there = [one for one in day.rack.modems if one.plugged]
        placed = day.rng.choice(there)
        if day.rng.random() < 1 / 3:
            _move(day, placed)
        placed.modem.power_cut(day.rng.uniform(3, 40))
        await day.rest(day.rng.uniform(2, 12))


async def _sell_and_wait(day: Day, count: int) -> None:
    began = day.clock.monotonic()
    numbers = await day.sell(count)
    seconds = await day.until_finished(numbers, EVIDENCE + count * 10)
    states = Counter(day.progress.states[number] for number in numbers)
    took = day.clock.monotonic() - began
    told = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
    day.story.check(seconds is not None, f"{len(numbers)} orders in {took:.0f} s: {told}", told)


async def _struck(
    day: Day, aim: Moment, operator: str, states: frozenset[str], within: float
) -> Sold | None:
    """An order that the aim has met, in one of these states; None if it was not met."""
    async with aimed(day, aim):
        number = await day.order(operator)
        met = await day.until(_done(aim), AN_ORDER)
        if met is None:
            day.story.check(False, "the sale was met at its moment")
            return None
    placed = aim.struck.result()
    model = " ".join(placed.modem.dialect.model.split())
    day.story.saw(f"it was {model} {'behind a cable' if placed.is_cable else '(a stick)'}")
    await day.until_state(number, states, within)
    return await day.sold(number)


async def _returns(day: Day, placed: Placed) -> None:
    """Until a modem that was pulled is at work again, measured from its return to the bus."""

    boots = placed.modem.dialect.registers_after
    seconds = await day.until_back([placed], AWAY + RETURN)
    day.story.check(
        seconds is not None,
        f"the chip is at work in {day.slot_of(placed)} {seconds or 0:.0f} s after the stick was"
        f" plugged in (which needs {boots:.0f} s itself to find its network)",
        (await day.modems()).get(day.slot_of(placed), {}).get("why"),
    )


async def _reset(day: Day, placed: Placed, *, held: bool) -> None:
    story = day.story
    before = await day.at_port(placed)
    if before is None:
        story.check(False, f"the port of {day.slot_of(placed)} is open")
        return
    await day.guest.reset(before.node, hold_seconds=60 if held else 0)

    async def noticed() -> bool:
        return not await day.at_work([placed])

    lost = await day.until(noticed, RETURN)
    story.check(lost is not None, "the daemon lost its port")
    seconds = await day.until_at_work([placed], RETURN)
    after = await day.at_port(placed)
    story.check(
        seconds is not None and after is not None,
        f"{before.node} was open; the slot is {day.slot_of(placed)} still, and at work"
        f" {seconds or 0:.0f} s later on {after.node if after else 'nothing'}",
    )
    story.check(
        after is not None
        and (after.node != before.node or not held)
        and after.interface == before.interface,
        "the tty has another name, the interface is the same"
        if held
        else "the interface is the same",
        after and after.node,
    )


def _done(aim: Moment) -> Callable[[], Awaitable[bool]]:
    async def done() -> bool:
        return aim.struck.done()

    return done


def _pull(placed: Placed) -> None:
    placed.modem.go_away(AWAY, leave_bus=True)


def _pull_and_move(day: Day) -> Callable[[Placed], None]:
    def strike(placed: Placed) -> None:
        _pull(placed)
        _move(day, placed)

    return strike


def _move(day: Day, placed: Placed) -> None:
    """Into a free port: the controller has fifteen, the hub eight."""
    taken = {one.port for one in day.rack.modems if one.is_cable == placed.is_cable}
    ports = range(1, 9) if placed.is_cable else range(15)
    placed.port = day.rng.choice([port for port in ports if port not in taken])


def _evidence(attempt: dict[str, Any]) -> str:
    rules = [str(one.get("rule") or one.get("kind")) for one in attempt["evidence"]]
    return ", ".join(dict.fromkeys(rules)) or "no evidence on record"
