"""What each kind of recorded reply is read with, and which kinds the product has no use for."""

from tests.conformance import card_readers, message_readers, network_readers
from tests.conformance.check import Reader

# Notices of calls and of the maker's own: told apart from answers, and otherwise ignored.
_NOTICES = ("clip", "ccwa", "cring", "rxdtmf", "cend", "boot", "cardmode", "zusimr", "ring")
# Answers to commands that the product never sends; their parameters are read all the same.
_UNUSED_ANSWERS = ("clcc", "ccfc", "cpbr", "wind_mask", "vts_list", "cind_list", "ctzu_list")

READERS: dict[str, Reader] = {
    **network_readers.READERS,
    **card_readers.READERS,
    **message_readers.READERS,
    **dict.fromkeys(_NOTICES, message_readers.notices),
    **dict.fromkeys(_UNUSED_ANSWERS, message_readers.grammar),
}
