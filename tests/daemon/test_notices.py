"""Agents are told of money that came, was taken back, and of answers to their complaints."""

from pathlib import Path

from pulsarack.queue import complaints
from pulsarack.queue.post import outgoing
from tests.daemon.virtual_loop import run
from tests.daemon.world import OTHER_ADMIN, START_DAY, World, rack_plan

WORD = {"because": "seen", "who": "admin1"}


async def told(world: World) -> list[tuple[str, str, str]]:
    """What waits for the agents, oldest first."""
    rows = await world.daemon.context.store.read(
        lambda db: outgoing.listed(db, waiting=False, limit=20)
    )
    return [(row.channel, row.address, row.text) for row in reversed(rows)]


async def money_and_complaints(directory: Path) -> tuple[list[tuple[str, str, str]], list[int]]:
    """What was told, and how many texts waited whenever the postman was told of a notice."""
    world = World(directory, rack_plan(("wavecom", "telkomsel")), 1)
    await world.set_up()
    waited: list[int] = []

    def count() -> None:
        waited.append(sum(world.daemon.store.read_inline(outgoing.count_waiting).values()))

    world.daemon.context.events.listen_to_notices(count)
    await world.pay_in("A1", 1_000)  # as long as he has no address nobody is told
    await world.call(
        "sender.add", channel="xmpp", address="kios@example.org", agent="A1", who="admin1"
    )
    ticket = await world.call("ticket.new", agent="A1", amount=50_000)
    row = {"day": START_DAY, "amount": ticket["amount"], "description": "CR"}
    for _ in range(2):  # an import twice tells once
        await world.call("bank.import", bank="bank", rows=[row])
    await world.pay_in("A1", 7_000)
    for back in (False, True):
        made = await world.call("agent.credit", code="A1", amount=300, take_back=back, **WORD)
        await world.call_as(OTHER_ADMIN, "credit.confirm", id=made["id"], who="admin2")
    order = await world.order("S10.081200000012")
    world.daemon.store.run_inline(
        lambda db: complaints.open(db, "A1", order, "belum", channel="sms", now_ms=1)
    )
    await world.call("complaint.answer", id=1, answer="SN [saldo] benar", who="admin1")
    found = await told(world)
    await world.stop()
    return found, waited


def test_what_an_agent_did_not_ask_for(tmp_path: Path) -> None:
    found, waited = run(money_and_complaints(tmp_path))
    assert {one[:2] for one in found} == {("xmpp", "kios@example.org")}
    texts = [one[2] for one in found]
    assert texts[0].startswith("Deposit Rp50.") and ". Saldo: " in texts[0]
    assert texts[1].startswith("Deposit Rp7.000 sudah masuk. Saldo: ")
    assert texts[2].startswith("Deposit Rp300 sudah masuk.")
    assert texts[3].startswith("Koreksi saldo Rp-300 oleh admin.")
    assert texts[4:] == ["Komplain #1 trx#1: SN [saldo] benar"]
    # The postman hears of each as soon as it is written; at first there was no address.
    assert waited == [0, 1, 2, 3, 4, 5]
