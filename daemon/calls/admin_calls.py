"""The calls about admins: who has which role, what each may do, and what each did."""

import json
from dataclasses import asdict
from datetime import date
from typing import Any

from peewee import Database

from pulsarack.daemon import calendar
from pulsarack.daemon.admins.admins import Admins
from pulsarack.daemon.admins.rights import RIGHTS_OF, RULES, may
from pulsarack.daemon.admins.users import ROOT
from pulsarack.daemon.calls.office import Office, not_found
from pulsarack.daemon.control_admins import AdminLog, AdminRole
from pulsarack.daemon.control_protocol import CallError, Calls, Peer
from pulsarack.daemon.control_values import Nothing
from pulsarack.queue import admin_acts, admins
from pulsarack.queue.admin_acts import ActRow
from pulsarack.queue.admins import Admin, Role

LOG_LIMIT = 50
LOG_MOST = 1000
_SEE = "see: pulsarack admin list"


class AdminCalls:
    """Answers what is asked about admins."""

    def __init__(self, office: Office, known: Admins) -> None:
        self._context = office.context
        self._admins = known

    def register(self, calls: Calls) -> None:
        """Add the calls to the registry."""
        calls.add("admin.list", self.list)
        calls.add("admin.whoami", self.whoami)
        calls.add("admin.role", self.role)
        calls.add("admin.log", self.log)

    async def list(self, _args: Nothing, _peer: Peer) -> dict[str, Any]:
        """All users with a role; of each whether the machine still calls it so."""
        rows = await self._context.store.read(admins.every)
        return {"admins": [await self._row(row) for row in rows]}

    async def whoami(self, _args: Nothing, peer: Peer) -> dict[str, Any]:
        """Who the caller is to us, and which calls he may make."""
        standing = await self._admins.standing(peer.uid)
        return {
            "uid": standing.uid,
            "login": standing.login,
            "role": standing.role.value,
            "why": standing.why,
            "rights": sorted(right.value for right in RIGHTS_OF[standing.role]),
            "may": sorted(call for call in RULES if may(standing.role, call)),
        }

    async def role(self, args: AdminRole, peer: Peer) -> dict[str, Any]:
        """Give a user of the machine a role, or take it away."""
        if args.role == "none":
            return await self._take_away(args.login, peer)
        uid = await self._uid_of(args.login)
        role, now_ms = Role(args.role), self._context.clock.now_ms()
        set_by = f"{peer.login} (uid {peer.uid})"

        def job(db: Database) -> str | None:
            before = admins.find(db, uid)
            admins.put(db, uid, args.login, role, set_by=set_by, now_ms=now_ms)
            return before.role if before and before.login == args.login else None

        before = await self._context.store.write(job)
        self._told(uid, args.login, role.value, before, set_by)
        entry = await self._admins.users.entry(args.login, self._context.config.daemon.socket)
        return {
            "uid": uid,
            "login": args.login,
            "role": role.value,
            "before": before,
            "group": entry.group if entry else None,
            "let_in": entry.let_in if entry else None,
        }

    async def log(self, args: AdminLog, _peer: Peer) -> dict[str, Any]:
        """The newest acts."""
        since, limit = self._since(args.since), min(args.limit or LOG_LIMIT, LOG_MOST)
        rows = await self._context.store.read(
            lambda db: admin_acts.listed(
                db, login=args.login, call=args.call, since=since, limit=limit
            )
        )
        return {"acts": [_act(row) for row in rows]}

    async def _row(self, row: Admin) -> dict[str, Any]:
        login = await self._admins.users.login_of(row.uid)
        return {**asdict(row), "holds": login == row.login, "login_now": login}

    async def _take_away(self, login: str, peer: Peer) -> dict[str, Any]:
        set_by = f"{peer.login} (uid {peer.uid})"

        def job(db: Database) -> Admin | None:
            row = admins.of_login(db, login)
            admins.remove(db, login)
            return row

        row = await self._context.store.write(job)
        if row is None:
            raise not_found("role of", login, _SEE)
        self._told(row.uid, login, "none", row.role, set_by)
        return {"uid": row.uid, "login": login, "role": None, "before": row.role}

    async def _uid_of(self, login: str) -> int:
        users = self._admins.users
        uid = await users.uid_of(login)
        if uid is None:
            message = f"this machine has no user {login[:40]!r}"
            raise CallError("NO_SUCH_USER", message, f"make one: sudo adduser {login[:40]}")
        if uid in (ROOT, users.own_uid):
            message = f"{login} is always admin here"
            raise CallError("ALWAYS_ADMIN", message, "give roles to people's own logins")
        if uid == users.overflow_uid:
            message = f"{login} stands for whoever the kernel does not name"
            raise CallError("NOBODY", message, "give roles to people's own logins")
        return uid

    def _told(self, uid: int, login: str, role: str, before: str | None, set_by: str) -> None:
        self._admins.forget()
        self._context.log.warning(
            "admin.role_set", uid=uid, login=login, role=role, before=before, by=set_by
        )

    def _since(self, day: str | None) -> int:
        if day is None:
            return 0
        try:
            zone = self._context.config.daemon.timezone
            return calendar.bounds_of(date.fromisoformat(day), zone)[0]
        except (ValueError, OverflowError):
            message = f"{day!r} is not a day"
            raise CallError("BAD_DAY", message, "write it as 2026-11-30") from None


def _act(row: ActRow) -> dict[str, Any]:
    return {**asdict(row), "arguments": json.loads(row.arguments)}
