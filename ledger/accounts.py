"""Account codes: `type:kind:name`, built here and nowhere else.

The first segment is the account's type and decides on which side the account grows;
the rest names it. Only characters that survive a file name, a URL and a terminal are
let in, so that a code can be shown and typed anywhere.
"""

import functools
import re
from enum import StrEnum

from pulsarack.ledger.errors import AccountCodeError


class AccountType(StrEnum):
    """The first segment of a code."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"
    SUSPENSE = "suspense"
    TRADING = "trading"

    @property
    def grows_by_debit(self) -> bool:
        """Whether a debit raises the balance that is shown.

        True for what we own and what we spent; also for suspense (a positive balance
        is value that is missing) and trading (units we still have to account for).
        """
        return self not in _GROW_BY_CREDIT


_GROW_BY_CREDIT = frozenset({AccountType.LIABILITY, AccountType.EQUITY, AccountType.INCOME})

SALES = "income:sales"
AIRTIME = "expense:airtime"
COMMISSION_EXPENSE = "expense:commission"
OPENING = "equity:opening"
DISCREPANCY = "suspense:discrepancy"
STOCK_LOSS = "expense:stock-loss"
STOCK_GAIN = "income:stock-gain"

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def agent(code: str) -> str:
    """The deposit of an agent: what we owe him."""
    return _code(AccountType.LIABILITY, "agent", code)


def commission(code: str) -> str:
    """The commission an agent has earned and not drawn yet."""
    return _code(AccountType.LIABILITY, "commission", code)


def chip(iccid: str) -> str:
    """The dealer stock on a chip, keyed by the card and not by its slot or modem."""
    return _code(AccountType.ASSET, "chip", iccid)


def supplier(name: str) -> str:
    """Our deposit at a supplier."""
    return _code(AccountType.ASSET, "supplier", name)


def bank(name: str) -> str:
    """Our money at a bank."""
    return _code(AccountType.ASSET, "bank", name)


def trading(unit: str) -> str:
    """The counterpart of stock that is counted in pieces of `unit`."""
    return _code(AccountType.TRADING, unit)


def account_type(code: str) -> AccountType:
    """The type that a code's first segment names; raises if it is not a valid code."""
    first, *rest = code.split(":")
    try:
        found = AccountType(first)
    except ValueError:
        known = ", ".join(AccountType)
        raise AccountCodeError(code, f"it must begin with one of {known}") from None
    if not rest:
        raise AccountCodeError(code, f"a name must follow {first}:")
    _code(found, *rest)
    return found


# An account is named some times with every order; so many are kept, the latest used ones.
@functools.lru_cache(maxsize=4096)
def _code(kind: AccountType, *segments: str) -> str:
    code = ":".join((kind, *segments))
    for segment in segments:
        if not _SEGMENT.fullmatch(segment):
            raise AccountCodeError(
                code,
                f"{segment!r} must be 1 to 64 letters, digits, dots, underscores or hyphens "
                "and begin with a letter or a digit",
            )
    return code
