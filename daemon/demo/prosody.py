"""A real Prosody, for demonstrations and tests: a directory, a certificate, a port of its own.

It is started and ended by its process id, and waited for by what it prints.
"""

import asyncio
import contextlib
import os
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pulsarack.daemon.clock import WallClock
from pulsarack.daemon.demo.errors import DemoError

DOMAIN = "pulsa.test"
PROGRAM = "prosody"
START_SECONDS = 30
STOP_SECONDS = 10
_UP = b"Activated service 'c2s'"
_CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{place}/prosody.pid"
data_path = "{place}/data"
log = {{ info = "*console" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
c2s_direct_tls_ports = {{ }}
s2s_ports = {{ }}
http_ports = {{ }}
https_ports = {{ }}
modules_enabled = {{ "roster"; "saslauth"; "disco"; "ping"; {modules} }}
modules_disabled = {{ "s2s"; {unwanted} }}
authentication = "internal_plain"
c2s_require_encryption = {encrypted}
allow_unencrypted_plain_auth = false
VirtualHost "{domain}"
    ssl = {{ certificate = "{place}/cert.pem"; key = "{place}/key.pem" }}
"""


class Prosody:
    """One server; `port` is its own as long as the object lives."""

    def __init__(
        self, place: Path, *, tls: bool = True, managed: bool = True, keeps: bool = True
    ) -> None:
        """`managed`: offers stream management; `keeps`: messages for who is not there."""
        self.place = place
        self.ca_file = place / "cert.pem"
        self.port = free_port()
        self._modules = ('"tls"; ' if tls else "") + ('"smacks"; ' if managed else "")
        # It is loaded unless it is named here.
        self._unwanted = "" if keeps else '"offline";'
        self._encrypted = tls
        self._process: asyncio.subprocess.Process | None = None
        self._printing: asyncio.Task[None] | None = None
        self.printed: list[str] = []
        (place / "data").mkdir(parents=True)
        write_certificate(place, DOMAIN)

    def add(self, user: str, password: str) -> str:
        """An account; its JID."""
        folder = self.place / "data" / DOMAIN.replace(".", "%2e") / "accounts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{user}.dat").write_text(f'return {{ ["password"] = "{password}"; }};\n')
        return f"{user}@{DOMAIN}"

    async def start(self) -> None:
        """Start it and wait until it takes logins."""
        config = self.place / "prosody.cfg.lua"
        config.write_text(
            _CONFIG.format(
                place=self.place,
                port=self.port,
                modules=self._modules,
                unwanted=self._unwanted,
                encrypted=str(self._encrypted).lower(),
                domain=DOMAIN,
            )
        )
        self._process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "--config",
            str(config),
            "-F",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C reaches its owner alone, who ends it in order.
            start_new_session=True,
            env={**os.environ, "HOME": str(self.place)},
        )
        up = asyncio.Event()
        self._printing = asyncio.create_task(self._read(self._process, up))
        waiting = asyncio.create_task(up.wait())
        await asyncio.wait(
            {waiting, self._printing},
            timeout=START_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiting.cancel()
        if not up.is_set():
            said = "".join(f"\n  {line}" for line in self.printed[-30:])
            raise DemoError(f"prosody did not start:{said}", "leave it out of the PATH, or mend it")

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """As systemd stops it."""
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Its connections stay, and nothing is answered any more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:  # now and then it waits for a session that has gone
            self._process.kill()
            await self._process.wait()
        if self._printing is not None:
            await self._printing
        self._process = None

    async def _read(self, process: asyncio.subprocess.Process, up: asyncio.Event) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.printed.append(line.decode("utf-8", "replace").rstrip())
            if _UP in line:
                up.set()


def free_port() -> int:
    """A port that the kernel finds free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_certificate(place: Path, domain: str) -> None:
    """A certificate of its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.fromtimestamp(WallClock().now_ms() / 1000, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (place / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (place / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
