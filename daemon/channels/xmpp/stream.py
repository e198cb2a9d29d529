"""The XMPP client library, set up as we need it.

A client serves one connection and is thrown away with it: whatever the library remembers of a
lost one would be in the way of the next. It never reconnects by itself. What we do otherwise than
the library: a stanza counts as handled (XEP-0198) when it is done and not when it has come, and
receipts (XEP-0184) are ours to give, for the same reason. Streams are not resumed: what was not
acknowledged, the server delivers again, and what we sent is sent again by the postman.
"""

import ssl
from pathlib import Path

from slixmpp import ClientXMPP
from slixmpp.plugins.xep_0198 import XEP_0198
from slixmpp.plugins.xep_0198 import stanza as stream_management
from slixmpp.stanza import Iq, Message, Presence
from slixmpp.xmlstream.stanzabase import StanzaBase

from pulsarack.daemon.channels.xmpp.handled import Handled
from pulsarack.daemon.config_xmpp import XmppSection
from pulsarack.daemon.secrets import Secret

COUNTED = (Message, Presence, Iq)


class StreamManagement(XEP_0198):
    """XEP-0198 in which whoever works on a stanza says when it is handled."""

    name = "pulsarack_stream_management"

    def plugin_init(self) -> None:
        """As the library's, with a count of our own."""
        self.counter = Handled()
        super().plugin_init()  # type: ignore[no-untyped-call]

    def send_ack(self) -> None:
        """Tell the server how far we are."""
        if self.xmpp.transport is None:
            return
        ack = stream_management.Ack(self.xmpp)
        ack["h"] = self.counter.count
        self.xmpp.send_raw(str(ack))

    def _handle_enabled(self, stanza: StanzaBase) -> None:
        self.counter = Handled()
        super()._handle_enabled(stanza)  # type: ignore[no-untyped-call]

    def _handle_incoming(self, stanza: StanzaBase) -> StanzaBase:
        return stanza


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """What is asked of the server's certificate; raises OSError (also ssl.SSLError)."""
    return ssl.create_default_context(cafile=ca_file)


def build(settings: XmppSection, password: Secret, context: ssl.SSLContext) -> ClientXMPP:
    """A client for one connection; nothing is connected yet."""
    plain = settings.security == "none"
    client = ClientXMPP(
        f"{settings.jid}/{settings.resource}",
        password.reveal(),
        # The password itself never goes over a line that others can read.
        plugin_config={"feature_mechanisms": {"unencrypted_scram": plain}},
        ssl_context=context,
    )
    client.enable_starttls = settings.security == "starttls"
    client.enable_direct_tls = settings.security == "direct"
    client.enable_plaintext = plain
    client.plugin.register(StreamManagement, enable=False)  # type: ignore[attr-defined]
    client.register_plugin(StreamManagement.name, {"allow_resume": False})
    client.register_plugin("xep_0199")
    # Who may see that we are here is decided by `channel.py`.
    client.auto_authorize = None
    client.auto_subscribe = False
    return client
