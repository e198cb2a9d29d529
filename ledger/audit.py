"""Checking the books against themselves.

The journal is taken as the truth and everything else is worked out again from it:
balances, limits, how holds ended. The database refuses most of this on the way in; the
audit does not rely on that and finds what a restored backup, a repair by hand or a
fault in the schema left behind. Each rule is one function that yields findings with
the row they are about; it reads only, and all rules should see one snapshot.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from peewee import Database

from pulsarack.ledger import closing, sql


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that breaks a rule: which rule, which row, and in what way."""

    rule: str
    subject: str
    detail: str


def audit(db: Database) -> list[Finding]:
    """Everything that is wrong with the books; [] if they are sound."""
    return list(findings(db))


def findings(db: Database) -> Iterator[Finding]:
    """The same, one by one: what came before a row that cannot be read is not lost."""
    for rule in RULES:
        for subject, detail in rule(db):
            yield Finding(rule.__name__, subject, detail)


Findings = Iterator[tuple[str, str]]


def balances_follow_from_the_journal(db: Database) -> Findings:
    """The four cached sums of each account are what it brought forward and its rows, added up."""
    for code, *sums in sql.run(db, _RECOMPUTED):
        cached, recomputed = sums[:4], sums[4:]
        for name, has, should in zip(_SUMS, cached, recomputed, strict=True):
            if has != should:
                yield code, f"{name} is {has}, the journal says {should}"


def assets_sum_to_zero(db: Database) -> Findings:
    """Per asset, all debits equal all credits, posted and held (P3)."""
    totals: dict[str, list[int]] = {}
    for asset, *sums in sql.run(db, f"SELECT asset, {', '.join(_SUMS)} FROM account"):
        so_far = totals.setdefault(asset, [0] * len(_SUMS))
        totals[asset] = [old + new for old, new in zip(so_far, sums, strict=True)]
    for asset, (debits, held_debits, credits_, held_credits) in sorted(totals.items()):
        if debits != credits_:
            yield asset, f"posted debits {debits}, credits {credits_}"
        if held_debits != held_credits:
            yield asset, f"held debits {held_debits}, credits {held_credits}"


def limited_accounts_are_within_limits(db: Database) -> Findings:
    """No limited deposit is overdrawn and no limited stock oversold."""
    for code, out, into in sql.run(db, _OVER_LIMIT):
        yield code, f"{out} went or is held to go out, {into} came in"


def deposits_and_stocks_are_limited(db: Database) -> Findings:
    """No agent's deposit and no chip's stock lost the limit that keeps it from overdraft."""
    for (code,) in sql.run(db, _WITHOUT_LIMIT):
        yield code, "is not limited, so that it can be overdrawn"


def resolutions_match_their_holds(db: Database) -> Findings:
    """A post or a void repeats accounts, asset and amount of a hold that exists."""
    for transfer_id, phase, hold_id in sql.run(db, _WRONG_RESOLUTION):
        yield transfer_id, f"this {phase} does not match a hold {hold_id}"


def holds_end_once(db: Database) -> Findings:
    """A hold is posted or voided, not both and not twice."""
    for hold_id, times, ids in sql.run(
        db,
        "SELECT hold_id, count(*), group_concat(id, ', ') FROM transfer "
        "WHERE hold_id IS NOT NULL GROUP BY hold_id HAVING count(*) > 1 ORDER BY hold_id",
    ):
        yield hold_id, f"resolved {times} times: {ids}"


def reversals_match_and_happen_once(db: Database) -> Findings:
    """A reversal mirrors a booked transfer, and none is reversed twice."""
    for transfer_id, reverses in sql.run(db, _WRONG_REVERSAL):
        yield transfer_id, f"does not mirror a booked transfer {reverses}"
    for reverses, ids in sql.run(
        db,
        "SELECT reverses, group_concat(id, ', ') FROM transfer WHERE reverses IS NOT NULL "
        "GROUP BY reverses HAVING count(*) > 1 ORDER BY reverses",
    ):
        yield reverses, f"reversed by several: {ids}"


def assets_agree(db: Database) -> Findings:
    """Both accounts of a transfer exist and keep the transfer's asset."""
    for transfer_id, asset, code, found in sql.run(db, _WRONG_ASSET):
        why = f"is in {found}" if found else "does not exist"
        yield transfer_id, f"moves {asset} but account {code} {why}"


def rows_are_well_formed(db: Database) -> Findings:
    """Amounts are whole and positive, phases known, accounts two, ids as derived."""
    for transfer_id, phase, debit, credit, amount in sql.run(db, _MALFORMED):
        yield str(transfer_id), f"{phase} of {amount!r} from {credit} to {debit}"


def no_row_is_missing(db: Database) -> Findings:
    """Numbers follow on each other: a gap is a row that was taken out, unless it was archived."""
    closed = closing.closed_rows(db)
    last = sql.run(db, "SELECT coalesce(max(sequence), 0) FROM transfer").fetchall()[0][0]
    issued = sql.one(db, "SELECT seq FROM sqlite_sequence WHERE name = 'transfer'")
    if closed:
        yield from _closed_rows_fill_the_gaps(db, closed, issued[0] if issued else 0)
        return
    rows = sql.run(
        db,
        "SELECT sequence, before FROM (SELECT sequence, "
        "coalesce(lag(sequence) OVER (ORDER BY sequence), 0) AS before FROM transfer) "
        "WHERE sequence <> before + 1 ORDER BY sequence",
    )
    for sequence, before in rows:
        yield f"transfer number {sequence}", f"the row before it has number {before}"
    if issued is not None and issued[0] != last:
        yield f"transfer number {issued[0]}", f"was issued, but the last row has number {last}"


def _closed_rows_fill_the_gaps(
    db: Database, closed: Sequence[closing.ClosedRows], issued: int
) -> Findings:
    """How many are missing, and the sum of their numbers, are what left for the archives."""
    found = sql.run(db, "SELECT count(*), coalesce(sum(sequence), 0) FROM transfer").fetchall()
    rows, sequences = found[0]
    archived = sum(one.rows for one in closed)
    if rows + archived != issued:
        yield "the journal", f"{issued} rows were issued, {rows} are here, {archived} are archived"
    elif sequences + sum(one.sequences for one in closed) != issued * (issued + 1) // 2:
        yield "the journal", "the rows that are missing are not those that were archived"


def nothing_held_was_brought_forward(db: Database) -> Findings:
    """What left for an archive had ended, and each account is one of the books."""
    for one in closing.brought_forward(db):
        if one.debits_held or one.credits_held:
            held = f"debits held {one.debits_held}, credits held {one.credits_held}"
            yield one.account, f"brought forward from {one.archive} with {held}"
    for (sequence,) in sql.run(db, "SELECT sequence FROM transfer_copy"):
        yield f"transfer number {sequence}", "is being archived, for ever"


RULES: tuple[Callable[[Database], Findings], ...] = (
    balances_follow_from_the_journal,
    assets_sum_to_zero,
    limited_accounts_are_within_limits,
    deposits_and_stocks_are_limited,
    resolutions_match_their_holds,
    holds_end_once,
    reversals_match_and_happen_once,
    assets_agree,
    rows_are_well_formed,
    no_row_is_missing,
    nothing_held_was_brought_forward,
)

_SUMS = ("debits_posted", "debits_held", "credits_posted", "credits_held")

_RECOMPUTED = """
WITH legs (code, amount, is_debit, phase) AS (
    SELECT debit, amount, 1, phase FROM transfer
    UNION ALL SELECT credit, amount, 0, phase FROM transfer
), parts AS (
    SELECT code,
        sum(amount * is_debit * (phase IN ('posted', 'post'))) AS debits_posted,
        sum(amount * is_debit * ((phase = 'held') - (phase IN ('post', 'void')))) AS debits_held,
        sum(amount * (1 - is_debit) * (phase IN ('posted', 'post'))) AS credits_posted,
        sum(amount * (1 - is_debit) * ((phase = 'held') - (phase IN ('post', 'void'))))
            AS credits_held
    FROM legs GROUP BY code
    UNION ALL SELECT account, debits_posted, debits_held, credits_posted, credits_held
        FROM brought_forward
), sums AS (
    SELECT code, sum(debits_posted) AS debits_posted, sum(debits_held) AS debits_held,
        sum(credits_posted) AS credits_posted, sum(credits_held) AS credits_held
    FROM parts GROUP BY code
)
SELECT account.code, account.debits_posted, account.debits_held, account.credits_posted,
    account.credits_held, coalesce(sums.debits_posted, 0), coalesce(sums.debits_held, 0),
    coalesce(sums.credits_posted, 0), coalesce(sums.credits_held, 0)
FROM account LEFT JOIN sums USING (code) ORDER BY account.code
"""

_OVER_LIMIT = """
SELECT code, debits_posted + debits_held, credits_posted FROM account
    WHERE limited AND type = 'liability' AND debits_posted + debits_held > credits_posted
UNION ALL
SELECT code, credits_posted + credits_held, debits_posted FROM account
    WHERE limited AND type = 'asset' AND credits_posted + credits_held > debits_posted
ORDER BY code
"""

_WITHOUT_LIMIT = """
SELECT code FROM account WHERE limited IS NOT 1
    AND (code GLOB 'liability:agent:*' OR code GLOB 'asset:chip:*') ORDER BY code
"""

_WRONG_RESOLUTION = """
SELECT done.id, done.phase, done.hold_id FROM transfer AS done
LEFT JOIN transfer AS hold ON hold.id = done.hold_id AND hold.phase = 'held'
    AND hold.debit = done.debit AND hold.credit = done.credit AND hold.asset = done.asset
    AND hold.amount = done.amount AND hold.sequence < done.sequence
WHERE done.phase IN ('post', 'void') AND hold.id IS NULL ORDER BY done.sequence
"""

_WRONG_REVERSAL = """
SELECT mirror.id, mirror.reverses FROM transfer AS mirror
LEFT JOIN transfer AS mistake ON mistake.id = mirror.reverses
    AND mistake.phase IN ('posted', 'post') AND mistake.debit = mirror.credit
    AND mistake.credit = mirror.debit AND mistake.asset = mirror.asset
    AND mistake.amount = mirror.amount AND mistake.sequence < mirror.sequence
WHERE mirror.reverses IS NOT NULL AND mistake.id IS NULL ORDER BY mirror.sequence
"""

_WRONG_ASSET = """
SELECT transfer.id, transfer.asset, leg.code, account.asset FROM transfer
JOIN (SELECT sequence, debit AS code FROM transfer
      UNION ALL SELECT sequence, credit FROM transfer) AS leg USING (sequence)
LEFT JOIN account ON account.code = leg.code
WHERE account.asset IS NOT transfer.asset ORDER BY transfer.sequence, leg.code
"""

_MALFORMED = """
SELECT id, phase, debit, credit, amount FROM transfer
WHERE typeof(amount) <> 'integer' OR amount <= 0 OR debit = credit
    OR phase NOT IN ('posted', 'held', 'post', 'void')
    OR (hold_id IS NOT NULL) <> (phase IN ('post', 'void'))
    OR (hold_id IS NOT NULL AND id <> hold_id || ':' || phase)
ORDER BY sequence
"""
