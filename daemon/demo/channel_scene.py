"""What stands around the daemon of a demonstration of the channels, and what it reads of that.

Meta's API is a stand-in, programs' results come to a receiver, and the XMPP server is a real
Prosody in a directory of its own, if there is one; all on free ports of this machine.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo import graph_stand_in, prosody
from pulsarack.daemon.demo.graph_stand_in import GraphApi
from pulsarack.daemon.demo.heard import Heard
from pulsarack.daemon.demo.network import SELLERS
from pulsarack.daemon.demo.place import Place
from pulsarack.daemon.demo.prosody import Prosody
from pulsarack.daemon.demo.receiver import Receiver
from pulsarack.daemon.identity import pepper

SERVER = "server"
XMPP_PASSWORD = "kata-sandi-xmpp"
PEPPER_OCTETS = b"\x5a" * pepper.MASTER_OCTETS


@dataclass(slots=True)
class Scene:
    """Everything that is up."""

    api: GraphApi
    api_url: str
    receiver_url: str
    http_port: int
    prosody: Prosody | None
    heard: Heard
    left_out: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        """The daemon's HTTP server."""
        return f"http://127.0.0.1:{self.http_port}"


@asynccontextmanager
async def scene(place: Place, clock: WallClock, heard: Heard) -> AsyncIterator[Scene]:
    """Start it all, and write what the daemon has to know."""
    async with AsyncExitStack() as stack:
        api = GraphApi(lambda: clock.now_ms() / 1000)
        api_url = await stack.enter_async_context(api.running())
        receiver_url = await stack.enter_async_context(Receiver(heard).running())
        port = prosody.free_port()
        api.webhook = f"http://127.0.0.1:{port}/whatsapp/webhook"
        server = await _prosody(place, stack)
        made = Scene(api, api_url, receiver_url, port, server, heard)
        await asyncio.to_thread(_write, place, made)
        yield made


async def _prosody(place: Place, stack: AsyncExitStack) -> Prosody | None:
    if shutil.which(prosody.PROGRAM) is None:
        return None
    server = Prosody(place.root / "prosody")
    for user in (SERVER, *(member.code.lower() for member in SELLERS)):
        server.add(user, XMPP_PASSWORD)
    stack.push_async_callback(server.stop)
    await server.start()
    return server


def _write(place: Place, made: Scene) -> None:
    files = {
        "xmpp_password": XMPP_PASSWORD,
        "whatsapp_token": graph_stand_in.TOKEN,
        "whatsapp_app_secret": graph_stand_in.APP_SECRET,
        "whatsapp_verify_token": graph_stand_in.VERIFY_TOKEN,
    }
    for name, secret in files.items():
        path = place.root / name
        path.touch(mode=0o600)
        path.write_text(f"{secret}\n", encoding="utf-8")
    pepper.new_file(place.root / "pepper", PEPPER_OCTETS)
    with place.config.open("a", encoding="utf-8") as config:
        config.write(_config(made))


def _config(made: Scene) -> str:
    """Deadlines are virtual seconds and pass quickly; what real programs take is not."""
    text = f"""
[agents]
pepper_file = "pepper"

[channels]
answer_seconds = 7200
result_seconds = 7200
oldest_seconds = 86400

[http]
listen = "127.0.0.1:{made.http_port}"
access_log = false
head_seconds = 200
body_seconds = 200
idle_seconds = 600
report_seconds = 200
report_private_networks = ["127.0.0.0/8"]

[whatsapp]
phone_number_id = "{graph_stand_in.NUMBER_ID}"
token_file = "whatsapp_token"
app_secret_file = "whatsapp_app_secret"
verify_token_file = "whatsapp_verify_token"
base_url = "{made.api_url}"
timeout_seconds = 200
"""
    if made.prosody is None:
        return text
    return f"""{text}
[xmpp]
jid = "{SERVER}@{prosody.DOMAIN}"
password_file = "xmpp_password"
server = "127.0.0.1"
port = {made.prosody.port}
ca_file = "prosody/cert.pem"
keepalive_seconds = 600
# Its server's stamps are the world's, and the daemon's day is faster.
delayed_limit_seconds = 86400
"""
