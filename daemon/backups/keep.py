"""Which backups stay: all of some hours, then one a day, then one a month. Pure.

The newest one that can be used always stays, and so does the newest that was verified, and those
of before the newest upgrade, since going back needs them. What stays of a day or a month is its
newest; what is verified stays rather than what is not, and what the audit found nothing in
rather than what breaks a promise: that may be all there is. One of a time that has not come yet
was made by a clock that was wrong, and takes the place of none that was made since.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pulsarack.daemon.backups.shelf import Backup

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class KeepRule:
    """As the configuration says it; `most_bytes` 0: no bound."""

    hours: int
    days: int
    months: int
    most_bytes: int = 0


def surplus(
    backups: Sequence[Backup], rule: KeepRule, *, now_ms: int, day_of: Callable[[int], str]
) -> list[Backup]:
    """What goes, oldest first; `backups` are newest first, `day_of` gives "2026-11-30"."""
    always = _always(backups) | _always([one for one in backups if one.made_at <= now_ms])
    kept = set(always)
    kept |= {one.name for one in backups if one.made_at >= now_ms - rule.hours * HOUR_MS}
    usable = [one for one in backups if not one.problem]
    for length, most in ((10, rule.days), (7, rule.months)):
        newest: dict[str, Backup] = {}
        for one in usable:
            span = day_of(one.made_at)[:length]
            if span not in newest or _worth(one) > _worth(newest[span]):
                newest[span] = one
        kept |= {newest[span].name for span in sorted(newest, reverse=True)[:most]}
    going = [one for one in backups if one.name not in kept]
    staying = [one for one in backups if one.name in kept]
    return [*reversed(going), *_too_much(staying, always, rule.most_bytes)]


def _always(backups: Sequence[Backup]) -> set[str]:
    """The newest of each kind that must not be lost."""
    kinds: tuple[Callable[[Backup], bool], ...] = (
        lambda one: not one.problem,
        lambda one: one.good,
        lambda one: one.proved,
    )
    found = (next((one for one in backups if kind(one)), None) for kind in kinds)
    return {one.name for one in found if one is not None} | _ways_back(backups)


def _ways_back(backups: Sequence[Backup]) -> set[str]:
    """Those of before the newest upgrade, one of each schema.

    An upgrade that was broken off has one more for each time that it was begun, and only the
    first is of tables that the version before knows.
    """
    made = [(one, one.manifest) for one in backups if one.good and one.before_upgrade]
    of_schema: dict[tuple[tuple[str, int], ...], str] = {}
    for one, said in made:
        if said is not None and made[0][1] is not None and said.version == made[0][1].version:
            of_schema.setdefault(tuple(sorted(said.schema.items())), one.name)
    return set(of_schema.values())


def _worth(one: Backup) -> int:
    return 2 if one.proved else int(one.good)


def _too_much(staying: Sequence[Backup], always: set[str], most: int) -> list[Backup]:
    """The oldest of those that stay, until the rest fits. A file that several share counts once."""
    gone: list[Backup] = []
    if not most:
        return gone
    left = list(staying)
    for one in reversed(staying):
        if bytes_of(left) <= most:
            break
        if one.name not in always:
            gone.append(one)
            left.remove(one)
    return gone


def bytes_of(backups: Sequence[Backup]) -> int:
    """What backups take on their disk: an archive that several share is there once."""
    copies = {
        (copied.name, copied.sha256): copied.bytes
        for one in backups
        if one.manifest is not None
        for copied in one.manifest.files
    }
    return sum(copies.values())
