"""What one modem of a rack does wrong with its messages, whatever its model: [modem.quirks].

Every one of them was seen in the field. A modem without the table does nothing wrong.
"""

from dataclasses import dataclass

from pulsarack.modems.simulator.rack_checks import Table


@dataclass(frozen=True)
class Quirks:
    """The faults of one modem.

    listings: after so many AT+CMGL since power-up the next ones are never answered; None: all are.
    reading_hangs: from then on neither is AT+CMGR. no_indications: AT+CNMI is advertised and
    always refused. index_unknown: +CMTI tells an index of -1. places: messages the card holds, None
    for the model's own number.
    """

    listings: int | None = None
    reading_hangs: bool = False
    no_indications: bool = False
    index_unknown: bool = False
    places: int | None = None


FLAWLESS = Quirks()


def read_quirks(table: Table) -> Quirks:
    """The quirks of one modem; problems are kept in the table."""
    content = table.content
    quirks = Quirks(
        listings=table.whole("listings", None, least=0) if "listings" in content else None,
        reading_hangs=bool(table.truth("reading_hangs")),
        no_indications=bool(table.truth("no_indications")),
        index_unknown=bool(table.truth("index_unknown")),
        places=table.whole("places", None, least=1) if "places" in content else None,
    )
    table.nothing_else()
    return quirks
