"""What the ledger answers to a request that changes it.

Every value but OK means: nothing was changed by this call. A caller matches on it;
nothing here is an exception, because each can happen in ordinary business, above
all the repeats after a crash.
"""

from enum import StrEnum


class Result(StrEnum):
    """The answer to open_account, transfer, hold, post, void or reverse."""

    OK = "OK"
    # A repeat: harmless, and told apart from a clash of ids.
    EXISTS = "EXISTS"
    EXISTS_DIFFERENT = "EXISTS_DIFFERENT"
    # The request cannot be booked as it stands.
    ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
    SAME_ACCOUNT = "SAME_ACCOUNT"
    ASSET_MISMATCH = "ASSET_MISMATCH"
    EXCEEDS_BALANCE = "EXCEEDS_BALANCE"
    OVERFLOWS = "OVERFLOWS"
    # Of a hold that is to be posted or voided.
    HOLD_NOT_FOUND = "HOLD_NOT_FOUND"
    NOT_A_HOLD = "NOT_A_HOLD"
    ALREADY_POSTED = "ALREADY_POSTED"
    ALREADY_VOIDED = "ALREADY_VOIDED"
    # Of a transfer that is to be reversed.
    TRANSFER_NOT_FOUND = "TRANSFER_NOT_FOUND"
    NOT_POSTED = "NOT_POSTED"
    ALREADY_REVERSED = "ALREADY_REVERSED"
