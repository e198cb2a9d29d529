"""SQLite itself, set up for a whole process before its first connection.

An order is some fifty statements, and each asks for memory some thirty times. So SQLite keeps no
statistics of its memory, which it would count under a lock each time, and each connection gets
more of the small pieces that it need not ask the system for.
"""

import apsw

_PIECE_OCTETS = 2400
_PIECES = 200
"""Half a megabyte a connection: what the statements of one job hold at a time."""


def tune() -> None:
    """To be called while no connection is open in this process; what was set before stays."""
    apsw.shutdown()
    apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
    apsw.config(apsw.SQLITE_CONFIG_LOOKASIDE, _PIECE_OCTETS, _PIECES)
    apsw.initialize()
