"""The figures of one moment as Prometheus's metrics, each made from its row of the table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import apsw
from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from pulsarack.daemon.channels.carrier import Standing
from pulsarack.daemon.measures import Measures, Spread
from pulsarack.daemon.metrics import table
from pulsarack.daemon.metrics.figures import Figures, Stored, age_seconds
from pulsarack.daemon.metrics.table import Described, Kind
from pulsarack.daemon.store_meter import StoreMeter
from pulsarack.queue.chips import ChipState
from pulsarack.queue.reports.gauges import ChipFigures

Sample = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Everything:
    """What is exported."""

    figures: Figures
    measures: Measures
    meter: StoreMeter
    lag: Spread
    version: str


def families(everything: Everything) -> Iterator[Metric]:
    """All metrics that there are figures for."""
    figures = everything.figures
    if figures.stored is not None:
        yield from _stored(figures.stored)
        yield from _chips(figures.stored, figures.working)
    yield from _orders(everything.measures)
    yield from _rack(figures, everything.measures)
    yield from _channels(figures, everything.measures)
    yield from _store(figures, everything.meter)
    yield _spread(table.LAG, everything.lag)
    yield _one(table.FIGURES_AGE, figures.age_seconds)
    yield from _at_its_time(figures)
    yield _family(table.LOG_LINES, _by_name(figures.log_lines))
    yield _family(table.ADMIN_ACTS, _by_name(figures.admin_acts))
    version = (everything.version, apsw.sqlite_lib_version())
    yield _family(table.INFO, [(version, 1)])


# --- what the database says ---------------------------------------------------------------


def _stored(stored: Stored) -> Iterator[Metric]:
    found, now_ms = stored.gauges, stored.now_ms
    yield _family(table.ORDERS, _by_name(found.orders))
    yield _family(
        table.OPEN_ORDERS, [((one.operator, one.state), one.number) for one in found.open]
    )
    yield _family(
        table.OLDEST_OPEN,
        [((one.operator, one.state), age_seconds(now_ms, one.since)) for one in found.open],
    )
    yield _family(table.NEEDS_PERSON, _by_name(found.needs_person))
    yield _family(table.OUTBOX, [((one.channel,), one.number) for one in found.outbox])
    yield _family(
        table.OUTBOX_AGE,
        [((one.channel,), age_seconds(now_ms, one.since)) for one in found.outbox],
    )
    if (files := stored.files) is not None:
        sizes = {"database": files.database, "log": files.log}
        yield _family(table.DATABASE_BYTES, _by_name(sizes))
        yield _one(table.FREE_BYTES, files.free)


def _chips(stored: Stored, working: frozenset[str]) -> Iterator[Metric]:
    chips, now_ms = stored.gauges.chips, stored.now_ms
    states = {chip.iccid: chip_state(chip, working, now_ms) for chip in chips}
    ours = [chip for chip in chips if chip.state != ChipState.NEW]
    labels = {chip.iccid: (chip.iccid, chip.name, chip.operator or "") for chip in ours}
    ready = [chip for chip in ours if states[chip.iccid] == "ready"]
    yield _family(table.CHIP_STOCK, [(labels[one.iccid], one.posted - one.held) for one in ours])
    yield _family(
        table.CHIP_READY, [(labels[one.iccid], states[one.iccid] == "ready") for one in ours]
    )
    yield _family(
        table.CHIPS,
        _sums(((one.operator or "", states[one.iccid]), 1) for one in chips),
    )
    yield _family(
        table.STOCK, _sums(((one.operator or "",), one.posted - one.held) for one in ours)
    )
    # An operator none of whose chips is ready can sell nothing, and that has to be seen.
    none = (((one.operator or "",), 0) for one in ours)
    sellable = (((one.operator or "",), _sellable(one)) for one in ready)
    yield _family(table.SELLABLE, _sums([*none, *sellable]))


def chip_state(chip: ChipFigures, working: frozenset[str], now_ms: int) -> str:
    """How a chip stands, in one word: ready, absent, resting, out or new."""
    if chip.state in (ChipState.NEW, ChipState.OUT):
        return chip.state.lower()
    over = chip.rest_until is not None and chip.rest_until <= now_ms
    if chip.state == ChipState.RESTING and not over:
        return "resting"
    return "ready" if chip.iccid in working else "absent"


def _sellable(chip: ChipFigures) -> int:
    return max(0, chip.posted - chip.held - chip.reserve) if chip.stock_exact else 0


def _at_its_time(figures: Figures) -> Iterator[Metric]:
    """Scheduled jobs, and what lies there of their work."""
    now_ms = figures.now_ms
    yield _family(
        table.JOB_AGE,
        [
            ((one.name,), age_seconds(now_ms, one.done_at))
            for one in figures.jobs
            if one.done_at is not None
        ],
    )
    yield _family(table.JOB_FAILED, [((one.name,), one.failures > 0) for one in figures.jobs])
    if figures.stored is None or (found := figures.stored.backups) is None:
        return
    yield _one(table.BACKUPS, found.backups)
    yield _one(table.BACKUP_BYTES, found.bytes)
    yield _one(table.BACKUPS_UNUSABLE, found.unusable)
    # Without one its age is not there, and the alert rules see to that.
    for described, at_ms in (
        (table.BACKUP_AGE, found.newest_at_ms),
        (table.BACKUP_VERIFIED_AGE, found.newest_verified_at_ms),
    ):
        there = [] if at_ms is None else [((), age_seconds(now_ms, at_ms))]
        yield _family(described, there)


# --- what was counted -----------------------------------------------------------------------


def _orders(measures: Measures) -> Iterator[Metric]:
    yield _family(table.ACCEPTED, list(measures.accepted.items()))
    yield _family(table.FINISHED, list(measures.finished.items()))
    yield _family(table.SOLD, _by_name(measures.sold_rupiah))
    yield _family(table.COST, _by_name(measures.cost_rupiah))
    yield _spreads(table.QUEUE_SECONDS, measures.queue_seconds)
    yield _spreads(table.ANSWER_SECONDS, measures.answer_seconds)
    yield _spreads(table.ORDER_SECONDS, measures.order_seconds)
    yield _family(table.ATTEMPTS, list(measures.attempts.items()))
    yield _family(table.REPLIES, list(measures.replies.items()))


def _rack(figures: Figures, measures: Measures) -> Iterator[Metric]:
    yield _family(table.SLOTS, _by_name(figures.slots))
    yield _family(table.REMEDIES, list(measures.remedies.items()))
    yield _family(table.DISCREPANCIES, _by_name(measures.discrepancies))


def _channels(figures: Figures, measures: Measures) -> Iterator[Metric]:
    configured = {
        name: state.standing is Standing.UP
        for name, state in figures.channels.items()
        if state.standing is not Standing.OFF
    }
    yield _family(table.CHANNEL_UP, _by_name(configured))
    yield _family(table.HEARD, list(measures.heard.items()))
    yield _family(table.CARRIED, list(measures.carried.items()))
    yield _family(table.REFUSED, _by_name(figures.refused))
    yield _family(table.PRESSURE, _by_name(figures.pressure))


def _store(figures: Figures, meter: StoreMeter) -> Iterator[Metric]:
    yield _spreads(table.JOB_SECONDS, meter.job_seconds)
    yield _spread(table.BATCH_JOBS, meter.batch_jobs)
    yield _spread(table.COMMIT_SECONDS, meter.commit_seconds)
    yield _family(table.STORE_WAITING, _by_name(figures.backlog))
    yield _one(table.STORE_FAILED, meter.failed)


# --- the library's objects ----------------------------------------------------------------

_MAKE: dict[Kind, Callable[..., Metric]] = {
    Kind.GAUGE: GaugeMetricFamily,
    Kind.COUNTER: CounterMetricFamily,
    Kind.HISTOGRAM: HistogramMetricFamily,
}


def _made(described: Described) -> Metric:
    make = _MAKE[described.kind]
    return make(described.name, described.says, labels=described.labels)


def _family(described: Described, samples: Iterable[Sample]) -> Metric:
    family = _made(described)
    for labels, value in samples:
        family.add_sample(
            described.name, dict(zip(described.labels, labels, strict=True)), float(value)
        )
    return family


def _one(described: Described, value: float) -> Metric:
    return _family(described, [((), value)])


def _by_name(counts: Mapping[str, float]) -> list[Sample]:
    return [((name,), value) for name, value in sorted(counts.items())]


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(float(bound))


def _sums(samples: Iterable[Sample]) -> list[Sample]:
    sums: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for labels, value in samples:
        sums[labels] += value
    return sorted(sums.items())


def _spread(described: Described, spread: Spread) -> Metric:
    return _histogram(described, {(): spread})


def _spreads(described: Described, spreads: Mapping[str, Spread]) -> Metric:
    return _histogram(described, {(name,): spread for name, spread in sorted(spreads.items())})


def _histogram(described: Described, spreads: Mapping[tuple[str, ...], Spread]) -> Metric:
    family = HistogramMetricFamily(described.name, described.says, labels=described.labels)
    for labels, spread in spreads.items():
        buckets = [(_bound(bound), count) for bound, count in spread.at_most()]
        family.add_metric(labels, buckets, sum_value=spread.total)
    return family
