"""The arguments of the calls about admins, as `control_arguments.py` has those of all others."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pulsarack.daemon.control_values import PRINTABLE, Day, Listed, Nothing

# As long as Linux lets one be (useradd(8)), and what a directory may add.
Login = Annotated[str, Meta(min_length=1, max_length=100, pattern=PRINTABLE)]
CallName = Annotated[str, Meta(min_length=1, max_length=100, pattern=PRINTABLE)]


class AdminRole(Struct, frozen=True, forbid_unknown_fields=True):
    """admin.role: "none" takes the role away."""

    login: Login
    role: Literal["viewer", "cashier", "technician", "admin", "none"]


class AdminLog(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """admin.log: the newest acts, of one login and of one call if they are named."""

    login: Login | None = None
    call: CallName | None = None
    since: Day | None = None
    limit: Listed | None = None


ARGUMENTS: dict[str, type[Struct]] = {
    "admin.list": Nothing,
    "admin.whoami": Nothing,
    "admin.role": AdminRole,
    "admin.log": AdminLog,
}
