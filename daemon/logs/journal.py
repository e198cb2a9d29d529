"""The way to systemd's journal, which must neither hold up the daemon nor lose a line quietly.

Each event is one datagram to the journal's socket. One that is too big for a datagram goes as a
file in memory that is sealed, so that the journal need not fear that it changes, and whose
descriptor is sent (systemd.io/JOURNAL_NATIVE_PROTOCOL). The socket is addressed anew each time,
so a journal that was restarted is found again by itself.

If the journal does not take it at once (it is gone, or so far behind that its queue is full), the
line goes as text to the stream that systemd has connected to the journal, too, without fields but
with its level. That is not waited for either: what neither takes is lost, counted, and told by
`log.lost` as soon as one of them takes lines again.
"""

import errno
import fcntl
import os
import socket
import stat
import threading
from typing import Final, TextIO

from pulsarack.daemon.logs.journal_entry import entry
from pulsarack.daemon.logs.rendering import sentence

SOCKET: Final = "/run/systemd/journal/socket"
# As systemd's own library asks for; the kernel gives what it allows.
_SEND_OCTETS = 8 * 1024 * 1024
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
_TOO_BIG = frozenset({errno.EMSGSIZE, errno.ENOBUFS})
_WARNING = 4


class Journal:
    """Where structlog sends what the renderer made: the datagram, and the line in its stead."""

    def __init__(self, stream: TextIO, path: str = SOCKET) -> None:
        self.fallen_back = self.lost = 0
        self._untold = 0
        self._path = path
        self._stream = _Stream(stream)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_OCTETS)
        # Reentrant: garbage that is collected while a line is written may log one, too.
        self._lock = threading.RLock()

    def writes_to(self, stream: TextIO, path: str) -> bool:
        """Whether it would be the same as a new one made of these."""
        return (stream, path) == (self._stream.stream, self._path)

    def write(self, datagram: bytes, priority: int, text: str) -> None:
        """One event; never waits, never fails."""
        if self._send(datagram):
            taken = True
        else:
            self.fallen_back += 1
            with self._lock:
                taken = self._stream.write(prefixed(priority, text) + "\n")
        if not taken:
            self.lost += 1
            self._untold += 1
        elif self._untold:
            count, self._untold = self._untold, 0
            told = {"event": "log.lost", "count": count}
            self.write(entry(told, _WARNING, sentence(told)), _WARNING, sentence(told))

    debug = info = warning = error = critical = log = msg = write

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
        self._stream.close()

    def _send(self, datagram: bytes) -> bool:
        try:
            self._socket.sendto(datagram, self._path)
        except OSError as error:
            return error.errno in _TOO_BIG and self._send_file(datagram)
        return True

    def _send_file(self, datagram: bytes) -> bool:
        try:
            descriptor = os.memfd_create("pulsarack-log", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
            try:
                with os.fdopen(descriptor, "wb", closefd=False) as file:
                    file.write(datagram)
                fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor.to_bytes(4, "little"))
                self._socket.sendmsg([], [rights], 0, self._path)
            finally:
                os.close(descriptor)
        except OSError:
            return False
        return True


def prefixed(priority: int, text: str) -> str:
    """A line with its level in the form of sd-daemon(3), and each line below it."""
    return "\n".join(f"<{priority}>{line}" for line in text.split("\n"))


class _Stream:
    """The stream that systemd connected; not waited for where that is possible."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._socket = _socket_of(stream)
        self._rest = b""  # of a line that was taken in part: without it the next would be joined

    def write(self, text: str) -> bool:
        """Whether the line was taken."""
        if self._socket is None:
            return self._write_plainly(text)
        data = self._rest + text.encode("utf-8", "backslashreplace")
        try:
            sent = self._socket.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            return False
        if sent < len(self._rest):
            self._rest = self._rest[sent:]
            return False
        self._rest = data[sent:]
        return True

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _write_plainly(self, text: str) -> bool:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            return False
        return True


def _socket_of(stream: TextIO) -> socket.socket | None:
    """A handle of our own on the socket behind a stream; None if there is none."""
    try:
        descriptor = stream.fileno()
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        return socket.socket(fileno=os.dup(descriptor))
    except (OSError, ValueError):
        return None


def goes_to_journal(stream: TextIO, named: str) -> bool:
    """Whether systemd's journal reads this very stream; `named` is $JOURNAL_STREAM.

    That is the device and inode of the connection (systemd.exec(5)); a stream that was
    redirected somewhere else since then is not it.
    """
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{status.st_dev}:{status.st_ino}"
