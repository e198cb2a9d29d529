"""What can be wrong in the queue, and whose fault it is.

Expected refusals (unknown product, too little deposit) are values, see
`validation.Refusal`. What is raised here is either a caller's bug or a row that
changed under somebody's hands; raising rolls the whole transaction back.
"""


class QueueError(Exception):
    """Base of all errors of this folder."""


class IllegalMove(QueueError):
    """A transition that the table of order states does not allow."""


class ClaimLost(QueueError):
    """The order or the chip was taken, cancelled or emptied before this claim."""


class NotOpen(QueueError):
    """The attempt is closed already: somebody else decided it first."""


class WrongKind(QueueError):
    """A discrepancy is not what a person says of it: stock that came is no loss."""


class LedgerRefused(QueueError):
    """The ledger did not accept a transfer that must not fail here: books and queue disagree."""


class Differs(QueueError):
    """What was to leave for an archive is not what was copied there, or is needed again."""

    def __init__(self, archive: str, what: str, why: str) -> None:
        super().__init__(f"{what}, archive {archive}: {why}")
        self.why = why
