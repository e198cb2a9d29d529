"""The HTTP channel as the daemon sees it: the server and the reporter under one name.

What is wrong with its configuration, or with the port, is this channel's affair alone: it says so
in its state and looks again from time to time.
"""

import asyncio
from collections.abc import Mapping, Sequence

from peewee import Database

from pulsarack.daemon.channels.carrier import ChannelState, Parcel, Sent, Standing
from pulsarack.daemon.channels.http import desk
from pulsarack.daemon.channels.http.bank_api import BankApi
from pulsarack.daemon.channels.http.batches import BatchApi
from pulsarack.daemon.channels.http.desk import CHANNEL, Desk
from pulsarack.daemon.channels.http.door import Door
from pulsarack.daemon.channels.http.native import NativeApi
from pulsarack.daemon.channels.http.parts import Parts
from pulsarack.daemon.channels.http.reports import NATIVE, Formatter, Reporter, native
from pulsarack.daemon.channels.http.routes import Route
from pulsarack.daemon.channels.http.server import CannotListen, HttpServer
from pulsarack.daemon.context import Context
from pulsarack.daemon.pressure import Pressure
from pulsarack.queue.post import origins

LOOK_AGAIN_SECONDS = 30.0


class HttpChannel:
    """Orders over HTTP, and reports of their results."""

    def __init__(
        self,
        context: Context,
        parts: Parts,
        pressure: Pressure,
        formatters: Mapping[str, Formatter] | None = None,
    ) -> None:
        settings = context.config.http
        self._context = context
        self._doorkeeper = parts.doorkeeper
        self.door = Door(context, parts)
        self.desk = Desk(context, parts)
        self.server = HttpServer(context.clock, settings, pressure)
        more = [
            *BatchApi(self.door, self.desk).routes(),
            *BankApi(context, self.door).routes(),
        ]
        self.server.add(NativeApi(self.door, self.desk, more).routes())
        self.reporter = Reporter(
            context.clock, settings, {NATIVE: native, **(formatters or {})}, context.new_id
        )
        self._at_once = settings.reports_at_once
        self._state = ChannelState(Standing.DOWN, "it is starting")

    @property
    def channel(self) -> str:
        """Its name."""
        return CHANNEL

    @property
    def at_once(self) -> int:
        """How many reports are sent at the same time."""
        return self._at_once

    def add(self, routes: Sequence[Route]) -> None:
        """Serve a dialect, too; before it runs."""
        self.server.add(routes)

    def state(self) -> ChannelState:
        """How it is doing."""
        return self._state

    async def run(self) -> None:
        """Listen and report until cancelled; then answer what has begun."""
        try:
            await self.reporter.start()
            await self._listen()
            await asyncio.Event().wait()
        finally:
            self._state = ChannelState(Standing.DOWN, "it does not run")
            await self.server.stop()
            await self.reporter.stop()

    async def send(self, parcel: Parcel) -> Sent:
        """Report a result; the parcel's address is the account's name."""
        account = await self._doorkeeper.account(parcel.address)
        order_id = parcel.order_id
        dialect = "" if order_id is None else await self._dialect(order_id)

        async def look() -> tuple[desk.OrderStanding | None, int | None]:
            order = None if order_id is None else await self.desk.of_id(order_id)
            return order, None if account is None else (await self.desk.balance(account)).available

        return await self.reporter.report(parcel, account, dialect, look)

    async def _dialect(self, order_id: int) -> str:
        def job(db: Database) -> str:
            found = origins.find(db, order_id)
            return "" if found is None else found.dialect

        return await self._context.store.read(job)

    async def _listen(self) -> None:
        while True:
            try:
                await self.server.start()
            except CannotListen as error:
                state = ChannelState(Standing.MISCONFIGURED, error.message, error.remedy)
                if state != self._state:
                    self._context.log.error(
                        "channel.misconfigured",
                        channel=CHANNEL,
                        why=error.message,
                        remedy=error.remedy,
                    )
                self._state = state
                await self._context.clock.sleep(LOOK_AGAIN_SECONDS)
            else:
                self._state = ChannelState(Standing.UP)
                return
