"""pulsarack in the guest, installed as an operator would: the package, the configuration.

The daemon is the system service of systemd/, with the rights of its own user; what udev's rules
give that user is all it has. It is commanded over its control socket, which ssh brings to the
host. The rest here are looks at the guest: what udev and the kernel say of each tty, and which
of them the daemon has open.
"""

import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, create_subprocess_exec
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulsarack.daemon.demo.link import Link
from pulsarack.modems.simulator.catalogue import ChipCard
from tests.vm.machine import Machine, MachineError

ROOT = Path(__file__).resolve().parent.parent.parent
# An emulated processor unpacks and checks at a crawl.
APT_SECONDS = 1200.0
STATE = "/var/lib/pulsarack"
_LOOK_AT_TTYS = """
import glob, grp, json, os, stat, subprocess, sys
def first(path):
    with open(path) as file:
        return file.readline().strip()
def above(path, name):
    while path != "/" and not os.path.exists(path + "/" + name):
        path = os.path.dirname(path)
    return path
pid = subprocess.run(["systemctl", "show", "-P", "MainPID", "pulsarack"], capture_output=True,
                     text=True).stdout.strip()
opened = set()
for link in glob.glob(f"/proc/{pid}/fd/*"):
    try: opened.add(os.readlink(link))
    except OSError: pass
database = {}
if "udev" in sys.argv:
    said = subprocess.run(["udevadm", "info", "--export-db"], capture_output=True, text=True)
    for block in said.stdout.split("\\n\\n"):
        lines = block.splitlines()
        if lines and lines[0].startswith("P: "):
            database["/sys" + lines[0][3:]] = {
                key: value for key, _, value in
                (line[3:].partition("=") for line in lines if line.startswith("E: "))}
found = []
for node in sorted(glob.glob("/dev/ttyUSB*")):
    try:
        there = os.stat(node)
        tty = os.path.realpath("/sys/class/tty/" + os.path.basename(node))
        interface = above(tty, "bInterfaceNumber")
        usb = above(interface, "idVendor")
        root = usb
        while not os.path.basename(root).startswith("usb"):
            root = os.path.dirname(root)
        facts = database.get(tty, {})
        found.append({
            "node": node, "group": grp.getgrgid(there.st_gid).gr_name,
            "mode": stat.S_IMODE(there.st_mode), "open": node in opened,
            "interface": int(first(interface + "/bInterfaceNumber"), 16),
            "driver": os.path.basename(os.path.realpath(interface + "/driver")),
            "links": facts.get("DEVLINKS", "").split(),
            "ignored": database.get(usb, {}).get("ID_MM_DEVICE_IGNORE") == "1",
            "tags": facts.get("CURRENT_TAGS", ""),
            "model": first(usb + "/idVendor") + ":" + first(usb + "/idProduct"),
            "key": "usb-%s-%s" % (first(root + "/serial"), first(usb + "/devpath")),
        })
    except OSError:
        pass  # it has just gone
print(json.dumps(found))
"""

_RESET = """
import fcntl, os, sys, time
node, seconds = sys.argv[1], int(sys.argv[2])
usb = os.path.realpath("/sys/class/tty/" + os.path.basename(node))
while not os.path.exists(usb + "/idVendor"):
    usb = os.path.dirname(usb)
numbers = tuple(int(open(f"{usb}/{name}").read()) for name in ("busnum", "devnum"))
if seconds:
    held = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
with open("/dev/bus/usb/%03d/%03d" % numbers, "wb") as file:
    fcntl.ioctl(file, 0x5514, 0)
if seconds and os.fork() == 0:
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    time.sleep(seconds)
"""


@dataclass(frozen=True, slots=True)
class Tty:
    """One tty as the guest sees it. `key`: the place on the bus; `ignored`: by ModemManager."""

    node: str
    group: str
    mode: int
    open: bool
    interface: int
    driver: str
    links: list[str]
    ignored: bool
    tags: str
    model: str
    key: str


async def package_of_the_tree(directory: Path, version: str = "") -> Path:
    """The Debian package, made in a directory; `version`: not the tree's own."""
    words = (str(ROOT / "packaging/build.py"), "--output", str(directory))
    more = ("--version", version) if version else ()
    process = await create_subprocess_exec(
        sys.executable, *words, *more, stdin=DEVNULL, stdout=PIPE
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise MachineError("the package of pulsarack cannot be built")
    return Path(said.decode().strip())


class Guest:
    """The service in the guest."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def install(
        self, package: Path, chips: list[ChipCard], speed: float, anchor: float
    ) -> None:
        """Everything up to the start."""
        await self.configure(chips, speed, anchor)
        await self._machine.put(f"/root/{package.name}", package.read_bytes())
        command = f"apt-get -y -qq install /root/{package.name}"
        await self._machine.run(command, within=APT_SECONDS)
        await self.stop()

    async def configure(
        self, chips: list[ChipCard], speed: float, anchor: float, more: str = ""
    ) -> None:
        """The two files that an operator writes; `more` of the first."""
        config = f"[rehearsal]\nspeed = {speed!r}\nanchor = {anchor!r}\n{more}"
        await self._machine.put("/etc/pulsarack/pulsarack.toml", config.encode())
        secrets = "".join(f'["{chip.iccid}"]\nchip_pin = "{chip.pin}"\n' for chip in chips)
        await self._machine.put("/etc/pulsarack/secrets.toml", secrets.encode(), "600")

    async def start(self) -> None:
        """Start the service and wait until it says that it is ready."""
        await self._machine.run("systemctl start pulsarack")

    async def stop(self) -> None:
        """Stop it in order."""
        await self._machine.run("systemctl stop pulsarack")

    async def ttys(self, udev: bool = True) -> list[Tty]:
        """All ttys of USB devices; without `udev`, quicker, what only udev knows is left out."""
        command = f"python3 -I -S - {'udev' if udev else ''}"
        said = await self._machine.run(command, _LOOK_AT_TTYS.encode())
        return [Tty(**one) for one in json.loads(said)]

    async def names(self) -> dict[str, str]:
        """What is in /dev/pulsarack: where each name leads."""
        command = 'cd /dev/pulsarack && for name in *; do echo "$name $(readlink -f "$name")"; done'
        lines = (await self._machine.run(command, check=False)).splitlines()
        return {one: node for one, _, node in (line.partition(" ") for line in lines)}

    async def reset(self, node: str, hold_seconds: int = 0) -> None:
        """Reset the USB device of a tty, as a hub's port does (USBDEVFS_RESET).

        `hold_seconds`: a process keeps the old tty open for so long, so that its number stays
        taken.
        """
        await self._machine.run(f"python3 -I -S - {node} {hold_seconds}", _RESET.encode())

    async def audit(self, truth: Path) -> tuple[bool, str]:
        """`pulsarack audit` there, against the operators' books; the daemon has ended."""
        await self._machine.put("/root/truth.jsonl", truth.read_bytes())
        command = "pulsarack audit --truth /root/truth.jsonl; echo status $?"
        said = (await self._machine.run(command)).strip()
        text, _, status = said.rpartition("status ")
        return status == "0", text.strip()

    async def fetch(self, directory: Path) -> Path:
        """The database, for our own look at it; the daemon has ended."""
        process = await self._machine.spawn(f"cat {STATE}/pulsarack.db")
        data, _ = await process.communicate()
        database = directory / "pulsarack.db"
        database.write_bytes(data)
        return database

    async def journal(self) -> str:
        """What the service has written."""
        return await self._machine.run("journalctl -u pulsarack -o short-precise --no-pager")

    async def versions(self) -> dict[str, str]:
        """What the guest is made of."""
        said = await self._machine.run(
            "uname -r; systemctl --version | head -1 | cut -d' ' -f2; python3 -V | cut -d' ' -f2;"
            " . /etc/os-release; echo ${PRETTY_NAME#Debian GNU/Linux };"
            " pulsarack --version | cut -d' ' -f2"
        )
        names = ("Linux", "systemd", "Python", "Debian", "pulsarack")
        return dict(zip(names, said.strip().splitlines(), strict=True))


async def modems(link: Link) -> dict[str, dict[str, Any]]:
    """What the daemon says of its slots, by name of the port."""
    return {row["port"]: row for row in (await link.call("modem.list"))["modems"]}
