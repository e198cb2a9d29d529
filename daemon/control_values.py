"""The kinds of values that calls of the control socket take: their bounds and their forms.

Shared by all files of arguments (`control_arguments.py` and those beside it). Amounts are rupiah.
"""

from typing import Annotated

from msgspec import Meta

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
