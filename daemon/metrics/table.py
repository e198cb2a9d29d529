"""All metrics in one table: what each is called, of what kind it is, and what it says.

What is exported is made from it, docs/metrics.md and the alert rules are held against it by tests.
Names are Prometheus's: base units (seconds, bytes, rupiah), `_total` for what only grows. Labels
take few values: operators, channels, reasons and, in two metrics, the chips of the rack; never an
agent, a customer's number or an order.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The kinds that are used."""

    GAUGE = "gauge"  # how it stands now
    COUNTER = "counter"  # grows from 0 since the daemon's start
    HISTOGRAM = "histogram"  # in _bucket, _count and _sum, since the daemon's start


@dataclass(frozen=True, slots=True)
class Described:
    """One metric."""

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()


def _gauge(name: str, says: str, *labels: str) -> Described:
    return Described(f"pulsarack_{name}", Kind.GAUGE, says, labels)


def _counter(name: str, says: str, *labels: str) -> Described:
    return Described(f"pulsarack_{name}_total", Kind.COUNTER, says, labels)


def _histogram(name: str, says: str, *labels: str) -> Described:
    return Described(f"pulsarack_{name}", Kind.HISTOGRAM, says, labels)


# --- orders -------------------------------------------------------------------------------

ORDERS: Final = _gauge(
    "orders", "Orders in each state, archived ones included, as the database has them.", "state"
)
OPEN_ORDERS: Final = _gauge(
    "open_orders", "Orders that wait (QUEUED), are sent (SENDING) or undecided (UNKNOWN).",
    "operator", "state",
)  # fmt: skip
OLDEST_OPEN: Final = _gauge(
    "oldest_open_order_age_seconds",
    "How long the oldest of these has been waiting; an undecided one since it became undecided.",
    "operator", "state",
)  # fmt: skip
NEEDS_PERSON: Final = _gauge(
    "needs_person",
    "What waits for a person: undecided and refuted orders, discrepancies, payments, credits,"
    " complaints.",
    "what",
)
ACCEPTED: Final = _counter(
    "orders_accepted", "Orders that were accepted.", "operator", "channel"
)  # fmt: skip
FINISHED: Final = _counter(
    "orders_finished",
    "Orders that came to an end, by outcome (SUCCEEDED, FAILED, CANCELLED, REVERSED) and why.",
    "operator", "channel", "outcome", "reason",
)  # fmt: skip
SOLD: Final = _counter(
    "sold_rupiah", "Prices of the orders that succeeded; reversals are not taken off.", "operator"
)
COST: Final = _counter("cost_rupiah", "What these cost in stock.", "operator")
QUEUE_SECONDS: Final = _histogram(
    "order_queue_seconds", "From an order's receipt to its first try (or its end).", "operator"
)
ANSWER_SECONDS: Final = _histogram(
    "order_answer_seconds",
    "From the step that moves money to the operator's final answer, if one came in the dialogue.",
    "operator",
)
ORDER_SECONDS: Final = _histogram(
    "order_seconds", "From an order's receipt to its end.", "operator"
)  # fmt: skip
ATTEMPTS: Final = _counter(
    "attempts",
    "Tries on a chip, by what they proved (DONE, NOT_DONE, IN_PROCESS, UNDECIDED; BY_TEXT: an SMS"
    " decided it) and why.",
    "operator", "outcome", "reason",
)  # fmt: skip
REPLIES: Final = _counter(
    "replies",
    "What operators said about orders (way: ussd, sms), and whether the recipe knows it"
    " (meaning: understood, unparsed).",
    "operator", "way", "meaning",
)  # fmt: skip

# --- chips and modems ---------------------------------------------------------------------

CHIP_STOCK: Final = _gauge(
    "chip_stock_rupiah",
    "What a chip in service may still sell: its stock less what is held for orders.",
    "chip", "name", "operator",
)  # fmt: skip
CHIP_READY: Final = _gauge(
    "chip_ready",
    "1 if a chip in service is plugged in and works, 0 if not or if it rests or is out.",
    "chip", "name", "operator",
)  # fmt: skip
CHIPS: Final = _gauge(
    "chips",
    "Chips by state: ready, absent (in service, but not working), resting, out, new (not adopted).",
    "operator", "state",
)  # fmt: skip
STOCK: Final = _gauge(
    "stock_rupiah", "Stock of all chips in service, less what is held for orders.", "operator"
)
SELLABLE: Final = _gauge(
    "sellable_stock_rupiah",
    "The part of it that can be sold now: on chips that are ready, exact, above their reserve.",
    "operator",
)
SLOTS: Final = _gauge(
    "slots",
    "Slots by state of their modem: appeared, opened, identified, initialised, registered, ready,"
    " held, failed, gone.",
    "state",
)
REMEDIES: Final = _counter(
    "remedies",
    "What was done about modems (retry, reopen, cfun, usb, power, wait, rest) and how it went"
    " (done, failed, held_back).",
    "remedy", "outcome",
)  # fmt: skip
DISCREPANCIES: Final = _counter(
    "stock_discrepancies", "Differences of a chip's stock that were booked.", "operator"
)

# --- channels -----------------------------------------------------------------------------

CHANNEL_UP: Final = _gauge(
    "channel_up", "1 if a configured channel works, 0 if it is down or misconfigured.", "channel"
)
HEARD: Final = _counter(
    "texts_received", "Texts of agents, and what they were answered.", "channel", "outcome"
)
CARRIED: Final = _counter(
    "texts_sent",
    "Tries to send a text, by what became of it (DELIVERED, SENT, LATER, NEVER, MAYBE), and texts"
    " given up (EXPIRED, REFUSED).",
    "channel", "outcome",
)  # fmt: skip
OUTBOX: Final = _gauge("outbox_waiting", "Texts that wait to be sent.", "channel")
OUTBOX_AGE: Final = _gauge(
    "outbox_oldest_age_seconds", "How long the oldest of these has been waiting.", "channel"
)
REFUSED: Final = _counter(
    "refused", "Requests and connections refused because too much or nonsense came.", "kind"
)
PRESSURE: Final = _gauge(
    "pressure", "What waits or is open now, as pulsarack status shows it.", "what"
)

# --- the daemon itself --------------------------------------------------------------------

JOB_SECONDS: Final = _histogram(
    "store_job_seconds",
    "From handing a job to a thread of the store (writing, reading, reading for callers) to its"
    " result.",
    "thread",
)
BATCH_JOBS: Final = _histogram("store_batch_jobs", "Jobs that were written with one commit.")
COMMIT_SECONDS: Final = _histogram(
    "store_commit_seconds", "How long a commit took, the wait for the disk included."
)
STORE_WAITING: Final = _gauge(
    "store_waiting", "Jobs that wait for a thread of the store.", "thread"
)
STORE_FAILED: Final = _counter(
    "store_failed", "Commits that failed: the disk is full, or the file damaged."
)
DATABASE_BYTES: Final = _gauge(
    "database_bytes", "Size of the database and of its log.", "file"
)  # fmt: skip
FREE_BYTES: Final = _gauge("state_free_bytes", "Free space on the disk of the state directory.")
LAG: Final = _histogram(
    "event_loop_lag_seconds", "By how much a timer of half a second came too late, each time."
)
FIGURES_AGE: Final = _gauge(
    "figures_age_seconds",
    "How old the figures from the database are: more than some seconds, and it did not answer.",
)
LOG_LINES: Final = _counter(
    "log_lines",
    "Lines of the log that went another way: suppressed (left out in storms), fallen_back (the"
    " journal did not take them, the stream did), lost.",
    "what",
)
ADMIN_ACTS: Final = _counter(
    "admin_acts", "Calls of admins: acts (recorded), not_allowed, unrecorded.", "what"
)
INFO: Final = _gauge("build_info", "Always 1: which version runs.", "version", "sqlite")

# --- what is done at its time ---------------------------------------------------------------

JOB_AGE: Final = _gauge(
    "job_last_success_age_seconds",
    "How long ago a scheduled job ended well last; not there before its first time.",
    "task",
)
JOB_FAILED: Final = _gauge("job_failed", "1 if the last run of a scheduled job failed.", "task")

BACKUPS: Final = _gauge("backups", "Backups that lie in the directory of [backup].")
BACKUP_BYTES: Final = _gauge("backups_bytes", "What they take on their disk.")
BACKUPS_UNUSABLE: Final = _gauge("backups_unusable", "Backups that cannot be restored.")
BACKUP_AGE: Final = _gauge(
    "backup_newest_age_seconds", "How old the newest backup is; not there if there is none."
)
BACKUP_VERIFIED_AGE: Final = _gauge(
    "backup_verified_age_seconds",
    "How old the newest backup is that was restored on trial and audited.",
)

METRICS: Final = (
    *(ORDERS, OPEN_ORDERS, OLDEST_OPEN, NEEDS_PERSON, ACCEPTED, FINISHED, SOLD, COST),
    *(QUEUE_SECONDS, ANSWER_SECONDS, ORDER_SECONDS, ATTEMPTS, REPLIES),
    *(CHIP_STOCK, CHIP_READY, CHIPS, STOCK, SELLABLE, SLOTS, REMEDIES, DISCREPANCIES),
    *(CHANNEL_UP, HEARD, CARRIED, OUTBOX, OUTBOX_AGE, REFUSED, PRESSURE),
    *(JOB_SECONDS, BATCH_JOBS, COMMIT_SECONDS, STORE_WAITING, STORE_FAILED, DATABASE_BYTES),
    *(FREE_BYTES, LAG, FIGURES_AGE, JOB_AGE, JOB_FAILED, BACKUPS, BACKUP_BYTES),
    *(BACKUPS_UNUSABLE, BACKUP_AGE, BACKUP_VERIFIED_AGE, LOG_LINES, ADMIN_ACTS, INFO),
)
"""In the order in which they are served and documented."""

PROCESS: Final = (
    Described("process_virtual_memory_bytes", Kind.GAUGE, "Virtual memory size in bytes."),
    Described("process_resident_memory_bytes", Kind.GAUGE, "Resident memory size in bytes."),
    Described(
        "process_start_time_seconds",
        Kind.GAUGE,
        "Start time of the process since unix epoch in seconds.",
    ),
    Described(
        "process_cpu_seconds_total",
        Kind.COUNTER,
        "Total user and system CPU time spent in seconds.",
    ),
    Described("process_open_fds", Kind.GAUGE, "Number of open file descriptors."),
    Described("process_max_fds", Kind.GAUGE, "Maximum number of open file descriptors."),
)
"""What prometheus-client itself says of every process, in its words."""
