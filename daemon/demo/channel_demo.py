"""`pulsarack demo --channels`: one tree of agents over all channels at once.

The day is that of `pulsarack demo`; only what agents do is another: they pay in by tickets that
they ask for on their channels, order over SMS, WhatsApp, XMPP and three kinds of programs, and
are told there. Messages come twice, PINs are wrong in between, and a model of the demonstration's
own says what everybody must have in the end.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

from pulsarack.daemon.demo import channel_enlist, channel_report, display, wishes
from pulsarack.daemon.demo.channel_lines import Lines
from pulsarack.daemon.demo.channel_scene import Scene, scene
from pulsarack.daemon.demo.channel_traders import ChannelTraders
from pulsarack.daemon.demo.display import Display
from pulsarack.daemon.demo.enlist import DEPOSIT_AN_ORDER
from pulsarack.daemon.demo.heard import Heard
from pulsarack.daemon.demo.line_sms import Telephones
from pulsarack.daemon.demo.main import Demo, Options, cancel_on_sigterm
from pulsarack.daemon.demo.network import SELLERS, TREE, Model
from pulsarack.daemon.demo.report import OrderLine
from pulsarack.daemon.demo.wishes import HTTP_KINDS, TEXT_KINDS, Wish
from pulsarack.daemon.demo.workload import Typed
from pulsarack.daemon.store_files import open_read_only
from pulsarack.queue.audit import Finding

_NO_PROSODY = (
    "XMPP is left out, since the program prosody is not on the PATH: apt-get install prosody"
)
_SENT_DOWN = 50_000


class ChannelDemo(Demo):
    """One run."""

    def __init__(self, options: Options, root: Path, shown: Display) -> None:
        super().__init__(options, root, shown)
        self._telephones = self._place.telephones
        self._heard = Heard(self._progress)
        self._wishes: list[Wish] = []
        prices = {str(row["code"]): int(row["price"]) for row in self._trade.products}
        self._model = Model(prices)
        self._scene: Scene | None = None
        self._chips = self._answering_chips()
        self._phones = Telephones(list(self._chips))
        self._kinds: list[str] = []
        self._lines: Lines | None = None

    async def run(self) -> bool:
        """Runs everything and reports; whether every promise was kept."""
        cancel_on_sigterm()  # from now on there is something to be ended
        async with AsyncExitStack() as stack:
            self._scene = await stack.enter_async_context(
                scene(self._place, self._virtual, self._heard)
            )
            left_out = () if self._scene.prosody else ("xmpp",)
            self._kinds = [one for one in (*TEXT_KINDS, *HTTP_KINDS) if one not in left_out]
            if left_out:
                self._shown.say(_NO_PROSODY)
            shown = ", ".join(self._kinds)
            self._shown.say(f"{len(SELLERS)} agents below {TREE[0].code} order over {shown}")
            lines = Lines(self._scene, self._phones, self._virtual, self._link)
            self._lines = lines
            stack.push_async_callback(lines.close)
            return await super().run()

    def _draw(self, rng: Random) -> list[Typed]:
        shops = self._trade.shops()
        self._wishes = wishes.draw(rng, self._options.orders, shops, self._kinds)
        by_reference = {wish.reference: wish for wish in self._wishes}
        assert self._lines is not None
        self._traders = ChannelTraders(
            self._link,
            self._progress,
            len(self._trade.chips),
            by_reference,
            self._lines,
            self._heard,
        )
        return [wish.typed for wish in self._wishes]

    async def _enlist(self) -> None:
        assert self._scene is not None and self._lines is not None
        receiver = self._scene.receiver_url
        await channel_enlist.enlist(self._link, self._trade, receiver, list(self._chips.values()))
        await self._lines.open()

    def _agents_company(self) -> list[Coroutine[Any, Any, None]]:
        return [self._phones.run(self._place.telephones)]

    async def _sell(self, typed: list[Typed]) -> None:
        await self._pay_in()
        await super()._sell(typed)

    async def _work(self, typed: list[Typed]) -> None:
        """Orders, and balance that is sent down in between; the message comes twice."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_down())
            await super()._work(typed)
        await self._exchange()

    async def _pay_in(self) -> None:
        """Each agent asks for a ticket on one channel; the bank's statement is read twice."""
        assert self._lines is not None
        bank = (await self._link.call("bank.list"))["banks"][0]["name"]
        amounts = await asyncio.gather(
            *(
                self._lines.of(member.code, self._kinds[place % len(self._kinds)]).ticket(
                    DEPOSIT_AN_ORDER * self._options.orders
                )
                for place, member in enumerate(SELLERS)
            )
        )
        rows = []
        for member, amount in zip(SELLERS, amounts, strict=True):
            (ticket,) = (await self._link.call("ticket.list", agent=member.code))["tickets"]
            row = {"day": ticket["first_day"], "amount": amount, "description": member.name}
            rows.append(row)
            self._model.deposits[member.code] += amount
        for _ in range(2):
            await self._link.call("bank.import", bank=bank, rows=rows)

    async def _send_down(self) -> None:
        assert self._lines is not None
        line = self._lines.texts["DIST1", "whatsapp"]
        said = await line.command(f"TRANSFER.AG1.{_SENT_DOWN}")
        if said.key != "transfer_sent":
            self._heard.complain("transfer", f"answered by {said.key}")
        self._model.deposits["DIST1"] -= _SENT_DOWN
        self._model.deposits["AG1"] += _SENT_DOWN

    async def _exchange(self) -> None:
        """Commission becomes deposit."""
        assert self._lines is not None
        said = await self._lines.texts["DIST1", "whatsapp"].command("TUKAR")
        if said.key != "commission_exchanged":
            self._heard.complain("commission", f"answered by {said.key}")
            return
        self._model.deposits["DIST1"] += said.number("jumlah")
        self._model.commissions["DIST1"] -= said.number("jumlah")

    def _sent_again(self) -> str:
        messages, results = self._heard.sent_again, self._heard.repeated_results
        return f"{messages} messages were sent again, {results} results came again"

    def _more_findings(self, orders: list[OrderLine]) -> list[Finding]:
        products = {wish.reference: wish.product for wish in self._wishes}
        self._model.sold(
            (order.agent, products[order.client_reference])
            for order in orders
            if order.state == "SUCCEEDED" and order.client_reference in products
        )
        found = list(channel_report.told_findings(self._heard, self._wishes, orders))
        with open_read_only(self._place.database) as db:
            found += channel_report.money_findings(db, self._model)
        table = channel_report.channels_table(self._wishes, orders, self._heard, self._kinds)
        self._shown.table(table)
        earned = display.counted({code: one for code, one in self._model.earned.items() if one})
        self._shown.say(f"commissions earned, rupiah: {earned}")
        return found

    def _answering_chips(self) -> Mapping[str, str]:
        """One of each operator: the number, and the ICCID."""
        first = {chip.operator: chip for chip in reversed(self._trade.chips)}
        return {chip.msisdn: chip.iccid for chip in first.values()}
