"""SQLite itself, set up for a whole process before its first connection.

An order is some fifty statements, and each asks for memory some thirty times. So SQLite keeps no
statistics of its memory, which it would count under a lock each time, and each connection gets
so many of the small pieces that it need not ask the system for that there are some left when its
prepared statements have taken theirs: each keeps some thirty for as long as it is kept.
"""

import apsw

_PIECE_OCTETS = 1200
_PIECES = 2000
"""Two and a half megabytes a connection. SQLite cuts most of that up into smaller pieces, 6,000 in
all. The statements of sales, which are sixty, take 2,300; all that the tests run takes 4,600."""


def tune() -> None:
    """To be called while no connection is open in this process; what was set before stays."""
    apsw.shutdown()
    apsw.config(apsw.SQLITE_CONFIG_MEMSTATUS, False)
    apsw.config(apsw.SQLITE_CONFIG_LOOKASIDE, _PIECE_OCTETS, _PIECES)
    apsw.initialize()
