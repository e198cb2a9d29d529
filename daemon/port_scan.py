"""Looking at the configured ports twice a second, for the price of one `stat` each.

What `modems/watch.scan` finds, but resolving a path costs a system call for each of its
parts, and a rack has hundreds of ports: so a path is resolved once, and again when another
device node stands behind it (or the same one, made anew). Names are listed anew each time,
since not every file system of device nodes tells when it has changed.
"""

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Iterable

from pulsarack.modems.watch import PortKey, scan

_Mark = tuple[int, int, int, int]


class PortScan:
    """One path of the configuration, or one glob."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._folder, name = os.path.split(pattern)
        self._plain = not glob.has_magic(pattern)
        # Another part than the last one is rarely a glob: then everything is looked at anew.
        self._simple = bool(name) and not glob.has_magic(self._folder)
        self._hidden = name.startswith(".")
        self._matches = re.compile(fnmatch.translate(name)).match
        self._known: dict[str, tuple[_Mark, PortKey]] = {}

    def look(self) -> dict[str, PortKey]:
        """The character devices there are now."""
        if not self._simple and not self._plain:
            return scan([self._pattern])
        known = {}
        for path in self._paths():
            found = self._find(path)
            if found is not None:
                known[path] = found
        self._known = known
        return {path: key for path, (_, key) in known.items()}

    def _paths(self) -> Iterable[str]:
        if self._plain:
            return (self._pattern,)
        try:
            names = os.listdir(self._folder or ".")  # noqa: PTH208 - names, hundreds of them
        except OSError:
            return ()
        wanted = (name for name in names if self._hidden or not name.startswith("."))
        return [os.path.join(self._folder, name) for name in wanted if self._matches(name)]  # noqa: PTH118

    def _find(self, path: str) -> tuple[_Mark, PortKey] | None:
        try:
            status = os.stat(path)  # noqa: PTH116 - a third of the price of Path.stat
        except (OSError, ValueError):
            return None
        if not stat.S_ISCHR(status.st_mode):
            return None
        mark = (status.st_dev, status.st_ino, status.st_rdev, status.st_ctime_ns)
        known = self._known.get(path)
        if known is not None and known[0] == mark:
            return known
        return mark, PortKey(os.path.realpath(path), status.st_rdev, status.st_ino)
