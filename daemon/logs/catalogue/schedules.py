"""Events of what the daemon does by itself: its jobs, and what they warn of."""

from pulsarack.daemon.logs.catalogue.event import NOTHING, Event

_LINE = "Do what the line says."

EVENTS = (
    Event(
        "schedule.done",
        "info",
        "A job ran that runs once a day, or by hand.",
        NOTHING,
        "job said seconds",
    ),
    Event(
        "schedule.ran",
        "debug",
        "A job ran that runs often.",
        NOTHING,
        "job said seconds",
    ),
    Event(
        "schedule.late",
        "info",
        "A job runs so long after its time: the daemon or the machine was down then.",
        NOTHING,
        "job due_at seconds",
    ),
    Event(
        "schedule.failed",
        "error",
        "A job could not do its work, or what it found is bad; the others go on.",
        "Do what the line says, then: pulsarack schedule run NAME",
        "job why remedy times again_in_seconds",
    ),
    Event(
        "schedule.fault",
        "error",
        "A fault of the daemon in a job; it is tried again.",
        "Report the trace below the line.",
        "job exc_info",
    ),
    Event(
        "schedule.not_noted",
        "error",
        "How a job ended could not be stored; a restart may run it again.",
        "Look at the disk and at the lines before.",
        "job why",
    ),
    Event(
        "stock.low",
        "warning",
        "A chip holds less than low_stock_chip.",
        "Buy stock for it.",
        "chip stock hours_left remedy",
    ),
    Event(
        "stock.operator_low",
        "warning",
        "The chips of an operator hold less than low_stock_operator, or it does not last.",
        "Buy stock.",
        "operator stock hours_left remedy",
    ),
    Event(
        "chip.expires",
        "warning",
        "A card expires soon, or has expired.",
        "Extend it, then: pulsarack chip expiry ICCID DATE",
        "chip operator expires_on days_left remedy",
    ),
    Event(
        "reconciliation.unread",
        "warning",
        "The stock of chips in service was not read for long.",
        _LINE,
        "chips named hours remedy",
    ),
    Event(
        "reconciliation.differs",
        "warning",
        "The last figure of chips is not that of the books.",
        "They are read again before they sell; see: pulsarack chip show ICCID",
        "chips named remedy",
    ),
    Event(
        "reconciliation.discrepancies",
        "warning",
        "Differences of stock that nobody has explained.",
        "Say what they were: pulsarack discrepancies",
        "count remedy",
    ),
    Event(
        "reconciliation.payments",
        "warning",
        "Payments at our banks that nobody has claimed.",
        "Say whose they are: pulsarack bank rows --unmatched",
        "count remedy",
    ),
    Event(
        "audit.finding",
        "error",
        "A promise is broken: what the database says cannot be.",
        "Look at all of it: pulsarack audit",
        "rule subject why remedy",
    ),
)
