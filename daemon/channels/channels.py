"""All channels of one daemon: made from the configuration, run together, apart in their faults.

Texts of agents come to one front desk, programs to the HTTP desk, and what is to be said lies in
one outbox, which the postman empties. A channel that cannot be opened stands there as broken, and
says why in `pulsarack channel list`.
"""

import random
from collections.abc import Callable, Mapping

from peewee import Database

from pulsarack.daemon import credentials
from pulsarack.daemon import log as logging
from pulsarack.daemon.channel_secrets import find_secret
from pulsarack.daemon.channels.broken import BrokenChannel
from pulsarack.daemon.channels.carrier import Carrier, ChannelState
from pulsarack.daemon.channels.front_desk import FrontDesk
from pulsarack.daemon.channels.mailroom import Mailroom
from pulsarack.daemon.channels.marks import Marks
from pulsarack.daemon.channels.postman import Postman
from pulsarack.daemon.channels.sms.carrier import SmsCarrier
from pulsarack.daemon.context import Context
from pulsarack.daemon.derived import Derived
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.ordering import Ordering
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.secrets import Secret
from pulsarack.daemon.service_settings import service_settings
from pulsarack.queue.agents import Agent
from pulsarack.queue.network import pricing
from pulsarack.queue.products import Product


class Channels:
    """The ways on which agents order and are told."""

    def __init__(
        self,
        context: Context,
        identity: Identity,
        rack: Rack,
        dispatcher: Dispatcher,
        past: PastOrders,
        pressure: Pressure,
        environ: Mapping[str, str],
        rng: random.Random,
    ) -> None:
        self._context = context
        self._identity = identity
        self._past = past
        self._pressure = pressure
        self._environ = environ
        self._rng = rng
        self._ordering = Ordering(context, dispatcher.wake)
        self._secrets: list[Secret] = []
        self._marks = Marks(identity.masters.derive("marks of messages"))
        self.desk = FrontDesk(
            context,
            self._ordering,
            identity.pins,
            identity.strangers,
            pressure,
            lambda channel: self.postman.ring(channel),
            rng,
            Derived(context.config, service_settings),
            identity.accounts,
        )
        self.mailroom = Mailroom(context, lambda channel: self.postman.ring(channel))
        self.postman = Postman(context, [SmsCarrier(context, rack), *self._configured()])
        logging.mask([*context.secrets, *self._secrets])
        context.reception.open(self.desk.receive, pressure, self._marks)

    def states(self) -> Mapping[str, ChannelState]:
        """How each channel is doing."""
        return self.postman.states

    async def run(self) -> None:
        """Keep all of them up, until cancelled."""
        try:
            await self.postman.run()
        finally:
            self._context.reception.close()

    def _configured(self) -> list[Carrier]:
        config, found = self._context.config, []
        http = None
        if config.http.listen is not None:
            http = self._opened("http", self._http)
            found.append(http)
        if config.xmpp.jid is not None:
            found.append(self._opened("xmpp", self._xmpp))
        if config.whatsapp.phone_number_id is not None:
            found.append(self._opened("whatsapp", lambda: self._whatsapp(http)))
        return found

    def _opened(self, channel: str, make: Callable[[], Carrier]) -> Carrier:
        try:
            return make()
        except DaemonError as error:
            self._context.log.error(
                "channel.misconfigured", channel=channel, why=error.message, remedy=error.remedy
            )
            return BrokenChannel(channel, error)

    # Each is imported only where it is configured: aiohttp and slixmpp cost memory and time.

    def _http(self) -> Carrier:
        from pulsarack.daemon.channels.http.channel import HttpChannel
        from pulsarack.daemon.channels.http.dialects import every_dialect
        from pulsarack.daemon.channels.http.parts import Parts

        folder = self._context.config.http.dialects_dir
        parts = Parts(
            doorkeeper=self._identity.doorkeeper,
            ordering=self._ordering,
            past=self._past,
            price_of=_price,
            rng=self._rng,
        )
        formatters = every_dialect.formatters(folder)
        channel = HttpChannel(self._context, parts, self._pressure, formatters)
        channel.add(every_dialect.routes(channel.door, channel.desk, folder))
        return channel

    def _xmpp(self) -> Carrier:
        from pulsarack.daemon.channels.xmpp.channel import XmppChannel

        settings = self._context.config.xmpp
        password = find_secret(settings.password_file, credentials.XMPP, self._environ)
        self._secrets += [password] if password else []
        return XmppChannel(
            settings,
            password,
            self._context.clock,
            self._pressure,
            self.desk,
            self.mailroom,
            self._marks,
        )

    def _whatsapp(self, http: Carrier | None) -> Carrier:
        from pulsarack.daemon.channels.http.channel import HttpChannel
        from pulsarack.daemon.channels.whatsapp.channel import WhatsAppChannel, find_keys

        settings = self._context.config.whatsapp
        if not isinstance(http, HttpChannel):
            raise NoServer(
                "Meta's webhook has no server to call", "set `listen` in [http], and mend that"
            )
        keys = find_keys(settings, self._environ)
        self._secrets += [one for one in (keys.token, keys.app_secret, keys.verify_token) if one]
        channel = WhatsAppChannel(
            settings,
            keys,
            self._context.clock,
            self._pressure,
            self.desk,
            self.mailroom,
        )
        http.add(channel.routes())
        return channel


class NoServer(DaemonError):
    """WhatsApp delivers by calling us, and [http] is not there."""


def _price(db: Database, agent: Agent, product: Product) -> int:
    return pricing.offer(db, agent, product).price
