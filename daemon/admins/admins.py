"""Who a caller is to us: his role, and the record of what he does.

Root and the user that the daemon runs as are admins, whatever stands anywhere: the last way in
cannot be taken away. Anybody else has the role that he was given, if the machine still calls his
uid as it did then; a uid that has another login now, or none, was given to another person, and has
no role until an admin gives it one. Whom the socket lets in without a role is a viewer.

What is known of a uid is kept for a minute, so that a call costs no question to the machine or
the database; a role that is set holds at once.
"""

from dataclasses import dataclass

from pulsarack.daemon import log as logging
from pulsarack.daemon.admins.users import ROOT, MachineUsers, Users
from pulsarack.daemon.admins.witness import Pending
from pulsarack.daemon.context import Context
from pulsarack.daemon.control_protocol import CallError
from pulsarack.daemon.errors import DaemonError
from pulsarack.daemon.outside import CALLER
from pulsarack.daemon.pressure import Pressure
from pulsarack.queue import admin_acts, admins
from pulsarack.queue.admin_acts import Act, ActOutcome, Noted
from pulsarack.queue.admins import Admin, Role

KNOWN_SECONDS = 60.0
MOST_KNOWN = 1000
# Refusals of one user that are kept in an hour; what is beyond is only counted.
REFUSALS_AN_HOUR = 100
_HOUR_SECONDS = 3600.0
_SEAL_SHOWN = 16


@dataclass(frozen=True, slots=True)
class UserStanding:
    """What a user is to us, and why."""

    uid: int
    login: str
    role: Role
    why: str


class Admins:
    """One for the daemon."""

    def __init__(
        self, context: Context, pressure: Pressure | None = None, users: Users | None = None
    ) -> None:
        self._context = context
        self._pressure = pressure
        self.users = users or MachineUsers()
        self._known: dict[int, tuple[UserStanding, float]] = {}
        self._told: set[tuple[int, str | None]] = set()
        self._refusals: dict[int, int] = {}
        self._refusals_since = 0.0
        self._counts = {"acts": 0, "not_allowed": 0, "unrecorded": 0}
        self._log = logging.get()

    def figures(self) -> dict[str, int]:
        """Since the start: acts that were recorded, calls that a role does not allow, and
        refusals that were not kept."""
        return dict(self._counts)

    # --- who a caller is ---

    def known(self, uid: int) -> UserStanding | None:
        """What is known of a uid without asking."""
        found = self._known.get(uid)
        if found is None or self._context.clock.monotonic() > found[1]:
            return None
        return found[0]

    async def standing(self, uid: int) -> UserStanding:
        """What a uid is to us; raises Busy."""
        # Who is known is not known for longer because he asks: his uid may be another's by now.
        if (known := self.known(uid)) is not None:
            return known
        found = await self._find(uid)
        if uid not in self._known and len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[uid] = (found, self._context.clock.monotonic() + KNOWN_SECONDS)
        return found

    def forget(self) -> None:
        """A role has changed."""
        self._known.clear()
        self._told.clear()

    async def _find(self, uid: int) -> UserStanding:
        if uid == ROOT:
            return UserStanding(uid, "root", Role.ADMIN, "root is always admin")
        login = await self.users.login_of(uid)
        shown = login or f"uid {uid}"
        if uid == self.users.own_uid:
            return UserStanding(uid, shown, Role.ADMIN, "the daemon runs as this user")
        if uid == self.users.overflow_uid:
            self._tell_hidden(uid)
            return UserStanding(uid, shown, Role.VIEWER, "the kernel does not tell who it is")
        row = await self._context.store.read_for(CALLER.get(), lambda db: admins.find(db, uid))
        return self._by_row(uid, login, row)

    def _by_row(self, uid: int, login: str | None, row: Admin | None) -> UserStanding:
        shown = login or f"uid {uid}"
        if row is None:
            return UserStanding(uid, shown, Role.VIEWER, "no role was given")
        if row.login == login:
            return UserStanding(uid, shown, Role(row.role), f"given by {row.set_by}")
        if (uid, login) not in self._told:
            self._told.add((uid, login))
            self._log.warning("admin.login_changed", uid=uid, login=shown, was=row.login)
        why = f"uid {uid} was {row.login} when it was given a role, and is not any more"
        return UserStanding(uid, shown, Role.VIEWER, why)

    def _tell_hidden(self, uid: int) -> None:
        if (uid, None) not in self._told:
            self._told.add((uid, None))
            remedy = "take PrivateUsers= out of the unit"
            self._log.error("admin.uids_hidden", uid=uid, remedy=remedy)

    # --- what he does ---

    async def record(self, act: Act) -> Noted:
        """Record an act before it is done, or shown; raises Busy."""
        noted = await self._context.store.write_for(
            CALLER.get(), lambda db: admin_acts.note(db, act)
        )
        self._tell(act, noted)
        return noted

    async def end(self, act: Act) -> None:
        """Record how an act ended that was begun; if that cannot be, say so."""
        try:
            # As the daemon's own, which is never refused.
            self._tell(act, await self._context.store.write(lambda db: admin_acts.note(db, act)))
        except DaemonError as error:
            self._counts["unrecorded"] += 1
            self._log.error("admin.unrecorded", call=act.call, uid=act.uid, why=str(error))

    def noted(self, pending: Pending) -> None:
        """What was recorded with an act is on disk."""
        for act, noted in pending.noted:
            if act.outcome == ActOutcome.REFUSED:
                self._count_refusal(act.uid)
            self._tell(act, noted)

    def keeps_refusals(self, uid: int) -> bool:
        """Whether a refusal of this user is kept: so many are, in an hour."""
        now = self._context.clock.monotonic()
        if now - self._refusals_since >= _HOUR_SECONDS:
            self._refusals_since = now
            self._refusals.clear()
        return self._refusals.get(uid, 0) < REFUSALS_AN_HOUR

    async def refused(self, act: Act) -> None:
        """Record that something was not done; of very many of one user they are only counted."""
        if not self.keeps_refusals(act.uid):
            self._counts["unrecorded"] += 1
            if self._pressure is not None:
                self._pressure.refused("REFUSALS_NOT_KEPT", uid=act.uid, call=act.call)
            return
        self._count_refusal(act.uid)
        try:
            await self.record(act)
        except DaemonError as error:
            self._counts["unrecorded"] += 1
            self._log.warning("admin.refusal_unrecorded", uid=act.uid, why=str(error))

    def not_allowed(self, standing: UserStanding, call: str, error: CallError) -> None:
        """Count that a role does not allow a call."""
        self._counts["not_allowed"] += 1
        if self._pressure is not None:
            self._pressure.refused(error.code, uid=standing.uid, call=call)

    def _tell(self, act: Act, noted: Noted) -> None:
        self._counts["acts"] += 1
        self._log.info(
            "admin.acted",
            act=noted.id,
            uid=act.uid,
            login=act.login,
            role=act.role,
            call=act.call,
            subject=act.subject,
            outcome=act.outcome,
            code=act.code,
            seal=noted.seal[:_SEAL_SHOWN],
        )

    def _count_refusal(self, uid: int) -> None:
        self._refusals[uid] = self._refusals.get(uid, 0) + 1
