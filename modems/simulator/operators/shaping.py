"""What a fault makes of an answer. The booking is over; here only the telling goes wrong.

Two channels: operators whose result is the last USSD screen, and operators whose result is an
SMS. Both start from the normal answer and bend it by the receipt's fault.
"""

from dataclasses import replace

from pulsarack.modems.simulator.faults import FaultKind
from pulsarack.modems.simulator.operators.answer import (
    Answer,
    Garble,
    Hang,
    Report,
    Screen,
    ScreenStatus,
    Storm,
    Unplug,
    Weather,
)
from pulsarack.modems.simulator.operators.exchange import Receipt
from pulsarack.modems.simulator.operators.mobile_operator import Operator, foreign

REPORT_SHARE = 0.5


def on_screen(operator: Operator, receipt: Receipt) -> Answer:
    """The answer of a USSD operator to a top-up request."""
    rng = receipt.rng
    text = operator.success(receipt) if receipt.delivered else operator.failure(receipt)
    normal = Answer(
        screens=(Screen(operator.last_status(rng), text),),
        reports=_stock_in_reports(operator, receipt),
        weather=_weather(receipt),
    )
    match receipt.fault.kind if receipt.fault else None:
        case FaultKind.DONE_NO_REPLY | FaultKind.NOT_DONE_NO_REPLY | FaultKind.LATE_SMS:
            return _lost_screen(operator, receipt)
        case FaultKind.LATE_BOOKING if rng.random() < 0.7:
            return _lost_screen(operator, receipt)
        case FaultKind.HANG | FaultKind.UNPLUG:
            # What is on its way to a deaf modem is lost; only an SMS waits for it.
            return replace(normal, screens=(), reports=_late_reports(operator, receipt))
        case FaultKind.DOUBLED_REPLY:
            again = replace(normal.screens[0], after=rng.uniform(0.5, 2.0))
            return replace(normal, screens=(*normal.screens, again))
        case FaultKind.FOREIGN_REPLY:
            return _foreign_first(operator, receipt, normal)
        case _:
            return normal


def by_text(operator: Operator, receipt: Receipt, parts: list[str]) -> Answer:
    """The answer of an SMS operator; `parts` are its normal texts, one or two."""
    rng = receipt.rng
    reports = tuple(
        Report(operator.sender, part, rng.uniform(0, 4) if place else 0.0)
        for place, part in enumerate(parts)
    )
    normal = Answer(
        reports=(*_stock_in_reports(operator, receipt), *reports), weather=_weather(receipt)
    )
    match receipt.fault.kind if receipt.fault else None:
        case FaultKind.NOT_DONE_NO_REPLY:
            return Answer()
        case FaultKind.LATE_SMS:
            return replace(normal, reports=_delayed(reports, _late_seconds(receipt)))
        case FaultKind.DONE_NO_REPLY | FaultKind.HANG | FaultKind.UNPLUG:
            kept = not _is_lost(receipt) and _report_follows(receipt)
            late = _delayed(reports, _late_seconds(receipt)) if kept else ()
            return replace(normal, reports=late)
        case FaultKind.LATE_BOOKING if rng.random() < 0.7:
            late = _delayed(reports, _late_seconds(receipt)) if _report_follows(receipt) else ()
            return replace(normal, reports=late)
        case FaultKind.DOUBLED_REPLY:
            return replace(normal, reports=(*reports, *_delayed(reports, rng.uniform(1, 20))))
        case FaultKind.FOREIGN_REPLY:
            other = Report(operator.sender, operator.success(foreign(receipt)))
            real = _delayed(reports, rng.uniform(1, 15)) if _report_follows(receipt) else ()
            return replace(normal, reports=(other, *real))
        case _:
            return normal


def _lost_screen(operator: Operator, receipt: Receipt) -> Answer:
    rng = receipt.rng
    times_out = rng.random() < 0.5
    after = rng.uniform(20, 30)
    timed_out = Screen(ScreenStatus.NETWORK_TIMEOUT, None, after)
    return Answer(
        screens=(timed_out,) if times_out else (), reports=_late_reports(operator, receipt)
    )


def _foreign_first(operator: Operator, receipt: Receipt, normal: Answer) -> Answer:
    rng = receipt.rng
    text = operator.success(foreign(receipt))
    real_follows = _report_follows(receipt)
    if rng.random() < 0.5:
        # By SMS, ahead of the dealer's own answer, or instead of it.
        other = Report(operator.sender, text)
        late = tuple(replace(screen, after=rng.uniform(6, 9)) for screen in normal.screens)
        return replace(normal, screens=late if real_follows else (), reports=(other,))
    wrong = replace(normal.screens[0], text=text)
    own = tuple(replace(screen, after=rng.uniform(1, 3)) for screen in normal.screens)
    return replace(normal, screens=(wrong, *own) if real_follows else (wrong,))


def _late_reports(operator: Operator, receipt: Receipt) -> tuple[Report, ...]:
    if not receipt.delivered or not _report_follows(receipt):
        return ()
    return (Report(operator.sender, operator.report(receipt), _late_seconds(receipt)),)


def _report_follows(receipt: Receipt) -> bool:
    fault = receipt.fault
    if fault is None or fault.kind is FaultKind.LATE_SMS:
        return True
    if fault.report is not None:
        return fault.report
    return receipt.rng.random() < REPORT_SHARE


def _late_seconds(receipt: Receipt) -> float:
    fault = receipt.fault
    drawn = receipt.rng.uniform(20, 120)
    if fault is not None and fault.kind is FaultKind.LATE_SMS and fault.seconds:
        return fault.seconds
    return drawn


def _is_lost(receipt: Receipt) -> bool:
    return receipt.refusal is not None and receipt.refusal.value == "LOST"


def _delayed(reports: tuple[Report, ...], seconds: float) -> tuple[Report, ...]:
    return tuple(replace(report, after=report.after + seconds) for report in reports)


def _stock_in_reports(operator: Operator, receipt: Receipt) -> tuple[Report, ...]:
    if receipt.stock_in is None:
        return ()
    return (operator.stock_in_report(receipt.stock_in, receipt.dealer, receipt.rng),)


def _weather(receipt: Receipt) -> tuple[Weather, ...]:
    fault, rng = receipt.fault, receipt.rng
    match fault.kind if fault else None:
        case FaultKind.GARBLED_LINE:
            return (Garble(),)
        case FaultKind.URC_STORM:
            return (Storm(rng.randrange(40, 120)),)
        case FaultKind.HANG:
            return (Hang(_seconds(receipt, 20, 60)),)
        case FaultKind.UNPLUG:
            return (Unplug(_seconds(receipt, 5, 25)),)
        case _:
            return ()


def _seconds(receipt: Receipt, least: float, most: float) -> float:
    drawn = receipt.rng.uniform(least, most)
    return (receipt.fault.seconds if receipt.fault else None) or drawn
