"""Catching a process inside a commit, without luck and without a debugger.

A commit is a burst of writes to the log of the database, over in some ten microseconds;
no signal that is sent on a guess can be relied on to land in it. So the process is
stopped (SIGSTOP) as soon as the kernel reports a write to the log, and looked at while
it stands still: if the log ends in frames that no commit has closed, it stands inside a
commit and is handed over to be killed as it stands; else it goes on (SIGCONT) and the
next burst is waited for. Most stops come too late, while the commit waits for the disk,
or after it; there are several commits to every order, and in the end one is hit.

What is reached is the inside of the writing: some frames of a transaction are in the
file, its last one is not. Stops while the disk is waited for are not told apart from
stops after it, and what a disk loses in a power cut is not shown by any kill.
"""

import contextlib
import ctypes
import os
import select
import signal
import struct
import threading
from collections.abc import Callable
from pathlib import Path

from pulsarack.daemon.clock import WallClock
from tests.soak import wal

_EVENT = struct.Struct("iIII")  # inotify(7): watch, mask, cookie, length of the name
_IN_MODIFY = 0x2
_READ_BYTES = 64 * 1024
_LOOK_MILLISECONDS = 50
_STOP_SECONDS = 1.0


class Hunter:
    """Waits in a thread of its own until the process `pid` stands inside a commit.

    `caught` is called once, in that thread, with the process standing still. `wants` says
    of the written file whether the stop is the right one.
    """

    def __init__(
        self,
        pid: int,
        file: Path,
        caught: Callable[[], None],
        wants: Callable[[Path], bool] = wal.is_inside_commit,
    ) -> None:
        self.stops = 0
        self.has_caught = False
        self._pid = pid
        self._file = file
        self._caught = caught
        self._wants = wants
        self._ending = threading.Event()
        self._inotify = _watch(file.parent)
        self._thread = threading.Thread(target=self._run, name="hunter", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Gives up, or cleans up after a catch; the process runs on unless it was killed."""
        self._ending.set()
        self._thread.join()
        os.close(self._inotify)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._inotify, select.POLLIN)
        while not self._ending.is_set():
            if poll.poll(_LOOK_MILLISECONDS) and self._is_written() and self._stands_right():
                self.has_caught = True
                self._caught()
                return

    def _is_written(self) -> bool:
        """Whether the file is among what was written; takes all that was reported."""
        events, at = os.read(self._inotify, _READ_BYTES), 0
        name = os.fsencode(self._file.name)
        while at < len(events):
            *_, length = _EVENT.unpack_from(events, at)
            if events[at + _EVENT.size :][:length].rstrip(b"\0") == name:
                return True
            at += _EVENT.size + length
        return False

    def _stands_right(self) -> bool:
        try:
            os.kill(self._pid, signal.SIGSTOP)
        except ProcessLookupError:
            return False
        self.stops += 1
        if self._stands() and self._wants(self._file):
            return True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGCONT)
        return False

    def _stands(self) -> bool:
        """Waits until all its threads stand; False if that never comes."""
        clock = WallClock()
        deadline = clock.monotonic() + _STOP_SECONDS
        while clock.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                if os.waitid(os.P_PID, self._pid, os.WSTOPPED | os.WNOHANG) is not None:
                    return True
        return False


def _watch(directory: Path) -> int:
    """An inotify descriptor that reports writes to the files of a directory."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(directory), _IN_MODIFY) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(directory))
    return descriptor
