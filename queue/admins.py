"""The roles of the machine's users: who was given which, and by whom.

A user is his uid, which the kernel tells of every caller; beside it stands the login that it had
when the role was given. A uid is given anew when an account is deleted, so one that has another
login now is somebody else (daemon/admins/admins.py compares). History is in `admin_acts`.
"""

from dataclasses import dataclass
from enum import StrEnum

from peewee import Database

from pulsarack.queue.rows import columns, execute, select, select_one, touched


class Role(StrEnum):
    """What a user of the machine is to us; which rights that gives: daemon/admins/rights.py."""

    VIEWER = "viewer"
    CASHIER = "cashier"
    TECHNICIAN = "technician"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Admin:
    """One user with a role; `login` as it was when the role was given, `since` milliseconds UTC."""

    uid: int
    login: str
    role: str
    since: int
    set_by: str


_SELECT = f"SELECT {columns(Admin)} FROM admin"


def find(db: Database, uid: int) -> Admin | None:
    """The row of a uid."""
    return select_one(db, Admin, f"{_SELECT} WHERE uid = ?", (uid,))


def of_login(db: Database, login: str) -> Admin | None:
    """The row of a login, whoever has it now."""
    return select_one(db, Admin, f"{_SELECT} WHERE login = ?", (login,))


def every(db: Database) -> list[Admin]:
    """All of them, by login."""
    return select(db, Admin, f"{_SELECT} ORDER BY login")


def put(db: Database, uid: int, login: str, role: Role, *, set_by: str, now_ms: int) -> None:
    """Give a user a role in place of the one before.

    What stands under his login with another uid is of an account that is gone.
    """
    execute(db, "DELETE FROM admin WHERE login = ? AND uid <> ?", (login, uid))
    execute(
        db,
        "INSERT INTO admin (uid, login, role, since, set_by) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (uid) DO UPDATE SET login = excluded.login, role = excluded.role,"
        " since = excluded.since, set_by = excluded.set_by",
        (uid, login, role.value, now_ms, set_by),
    )


def remove(db: Database, login: str) -> bool:
    """Take a role away; False if that login has none."""
    return touched(db, "DELETE FROM admin WHERE login = ?", (login,))
