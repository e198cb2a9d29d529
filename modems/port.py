"""A serial port: pyserial opens and configures it, then our own transport reads and
writes it from the event loop.

Two locks keep other programs out: flock, which pyserial and its kin honour, and
TIOCEXCL, which stops every opener but root. A port that has vanished shows itself as
an empty read or an OSError; either is reported once and at once, and the reader is
removed first, since the loop would spin on it.

On a wedged USB modem opening may take seconds and closing up to the driver's
closing_wait, so both run in threads of their own, opening with a time limit and
closing after the output was thrown away. The threads are daemonic: a driver that
never returns must not keep the whole program from ending, as a pool's would.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import stat
import termios
import threading
from collections.abc import Callable

import serial

from pulsarack.modems.errors import (
    NotATty,
    PortBusy,
    PortDenied,
    PortError,
    PortFailed,
    PortMissing,
    PortStuck,
)
from pulsarack.modems.port_holder import holder_of

OPEN_SECONDS = 10.0
READ_OCTETS = 4096
WRITE_OCTETS_MAX = 64 * 1024


def _ignore_bytes(data: bytes) -> None:
    """What arrives before anybody listens is nobody's."""


def _ignore_gone(reason: str) -> None:
    """Nobody listens yet."""


class SerialPort:
    """An open serial port in the running event loop; see ``transport.Port``."""

    def __init__(self, device: serial.Serial, loop: asyncio.AbstractEventLoop) -> None:
        self.on_bytes: Callable[[bytes], None] = _ignore_bytes
        self.on_gone: Callable[[str], None] = _ignore_gone
        self._device = device
        self._loop = loop
        self._fd = device.fileno()
        self._unwritten = bytearray()
        self._open = True
        self._released = threading.Event()
        os.set_blocking(self._fd, False)
        loop.add_reader(self._fd, self._read)

    def write(self, data: bytes) -> None:
        """Write now what the kernel takes and the rest when it takes more."""
        if not self._open:
            return
        if len(self._unwritten) + len(data) > WRITE_OCTETS_MAX:
            self._lose("the port takes no more bytes")
            return
        if self._unwritten:
            self._unwritten += data
            return
        written = self._put(data)
        if self._open and written < len(data):
            self._unwritten += data[written:]
            self._loop.add_writer(self._fd, self._flush)

    def close(self) -> None:
        """Stop, and give the port back in a thread of its own."""
        if self._open:
            self._stop()

    async def wait_closed(self, seconds: float = OPEN_SECONDS) -> bool:
        """Whether the kernel has taken the port back within the time."""
        return await asyncio.to_thread(self._released.wait, seconds)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ_OCTETS)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error.strerror or str(error))
            return
        if data:
            self.on_bytes(data)
        else:
            self._lose("hung up")

    def _flush(self) -> None:
        del self._unwritten[: self._put(self._unwritten)]
        if self._open and not self._unwritten:
            self._loop.remove_writer(self._fd)

    def _put(self, data: bytes | bytearray) -> int:
        """Write what the kernel takes now; how much that was."""
        try:
            return os.write(self._fd, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._lose(error.strerror or str(error))
            return 0

    def _lose(self, reason: str) -> None:
        self._stop()
        # Not from inside write(): its caller must not be called back half-way.
        self._loop.call_soon(self.on_gone, reason)

    def _stop(self) -> None:
        self._open = False
        self._unwritten.clear()
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        threading.Thread(target=self._release, name="port-close", daemon=True).start()

    def _release(self) -> None:
        with contextlib.suppress(OSError, termios.error):
            termios.tcflush(self._fd, termios.TCIOFLUSH)
        with contextlib.suppress(OSError, termios.error):
            self._device.close()
        self._released.set()


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="port-open", daemon=True).start()


async def open_port(
    path: str,
    baud: int = 115200,
    seconds: float = OPEN_SECONDS,
    start: Callable[[Callable[[], None]], None] = _in_a_thread,
) -> SerialPort:
    """Open a port for us alone; raises one of the PortError family.

    `start` runs what it is given in a thread; that may go on long after the time is over.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[serial.Serial] = loop.create_future()
    opening = _Opening(path, baud, loop, outcome)
    start(opening.run)
    try:
        device = await asyncio.wait_for(outcome, seconds)
    except TimeoutError:
        raise PortStuck(path, seconds) from None
    return SerialPort(device, loop)


class _Opening:
    """One attempt to open, in its thread; a result nobody waits for is closed again."""

    def __init__(
        self,
        path: str,
        baud: int,
        loop: asyncio.AbstractEventLoop,
        outcome: asyncio.Future[serial.Serial],
    ) -> None:
        self._path = path
        self._baud = baud
        self._loop = loop
        self._outcome = outcome

    def run(self) -> None:
        device: serial.Serial | None = None
        problem: PortError | None = None
        try:
            device = _open_device(self._path, self._baud)
        except PortError as error:
            problem = error
        try:
            self._loop.call_soon_threadsafe(self._hand_over, device, problem)
        except RuntimeError:
            # The loop has ended meanwhile.
            if device is not None:
                device.close()

    def _hand_over(self, device: serial.Serial | None, problem: PortError | None) -> None:
        if self._outcome.done():
            if device is not None:
                threading.Thread(target=device.close, name="port-close", daemon=True).start()
        elif device is not None:
            self._outcome.set_result(device)
        elif problem is not None:
            self._outcome.set_exception(problem)


def _open_device(path: str, baud: int) -> serial.Serial:
    try:
        if not stat.S_ISCHR(os.stat(path).st_mode):  # noqa: PTH116 - the errno is needed
            raise NotATty(path)
        device = serial.Serial(path, baud, timeout=0, exclusive=True)
    except (OSError, termios.error) as error:
        raise _port_error(path, error) from None
    try:
        fcntl.ioctl(device.fileno(), termios.TIOCEXCL)
    except OSError as error:
        device.close()
        raise _port_error(path, error) from None
    return device


def _port_error(path: str, error: OSError | termios.error) -> PortError:
    """pyserial wraps the system's error in its own; the number stays in ``errno``."""
    number = getattr(error, "errno", None)
    if number is None and error.args and isinstance(error.args[0], int):
        number = error.args[0]
    text = str(error)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return PortMissing(path)
    if number in (errno.EACCES, errno.EPERM):
        return PortDenied(path)
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return PortBusy(path, holder_of(path))
    if number == errno.ENOTTY or "Could not configure port" in text:
        return NotATty(path)
    return PortFailed(path, text)
