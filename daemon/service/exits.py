"""With what status the daemon ends: whether a restart could heal it is all that counts.

systemd starts the daemon anew after each end but one with CONFIG (RestartPreventExitStatus=78 in
the unit): a file that is wrong is as wrong in two seconds. The numbers are those of sysexits.h.
An error that stands in no row here is FAILED: it is tried again, within the unit's limits.
"""

import errno

from pulsarack.daemon.config_errors import ConfigErrors
from pulsarack.daemon.control import ControlSocketError, SocketTaken
from pulsarack.daemon.identity.pepper import PepperError
from pulsarack.daemon.secrets import SecretsError
from pulsarack.daemon.service.start_clock import ClockBehind
from pulsarack.daemon.store_errors import (
    DatabaseLocked,
    DatabaseMoved,
    NotStored,
    StateDirectoryFull,
    StoreClosed,
    StoreError,
    StoreLocked,
)
from pulsarack.modems.errors import ModemError
from pulsarack.ussd.errors import UssdError

DONE = 0
FAILED = 1
STUCK = 70
"""EX_SOFTWARE: a part of the daemon stood still (watchdog.py)."""
TEMPFAIL = 75
"""EX_TEMPFAIL: something is taken, full or not yet there; a restart may find it otherwise."""
CONFIG = 78
"""EX_CONFIG: configuration, credentials, recipes, a database that is newer or damaged: a person
has to put that right, and no restart does."""

# The first row that fits counts: a class stands before what it is derived from.
_OF_ERRORS: tuple[tuple[type[BaseException], int], ...] = (
    (StoreLocked, TEMPFAIL),
    (DatabaseLocked, TEMPFAIL),
    (StateDirectoryFull, TEMPFAIL),
    (NotStored, TEMPFAIL),
    (SocketTaken, TEMPFAIL),
    (DatabaseMoved, FAILED),
    (StoreClosed, FAILED),
    (ClockBehind, TEMPFAIL),
    (ControlSocketError, CONFIG),
    (ConfigErrors, CONFIG),
    (SecretsError, CONFIG),
    (PepperError, CONFIG),
    (StoreError, CONFIG),
    (UssdError, CONFIG),
    (ModemError, CONFIG),
)
# A disk that is full, whoever writes to it.
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


def status_of(error: BaseException) -> int:
    """The status for a daemon that could not start, or not go on, because of this error."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return TEMPFAIL
    return next((status for kind, status in _OF_ERRORS if isinstance(error, kind)), FAILED)
