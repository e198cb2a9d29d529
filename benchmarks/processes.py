"""What a process has cost so far, asked of the operating system and never of the process.

CPU time is that of all its threads, ended ones included: exact from its CPU clock
(clock_getcpuclockid(3)), and split into user and system by /proc/PID/stat, which counts in
ticks. Memory is the proportional set size of /proc/PID/smaps_rollup: pages that processes
share are divided among them, so that the sum over processes is what they take.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
# Places in /proc/PID/stat after the command's name, which is the second field (proc(5)).
_UTIME, _STIME = 11, 12
_KILO = 1024
# The two low bits say that it is a process, and that the scheduler's own count is wanted.
_CPUCLOCK_SCHED = 2


@dataclass(frozen=True, slots=True)
class Ticks:
    """CPU seconds by who spent them; exact to a tick."""

    user: float
    system: float


def read_ticks(pid: int) -> Ticks:
    """What /proc/PID/stat says."""
    return parse_stat(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace"))


def parse_stat(text: str) -> Ticks:
    """User and system time out of a line of /proc/PID/stat."""
    # The name stands in parentheses and may hold some itself.
    fields = text.rpartition(")")[2].split()
    return Ticks(int(fields[_UTIME]) / _TICKS_A_SECOND, int(fields[_STIME]) / _TICKS_A_SECOND)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process that runs, all threads together."""
    return time.clock_gettime(cpu_clock(pid))


def cpu_clock(pid: int) -> int:
    """The id of another process's CPU clock, as clock_getcpuclockid(3) makes it."""
    return (~pid << 3) | _CPUCLOCK_SCHED


def pss_bytes(pid: int) -> int:
    """Memory of a process, shared pages divided among those who share them."""
    return parse_smaps(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))


def parse_smaps(text: str) -> int:
    """The bytes of the line `Pss:`."""
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            return int(rest.split()[0]) * _KILO
    raise ValueError("smaps_rollup has no line 'Pss:'; it needs Linux 4.14 or later")
