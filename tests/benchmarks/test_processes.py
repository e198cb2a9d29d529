"""What /proc says, in its own words, and what the CPU clock of a process is."""

import os
from pathlib import Path

import pytest

from benchmarks import machine
from benchmarks.processes import (
    Ticks,
    cpu_clock,
    cpu_seconds,
    parse_smaps,
    parse_stat,
    pss_bytes,
    read_ticks,
)

STAT = (
    "1234 (py) thon (x)) S 1 1234 1234 0 -1 4194560 9093 0 1 0 250 31 0 0 20 0 4 0 2858 "
    "190238720 11021 18446744073709551615 1 1 0 0 0 0 0 16781312 134235650 0 0 0 17 1 0 0 0 0 0"
)
SMAPS = """\
5602fbf29000-7ffe03634000 ---p 00000000 00:00 0                          [rollup]
Rss:                1684 kB
Pss:                 382 kB
Pss_Dirty:           116 kB
Pss_Anon:            116 kB
"""


def test_user_and_system_time_whatever_the_command_is_called() -> None:
    a_second = os.sysconf("SC_CLK_TCK")
    assert parse_stat(STAT) == Ticks(250 / a_second, 31 / a_second)


def test_the_proportional_set_size() -> None:
    assert parse_smaps(SMAPS) == 382 * 1024
    with pytest.raises(ValueError, match="needs Linux"):
        parse_smaps("Rss: 1684 kB\nPss_Dirty: 1 kB\n")


def test_a_process_that_runs() -> None:
    me = os.getpid()
    ticks, seconds = read_ticks(me), cpu_seconds(me)
    assert ticks.user + ticks.system <= seconds + 2 / os.sysconf("SC_CLK_TCK")
    assert cpu_seconds(me) >= seconds > 0
    assert pss_bytes(me) > 1_000_000


def test_the_clock_of_another_process_as_the_c_library_makes_it() -> None:
    # ~1 << 3 | 2: the sign belongs to it.
    assert cpu_clock(1) == -14


MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
/dev/vdb /tmp/disk xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/home/x", "ext4"), ("/tmp", "tmpfs"), ("/tmp/disk/x", "xfs"), ("/tmp/disks", "tmpfs")],
)
def test_the_longest_mount_point_counts(path: str, kind: str) -> None:
    assert machine.filesystem_of(Path(path), MOUNTS) == kind


def test_the_machine_in_a_sentence(tmp_path: Path) -> None:
    found = machine.describe(tmp_path)
    assert found["cores"] >= 1
    assert found["sync_ms"] > 0
    assert not list(tmp_path.iterdir())
    assert found["sqlite"] in machine.sentence(found)
    assert found["interpreter"] in machine.sentence(found)
