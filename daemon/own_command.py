"""The command `pulsarack` once more, as a process of its own: what to run, and with what around it.

Python is asked for the module, and told where this process has it from: of the directory that
the package installs it to (packaging/launcher) no other interpreter knows.
"""

import os
import sys
from pathlib import Path

import pulsarack

OWN_COMMAND = (sys.executable, "-m", "pulsarack.daemon.main")
"""The words before the arguments."""

_HERE = str(Path(pulsarack.__file__).parents[1])


def surroundings() -> dict[str, str]:
    """The environment to run it in: ours, and the place that we were loaded from."""
    path = os.pathsep.join(filter(None, (_HERE, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}
