"""What a caller of the ledger did wrong.

These are faults of the program, not of the trade: what can happen in ordinary
business (too little balance, a repeat, an account not opened yet) is a `Result`,
never an exception. Each class also is the built-in error of its kind, so that a
caller that knows nothing of the ledger can still catch it.
"""


class LedgerError(Exception):
    """The ledger was used wrongly; nothing was written."""


class AmountTypeError(LedgerError, TypeError):
    """An amount, or a time, is not a whole number."""

    def __init__(self, what: str, value: object) -> None:
        super().__init__(
            f"{what} is {value!r} ({type(value).__name__}); give an int in the asset's minor unit"
        )


class AmountRangeError(LedgerError, ValueError):
    """An amount is zero, negative, or too large for a 64-bit column."""

    def __init__(self, what: str, value: int) -> None:
        super().__init__(f"{what} is {value}; it must be above 0 and below 2**63")


class AccountCodeError(LedgerError, ValueError):
    """A name cannot be part of an account code, or a code is not one."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"account code {code!r}: {why}")


class TransferIdError(LedgerError, ValueError):
    """A caller's id is empty, too long, or of the form the ledger derives itself."""

    def __init__(self, transfer_id: str) -> None:
        super().__init__(
            f"transfer id {transfer_id!r}: give 1 to 200 characters "
            "that do not end in ':post' or ':void'"
        )


class NotClosed(LedgerError, LookupError):
    """Transfers that were to leave for an archive are not, or no longer, in the journal."""

    def __init__(self, archive: str, wanted: int, found: int) -> None:
        super().__init__(
            f"{wanted} transfers were to leave for archive {archive}, {found} were in the journal"
        )
