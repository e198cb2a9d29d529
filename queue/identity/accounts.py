"""Accounts of agents' programs on the HTTP channel: rows, and what may stand in them.

Secrets stand here sealed (daemon/identity/secret_box.py); this file only carries them. A member
is found without regard to case, as the trade writes it both ways.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import Database

from pulsarack.queue import agents
from pulsarack.queue.identity import events, networks
from pulsarack.queue.identity.networks import check_report_url
from pulsarack.queue.rows import columns, execute, scalar, select, select_one, touched, tuples
from pulsarack.queue.validation import Refusal, RefusalCode

KINDS = ("native", "trade")
LOST = ""
"""Stands where a sealed secret was whose master key is lost: nothing opens it."""
SECRETS = ("key", "pin", "password", "report_secret")
ACCOUNTS_MOST = 20
"""Of one agent."""
NONCES_MOST = 1_000_000
# What is too old goes faster than new ones come.
_PRUNED_AT_ONCE = 4
_MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_NONCE = re.compile(r"[!-~]{1,64}", re.ASCII)
_PASSWORD = re.compile(r"[!-~]{4,64}", re.ASCII)
DIALECTS = frozenset(
    ("native", "otomax", "irs", "tiger", "serpul", "sipas", "fm", "digiflazz", "digiflazz_seller")
)
"""The forms in which results can be reported (`daemon/channels/http/dialects/`)."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account; the secrets sealed, `networks` as one text, `created_at` milliseconds UTC."""

    member: str
    agent: str
    kind: str
    key: str | None
    pin: str | None
    password: str | None
    report_secret: str | None
    may_be_unsigned: int
    networks: str
    report_url: str
    report_dialect: str
    active: int
    created_at: int


@dataclass(frozen=True, slots=True)
class Swap:
    """A password of an account that takes the place of another; both sealed."""

    member: str
    before: str
    after: str


def is_secret(text: str) -> bool:
    """Whether a text may be a password of a program: 4 to 64 visible characters of ASCII."""
    return _PASSWORD.fullmatch(text) is not None


def is_member(text: str) -> bool:
    """Whether a text has the form of a member id."""
    return _MEMBER.fullmatch(text) is not None


def check(account: Account) -> Refusal | None:
    """What is wrong with an account that is to be made, if anything is."""
    if not _MEMBER.fullmatch(account.member):
        return _bad("that is not a member id", "up to 64 letters, digits and . _ @ -")
    if account.kind not in KINDS:
        return _bad("there is no such kind", f"the kinds are {' and '.join(KINDS)}")
    if account.kind == "native" and account.key is None:
        return _bad("a native account needs a key", "let one be made")
    if account.kind == "native" and account.may_be_unsigned:
        return _bad("the native API takes nothing without a signature", "make it a trade account")
    if account.kind == "trade" and account.key is account.pin is account.password is None:
        return _bad("an account needs a secret", "give a key, or PIN and password")
    if account.may_be_unsigned and not account.networks:
        remedy = "name the networks it comes from (0.0.0.0/0 and ::/0 are all)"
        return _bad("without a signature an account needs an allow-list", remedy)
    return None


def add(db: Database, account: Account, *, by: str, now_ms: int) -> Refusal | None:
    """Make an account."""
    if wrong := check(account):
        return wrong
    if agents.find(db, account.agent) is None:
        return agents.unknown(account.agent)
    if find(db, account.member) is not None:
        return _bad("the member id is taken", "take another one")
    if len(of_agent(db, account.agent)) >= ACCOUNTS_MOST:
        return _bad(f"the agent has {ACCOUNTS_MOST} accounts already", "use one of them")
    names = columns(Account)
    marks = ", ".join("?" * len(Account.__dataclass_fields__))
    values = tuple(getattr(account, name) for name in Account.__dataclass_fields__)
    execute(db, f"INSERT INTO api_account ({names}) VALUES ({marks})", values)
    events.note(db, account.agent, "ACCOUNT_MADE", account.member, by=by, now_ms=now_ms)
    return None


def find(db: Database, member: str) -> Account | None:
    """The account of that member id, in whatever case it is written."""
    sql = f"SELECT {columns(Account)} FROM api_account WHERE member = ?"
    return select_one(db, Account, sql, (member,))


def open_for_orders(db: Database, member: str) -> Account | None:
    """The same, if both the account and its agent are active."""
    names = ", ".join(f"one.{name}" for name in Account.__dataclass_fields__)
    return select_one(
        db,
        Account,
        f"SELECT {names} FROM api_account AS one JOIN agent ON agent.code = one.agent"
        " WHERE one.member = ? AND one.active = 1 AND agent.active = 1",
        (member,),
    )


def of_agent(db: Database, agent: str) -> list[Account]:
    """An agent's accounts."""
    sql = f"SELECT {columns(Account)} FROM api_account WHERE agent = ? ORDER BY member"
    return select(db, Account, sql, (agent,))


def every(db: Database) -> list[Account]:
    """All of them, by agent."""
    sql = f"SELECT {columns(Account)} FROM api_account ORDER BY agent, member"
    return select(db, Account, sql)


def set_active(db: Database, account: Account, active: bool, *, by: str, now_ms: int) -> None:
    """Let an account order, or no more."""
    execute(db, "UPDATE api_account SET active = ? WHERE member = ?", (int(active), account.member))
    what: events.What = "ACCOUNT_ON" if active else "ACCOUNT_OFF"
    events.note(db, account.agent, what, account.member, by=by, now_ms=now_ms)


def put_secret(
    db: Database, account: Account, which: str, sealed: str | None, *, by: str, now_ms: int
) -> Refusal | None:
    """Give an account another secret, or (None) take one away."""
    if which not in SECRETS:
        raise ValueError(f"an account has no {which}")
    left = [one for one in SECRETS[:-1] if one != which and getattr(account, one)]
    if sealed is None and (not left or (which == "key" and account.kind == "native")):
        return _bad("the account needs that secret", "give it another one, or switch it off")
    execute(db, f"UPDATE api_account SET {which} = ? WHERE member = ?", (sealed, account.member))
    about = f"{account.member} {which}"
    events.note(db, account.agent, "ACCOUNT_SECRET", about, by=by, now_ms=now_ms)
    return None


def swap_passwords(db: Database, agent: str, swaps: Sequence[Swap], *, now_ms: int) -> int:
    """Other passwords for an agent's own accounts, unless changed meanwhile; how many."""
    done = 0
    for swap in swaps:
        sql = "UPDATE api_account SET password = ? WHERE member = ? AND agent = ? AND password = ?"
        if touched(db, sql, (swap.after, swap.member, agent, swap.before)):
            about = f"{swap.member} password"
            events.note(db, agent, "ACCOUNT_SECRET", about, by=agent, now_ms=now_ms)
            done += 1
    return done


def reseal(db: Database, account: Account, before: Account) -> None:
    """Keep the same secrets, sealed anew; unless somebody has changed one meanwhile."""
    assignments = ", ".join(f"{which} = ?" for which in SECRETS)
    unchanged = " AND ".join(f"{which} IS ?" for which in SECRETS)
    values = [getattr(account, which) for which in SECRETS]
    values += [before.member, *(getattr(before, which) for which in SECRETS)]
    execute(
        db, f"UPDATE api_account SET {assignments} WHERE member = ? AND {unchanged}", tuple(values)
    )


def put_networks(
    db: Database, account: Account, typed: list[str], *, by: str, now_ms: int
) -> Refusal | None:
    """Say where an account may call from; no network: from everywhere."""
    text = networks.listed(typed)
    if isinstance(text, Refusal):
        return text
    if account.may_be_unsigned and not text:
        return _bad("without a signature an account needs an allow-list", "name a network")
    execute(db, "UPDATE api_account SET networks = ? WHERE member = ?", (text, account.member))
    about = f"{account.member} {text}".strip()
    events.note(db, account.agent, "ACCOUNT_NETWORKS", about, by=by, now_ms=now_ms)
    return None


def check_report(url: str, dialect: str, *, by_admin: bool) -> Refusal | None:
    """What is wrong with where and how results are to be reported, if anything is."""
    if dialect and dialect not in DIALECTS:
        return _bad("there is no such dialect", f"one of {', '.join(sorted(DIALECTS))}")
    return check_report_url(url, by_admin=by_admin) if url else None


def put_report(
    db: Database, account: Account, url: str, dialect: str, *, by: str, by_admin: bool, now_ms: int
) -> Refusal | None:
    """Say where an account's results are reported to, and how; an empty URL: nowhere."""
    if wrong := check_report(url, dialect, by_admin=by_admin):
        return wrong
    execute(
        db,
        "UPDATE api_account SET report_url = ?, report_dialect = ? WHERE member = ?",
        (url, dialect, account.member),
    )
    # Not the URL itself: programs of the trade put keys into it.
    events.note(db, account.agent, "ACCOUNT_REPORT", account.member, by=by, now_ms=now_ms)
    return None


def report_to(db: Database, agent: str, url: str, *, now_ms: int) -> int | Refusal:
    """An agent says where his results are reported to: of all his accounts; how many."""
    own = of_agent(db, agent)
    for one in own:
        dialect = one.report_dialect
        wrong = put_report(db, one, url, dialect, by=agent, by_admin=False, now_ms=now_ms)
        if wrong:
            return wrong
    return len(own)


def call_from(db: Database, agent: str, typed: str, *, now_ms: int) -> int | Refusal:
    """An agent says which one address his programs call from: of all his accounts; how many."""
    if networks.address(typed.strip()) is None:
        what = f"'{typed[:60]}' is not an address"
        return Refusal(RefusalCode.BAD_NETWORK, what, "write it as 203.0.113.7")
    own = of_agent(db, agent)
    for one in own:
        wrong = put_networks(db, one, [typed], by=agent, now_ms=now_ms)
        if wrong:
            return wrong
    return len(own)


def use_nonce(db: Database, member: str, nonce: str, now_ms: int, window_ms: int) -> bool:
    """Write down that a nonce was used; False: it was before, or too many are kept.

    `window_ms`: how far a stamp may be off, ahead as well as behind; so a nonce is kept for
    twice as long, and only what nobody would take any more goes. Raises ValueError for a
    nonce that does not have 1 to 64 printable characters of ASCII.
    """
    if not _NONCE.fullmatch(nonce):
        raise ValueError("a nonce has 1 to 64 printable characters of ASCII")
    oldest = now_ms - 2 * window_ms
    # Before anything is written: a repeat is refused by raising, and for a job that raises when it
    # has written something the store does the work of its neighbours once more.
    known = "SELECT id, at FROM api_nonce WHERE member = ? AND nonce = ?"
    for row, at in tuples(db, known, (member, nonce)):
        if at >= oldest:
            return False
        execute(db, "DELETE FROM api_nonce WHERE id = ?", (row,))
    execute(
        db,
        "DELETE FROM api_nonce WHERE id IN (SELECT id FROM api_nonce ORDER BY id LIMIT ?)"
        " AND at < ?",
        (_PRUNED_AT_ONCE, oldest),
    )
    kept = scalar(db, "SELECT (SELECT max(id) FROM api_nonce) - (SELECT min(id) FROM api_nonce)")
    if kept is not None and kept >= NONCES_MOST:
        return False
    return touched(
        db,
        "INSERT INTO api_nonce (member, nonce, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (member, nonce, now_ms),
    )


def masters(db: Database, digits: int) -> dict[str, int]:
    """How many secrets are sealed under each master key, by the first digits of what is sealed."""
    found: dict[str, int] = {}
    for which in SECRETS:
        sql = f"SELECT substr({which}, 1, ?), count(*) FROM api_account"
        for name, count in tuples(db, f"{sql} WHERE {which} <> ? GROUP BY 1", (digits, LOST)):
            found[name] = found.get(name, 0) + count
    return found


def forget(db: Database, master: str, *, by: str, now_ms: int) -> int:
    """Take away what was sealed with a master key that is lost; how many secrets."""
    done = 0
    for account in every(db):
        for which in SECRETS:
            if str(getattr(account, which) or LOST).startswith(f"{master}:"):
                sql = f"UPDATE api_account SET {which} = ? WHERE member = ?"
                execute(db, sql, (LOST, account.member))
                about = f"{account.member} {which} lost"
                events.note(db, account.agent, "ACCOUNT_SECRET", about, by=by, now_ms=now_ms)
                done += 1
    return done


def _bad(what: str, remedy: str) -> Refusal:
    return Refusal(RefusalCode.BAD_ACCOUNT, what, remedy)
