"""What each kind of recorded reply is read with, and which kinds the product has no use for."""

from tests.conformance import card_readers, message_readers, network_readers
from tests.conformance.check import Reader
from tests.conformance.replies import Row

# Notices of calls and of the maker's own: told apart from answers, and otherwise ignored.
_NOTICES = ("clip", "ccwa", "cring", "rxdtmf", "cend", "boot", "cardmode", "zusimr", "ring")
READERS: dict[str, Reader] = {
    **network_readers.READERS,
    **card_readers.READERS,
    **message_readers.READERS,
    **dict.fromkeys(_NOTICES, message_readers.notices),
}


def reader_of(row: Row) -> Reader:
    """The reader of the entry's kind.

    A kind without one is the answer to a command that the product never sends, or a notice
    it has no use for: its parameters are read by the grammar all the same.
    """
    other = message_readers.notices if row["command"] is None else message_readers.grammar
    return READERS.get(row["parsed"]["type"], other)
