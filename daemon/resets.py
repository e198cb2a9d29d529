"""Carrying out the two resets that go round the modem: USB reset and hub port power.

Both can hang (a driver, a hub), so neither is waited for without end: the USB reset has
a daemonic thread, uhubctl is a process of its own that is killed when its time is over.
Its output is bounded before it is read.
"""

import asyncio
import contextlib
import shutil
import threading
from collections.abc import Callable
from typing import Protocol

from pulsarack.modems import uhubctl, usb_reset
from pulsarack.modems.errors import HubPowerFailed, ResetFailed, UsbResetFailed
from pulsarack.modems.uhubctl import HubPort
from pulsarack.modems.usb_reset import UsbSeat

USB_SECONDS = 15.0
UHUBCTL = "uhubctl"
UHUBCTL_SECONDS = 30.0
OFF_SECONDS = 5


class Resets(Protocol):
    """What a supervisor can have done to a place; each raises ResetFailed."""

    def can_power(self) -> bool:
        """Whether there is a program that switches hubs."""

    async def usb(self, seat: UsbSeat) -> None:
        """Reset the device; its ttys must be closed."""

    async def power(self, seat: UsbSeat) -> None:
        """Switch the port of its hub off and on."""


class RealResets:
    """On this machine."""

    def __init__(self, reset: Callable[[UsbSeat], None] = usb_reset.reset) -> None:
        self._reset = reset
        self._hanging: set[str] = set()

    def can_power(self) -> bool:
        """Whether uhubctl is installed."""
        return shutil.which(UHUBCTL) is not None

    async def usb(self, seat: UsbSeat) -> None:
        """Reset the device in a thread; one that hangs is not joined by a second."""
        name = seat.kernel_name
        if name in self._hanging:
            raise UsbResetFailed(name, "an earlier reset hangs in the kernel", "re-plug it")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def finish(error: Exception | None) -> None:
            if not done.done():
                done.set_result(None) if error is None else done.set_exception(error)

        def work() -> None:
            error: Exception | None = None
            try:
                self._reset(seat)
            except Exception as raised:  # noqa: BLE001 - handed over to who waits
                error = raised
            self._hanging.discard(name)
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(finish, error)

        self._hanging.add(name)
        threading.Thread(target=work, name="usb-reset", daemon=True).start()
        try:
            await asyncio.wait_for(done, USB_SECONDS)
        except TimeoutError:
            what = f"the reset did not end within {USB_SECONDS:g} s"
            raise UsbResetFailed(name, what, "re-plug it") from None
        except ResetFailed:
            raise
        except Exception as error:
            raise UsbResetFailed(name, repr(error), "re-plug it") from error

    async def power(self, seat: UsbSeat) -> None:
        """Ask uhubctl whether this port can be switched alone, and then switch it."""
        wanted = uhubctl.hub_port(seat.kernel_name)
        if wanted is None:
            raise HubPowerFailed(seat.kernel_name, "this is no place on a hub", "re-plug it")
        status, said = await _uhubctl(wanted)
        if status != 0 or not uhubctl.switchable(said, wanted):
            what = f"hub {wanted.hub} does not switch port {wanted.port} by itself"
            raise HubPowerFailed(seat.kernel_name, what, "re-plug it, or use a hub that can")
        status, said = await _uhubctl(wanted, "-a", "cycle", "-d", str(OFF_SECONDS))
        if status != 0:
            remedy = "see what uhubctl says by hand; it needs the rights on /dev/bus/usb"
            raise HubPowerFailed(seat.kernel_name, f"uhubctl ended with {status}", remedy)


async def _uhubctl(port: HubPort, *more: str) -> tuple[int, str]:
    """Run it for one port; its status and what it said. Raises HubPowerFailed."""
    command = (UHUBCTL, "-l", port.hub, "-p", str(port.port), *more)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        why = f"uhubctl does not start: {error.strerror or error}"
        raise HubPowerFailed(port.hub, why, "apt-get install uhubctl") from None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(UHUBCTL_SECONDS):
            said = b""
            while chunk := await process.stdout.read(uhubctl.OUTPUT_OCTETS_MAX):
                said = (said + chunk)[: uhubctl.OUTPUT_OCTETS_MAX]
            status = await process.wait()
    except TimeoutError:
        what = f"uhubctl did not end within {UHUBCTL_SECONDS:g} s"
        raise HubPowerFailed(port.hub, what, "re-plug the modem") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return status, said.decode("utf-8", "replace")
