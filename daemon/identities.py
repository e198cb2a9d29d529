"""Who shows which card and which modem: no two at once may, and if two do, neither sells.

One ICCID in two slots means that one of the two lies (a cloned card, a modem that remembers
the card it had before), and nobody knows which: an order sent from the wrong one would be
paid from a stock that is not its own, and evidence would be looked for in the wrong place.
One IMEI in two slots means that a modem is seen twice, or that a maker gave many the same;
those the admin names in [modems] shared_imeis.

A slot shows its identity while it holds an open modem, without a gap between what it does. If
another shows the same, both are held: the one that works ends what is past its point of no
return, reads its card again (it may have been pulled out unnoticed, on its way to the other
slot), and waits. As soon as one of them is gone the other goes on, without anybody's help.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Holder(Protocol):
    """A slot, as far as it matters here."""

    name: str

    def held_changed(self, why: str) -> None:
        """It may not sell because of this, or may again (an empty text)."""


H = TypeVar("H", bound=Holder)


@dataclass(frozen=True, slots=True)
class _Shown:
    iccid: str
    values: tuple[str, ...]  # what nobody else may show, in words


class Identities(Generic[H]):
    """What the slots show now."""

    def __init__(self, shared_imeis: Collection[str] = ()) -> None:
        self._shared_imeis = frozenset(shared_imeis)
        self._shown: dict[H, _Shown] = {}
        self._holders: dict[str, list[H]] = {}

    def show(self, holder: H, iccid: str, imei: str) -> None:
        """A slot has read who is in it."""
        self.leave(holder)
        values: tuple[str, ...] = (f"chip {iccid}",)
        if imei and imei not in self._shared_imeis:
            values += (f"IMEI {imei}",)
        self._shown[holder] = _Shown(iccid, values)
        for value in values:
            self._holders.setdefault(value, []).append(holder)
        self._tell(values)

    def leave(self, holder: H) -> None:
        """A slot holds no modem any more."""
        shown = self._shown.pop(holder, None)
        if shown is None:
            return
        for value in shown.values:
            self._holders[value].remove(holder)
        self._tell(shown.values)
        for value in shown.values:
            if not self._holders[value]:
                del self._holders[value]

    def conflict(self, holder: H) -> str:
        """Why a slot may not sell, for people; empty if it may."""
        shown = self._shown.get(holder)
        for value in shown.values if shown is not None else ():
            if len(self._holders[value]) > 1:
                others = sorted(one.name for one in self._holders[value] if one is not holder)
                return _told(value, others)
        return ""

    def with_chip(self, iccid: str) -> list[H]:
        """The slots that show a chip: one, or none, or several that lie."""
        return list(self._holders.get(f"chip {iccid}", ()))

    def every(self) -> Iterator[tuple[str, H]]:
        """Each slot in which a chip is, with its ICCID."""
        for holder, shown in self._shown.items():
            yield shown.iccid, holder

    def _tell(self, values: Collection[str]) -> None:
        for holder in {one: None for value in values for one in self._holders.get(value, ())}:
            holder.held_changed(self.conflict(holder))


def _told(value: str, others: list[str]) -> str:
    where = f"slot {others[0]}" if len(others) == 1 else f"slots {', '.join(others[:3])}"
    remedy = "take the wrong one out"
    if value.startswith("IMEI"):
        number = value.removeprefix("IMEI ")
        remedy = f'take one out, or allow it: [modems] shared_imeis = ["{number}"]'
    return f"held: {where} shows {value} too, so neither sells; {remedy}"
