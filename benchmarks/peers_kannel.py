"""Kannel as a peer: bearerbox with one SMSC a modem, and smsbox in front, which takes HTTP.

Its store is a file a message (`store-type = spool`). Messages come as they come to it from
outside, by an HTTP request each to smsbox on the loopback interface.

Under strace (peers_kind.py) nothing was ever synced, and bearerbox imports no call that could.
"""

import contextlib
import http.client
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.peers_kind import Kept, Message, Peer, absent
from benchmarks.rack_file import XL_GATEWAY
from benchmarks.sessions import Command

_BEARERBOX, _SMSBOX = "/usr/sbin/bearerbox", "/usr/sbin/smsbox"
_HOST = "127.0.0.1"
_ACCEPTED = 202


class Kannel(Peer):
    """Two programs and a thread a modem."""

    name = "Kannel (bearerbox, smsbox)"
    kept = Kept.IN_FILES
    packages = "kannel"

    @classmethod
    def missing(cls) -> list[str]:
        """Both programs."""
        return absent([_BEARERBOX, _SMSBOX])

    def prepare(self) -> list[Command]:
        """One configuration for both."""
        (self.root / "spool").mkdir()
        admin, boxes, self._sendsms = free_ports(3)
        path = self.root / "kannel.conf"
        text = config(self.root, self.ports, admin, boxes, self._sendsms)
        path.write_text(text, encoding="utf-8")
        # smsbox ends when bearerbox is not there yet; its own patience is a shell's loop.
        again = f'until "{_SMSBOX}" -v 4 "{path}"; do sleep 0.2; done'
        return [Command([_BEARERBOX, "-v", "4", str(path)]), Command(["sh", "-c", again])]

    def queue(self, messages: Sequence[Message]) -> None:
        """One request each."""
        with contextlib.closing(http.client.HTTPConnection(_HOST, self._sendsms)) as link:
            for message in messages:
                asked = {"username": "bench", "password": "bench", "to": XL_GATEWAY}
                link.request("GET", f"/cgi-bin/sendsms?{urlencode(asked | {'text': message.text})}")
                answer = link.getresponse()
                said = answer.read()
                if answer.status != _ACCEPTED:
                    raise OSError(f"smsbox refused a message: {answer.status} {said!r}")


def free_ports(number: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on."""
    with contextlib.ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind((_HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def config(root: Path, ports: Sequence[Path], admin: int, boxes: int, sendsms: int) -> str:
    """What both read."""
    modems = "\n".join(
        f'group = smsc\nsmsc = at\nsmsc-id = "m{place}"\nmodemtype = bench\n'
        f'device = "{port}"\nspeed = 115200\nkeepalive = 60\n'
        for place, port in enumerate(ports)
    )
    return f"""\
group = core
admin-port = {admin}
admin-interface = "{_HOST}"
admin-password = bench
smsbox-port = {boxes}
smsbox-interface = "{_HOST}"
box-allow-ip = "{_HOST}"
log-file = "{root / "bearerbox.log"}"
log-level = 2
store-type = spool
store-location = "{root / "spool"}"

group = modems
id = bench
name = "bench"
init-string = "AT+CMEE=1"

{modems}
group = smsbox
bearerbox-host = "{_HOST}"
sendsms-port = {sendsms}
sendsms-interface = "{_HOST}"
global-sender = 0
log-file = "{root / "smsbox.log"}"
log-level = 2

group = sendsms-user
username = bench
password = bench
max-messages = 1
"""
