"""What is warned of before it hurts: stock that runs out, and cards that expire.

Each is said once when it begins and once again on each further day that it lasts, not each
time that it is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from pulsarack.daemon.context import MS, Context
from pulsarack.daemon.schedules.day_reports import DayReports
from pulsarack.queue import chips, expiry
from pulsarack.queue.chips import ChipState
from pulsarack.queue.reports.day import DayLine

_HOUR_MS: Final = 3600 * MS
_REMEDY_STOCK: Final = "buy stock for it; see: pulsarack chip list"
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Low:
    """Stock that is too little; `hours` it lasts, None: nothing was sold today."""

    kind: str
    key: str
    stock: int
    hours: float | None


class StockWatch:
    """Compares stock with [schedules] low_stock_*."""

    def __init__(self, context: Context, reports: DayReports) -> None:
        self._context = context
        self._reports = reports
        self._warned: set[tuple[str, str]] = set()
        self._day = ""

    async def look(self) -> str:
        """Look once, and warn of what began to be low."""
        today = self._context.day()
        if today != self._day:
            self._day, self._warned = today, set()
        settings = self._context.config.schedules
        if not (settings.low_stock_chip or settings.low_stock_operator or settings.low_stock_hours):
            return "nothing is compared: all three figures of low_stock are 0"
        found = await self.low()
        log = self._context.log
        for one in found:
            if (one.kind, one.key) in self._warned:
                continue
            left = None if one.hours is None else round(one.hours, 1)
            if one.kind == "chip":
                log.warning(
                    "stock.low",
                    chip=one.key,
                    stock=one.stock,
                    hours_left=left,
                    remedy=_REMEDY_STOCK,
                )
            else:
                log.warning(
                    "stock.operator_low",
                    operator=one.key,
                    stock=one.stock,
                    hours_left=left,
                    remedy=_REMEDY_STOCK,
                )
        self._warned = {(one.kind, one.key) for one in found}
        if not found:
            return "stock is enough"
        named = ", ".join(f"{one.kind} {one.key}" for one in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        return f"stock is low: {named}{more}"

    async def low(self) -> list[Low]:
        """What is low at present, operators first."""
        context = self._context
        told = await self._reports.read(date.fromisoformat(context.day()))
        cards = await context.store.read(chips.every)
        in_service = [one for one in cards if one.state in (ChipState.ACTIVE, ChipState.RESTING)]
        operators: dict[str, DayLine] = {}
        lines = told.figures.chips
        now_ms = context.clock.now_ms()
        hours = max(1.0, (now_ms - context.day_started_at(now_ms)) / _HOUR_MS)
        for card in in_service:
            whole = operators.setdefault(card.operator or "", DayLine(card.operator or ""))
            if (line := lines.get(card.iccid)) is not None:
                whole.end += line.end
                whole.cost += line.cost
        return [
            *self._operators(operators, hours),
            *(
                Low("chip", card.iccid, stock, None)
                for card in in_service
                if (stock := lines[card.iccid].end if card.iccid in lines else 0)
                < context.config.schedules.low_stock_chip
            ),
        ]

    def _operators(self, lines: dict[str, DayLine], hours: float) -> Iterator[Low]:
        settings = self._context.config.schedules
        for key, line in sorted(lines.items()):
            lasts = line.end / (line.cost / hours) if line.cost > 0 else None
            short = lasts is not None and lasts < settings.low_stock_hours
            if short or line.end < settings.low_stock_operator:
                yield Low("operator", key, line.end, lasts)


async def look_for_expiry(context: Context) -> str:
    """Warn of each chip that expires within [schedules] expiry_days, or has expired."""
    today = context.day()
    days = context.config.schedules.expiry_days
    last = (date.fromisoformat(today) + timedelta(days=days)).isoformat()
    found = await context.store.read(lambda db: expiry.until(db, last))
    for one in found:
        context.log.warning(
            "chip.expires",
            chip=one.iccid,
            operator=one.operator,
            expires_on=one.expires_on,
            days_left=(date.fromisoformat(one.expires_on) - date.fromisoformat(today)).days,
            remedy=f"extend it, then: pulsarack chip expiry {one.iccid} DATE",
        )
    if not found:
        return f"no chip expires by {last}"
    return f"{len(found)} chips expire by {last}, the first is {found[0].iccid}"
