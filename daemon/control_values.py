"""The kinds of values that calls of the control socket take: their bounds and their forms.

Shared by all files of arguments (`control_arguments.py` and those beside it). Amounts are rupiah.
"""

import typing
from typing import Annotated, Any

from msgspec import Meta, Struct

MOST_RUPIAH = 10**12
MOST_LISTED = 10_000
LONGEST_NAME = 100
# No control characters; \Z, since $ would let a line end pass.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*\Z"

# SQLite counts rows up to here.
RowId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Paid = Annotated[int, Meta(ge=1, le=MOST_RUPIAH)]
Listed = Annotated[int, Meta(ge=1, le=MOST_LISTED)]
Name = Annotated[str, Meta(max_length=LONGEST_NAME, pattern=PRINTABLE)]
Because = Annotated[str, Meta(max_length=500, pattern=PRINTABLE)]
# What is no day of the calendar is for the handler to say.
Day = Annotated[str, Meta(max_length=10, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """A call without arguments."""


SECRET = Meta(extra={"secret": True})
"""Marks a text as a secret: of a call that was made it is never kept (admins/masking.py)."""


def is_secret(hint: Any) -> bool:
    """Whether an annotation, or a part of it, is marked so."""
    if isinstance(hint, Meta):
        return bool(hint.extra and hint.extra.get("secret"))
    return any(
        is_secret(one) for one in (*getattr(hint, "__metadata__", ()), *typing.get_args(hint))
    )
