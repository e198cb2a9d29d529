"""The figures say what has happened, in both formats, and nothing that is nobody's affair."""

import asyncio
import json
from dataclasses import dataclass, replace

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics_families,
)
from prometheus_client.parser import text_string_to_metric_families as text_families

from pulsarack.daemon.measures import Measures, Spread
from pulsarack.daemon.metrics import table
from pulsarack.daemon.metrics.exposition import (
    OPEN_METRICS,
    PIECE,
    TEXT,
    Format,
    format_of,
    written,
)
from pulsarack.daemon.metrics.figures import KEPT_SECONDS
from pulsarack.daemon.metrics.offered import Offered
from pulsarack.daemon.metrics.table import Kind
from pulsarack.queue.orders import NOT_TRIED, AttemptSummary, Order
from tests.daemon.metrics.monitored import ON, Samples, families, of, samples, service_of, text_of
from tests.daemon.test_orders_and_chips import until_idle
from tests.daemon.virtual_loop import run
from tests.daemon.world import START_MS, World, rack_plan

FAULTS = """
[[fault]]
at_order = 2
kind = "not_done_no_reply"
"""
NUMBER = "081200000012"
NOBODY_S_AFFAIR = (NUMBER[1:], "A1")
PINS = ("1201", "1202")


@dataclass
class Standing:
    """A scheduled job."""

    name: str
    failures: int
    done_at: int | None


@dataclass
class Backups:
    """What lies in the directory of backups."""

    backups: int = 3
    newest_at_ms: int | None = START_MS
    newest_verified_at_ms: int | None = None
    bytes: int = 9_000
    unusable: int = 1


OFFERED = Offered(
    jobs=lambda: (Standing("audit", 2, START_MS), Standing("backup", 0, None)),
    backups=Backups,
    log_lines=lambda: {"suppressed": 12, "lost": 0},
    admin_acts=lambda: {"acts": 2, "not_allowed": 1, "unrecorded": 0},
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What was exported: while an order was undecided, at the end, and in the other format."""
    found: dict[str, str] = {}

    async def live() -> None:
        plan = rack_plan(("wavecom", "telkomsel"), ("wavecom", "xl"), faults=FAULTS)
        world = World(tmp_path_factory.mktemp("metrics"), plan, settings=ON)
        await world.set_up()
        service = service_of(world, OFFERED)
        await until_idle(world)
        for text in (f"S10.{NUMBER}", "S5.081200000013", "X10.081700000014", "S10.081200000000"):
            await world.order(text)
        while "UNKNOWN" not in (await world.states()).values():
            await world.clock.sleep(1.0)
        found["undecided"] = await text_of(service)
        found["kept"] = await text_of(service)
        await world.settle()
        await world.clock.sleep(KEPT_SECONDS)
        found["end"] = await text_of(service)
        found["open metrics"] = await text_of(service, OPEN_METRICS)
        found["status"] = json.dumps((await world.call("status"))["since_start"])
        await world.stop()

    run(live())
    return found


def test_what_was_sold_is_counted(told: dict[str, str]) -> None:
    end = samples(told["end"])
    sold = {"operator": "telkomsel", "channel": "socket"}
    assert of(end, "orders_accepted_total", **sold) == 3
    assert of(end, "orders_finished_total", **sold, outcome="SUCCEEDED", reason="") == 2
    failed = [
        value
        for (name, labels), value in end.items()
        if name == "pulsarack_orders_finished_total" and ("outcome", "FAILED") in labels
    ]
    assert sum(failed) == 1
    assert of(end, "sold_rupiah_total", operator="telkomsel") == 16_000
    assert of(end, "cost_rupiah_total", operator="telkomsel") == 15_275
    assert of(end, "orders", state="SUCCEEDED") == 3
    for name in ("order_queue_seconds", "order_seconds"):
        assert of(end, f"{name}_count", operator="telkomsel") == 3
    # Some seconds for a dialogue of USSD, and a report by SMS.
    for operator in ("telkomsel", "xl"):
        count = of(end, "order_answer_seconds_count", operator=operator)
        assert 0 < of(end, "order_answer_seconds_sum", operator=operator) / count < 60
    assert of(end, "attempts_total", operator="xl", outcome="BY_TEXT", reason="") == 1
    assert of(end, "replies_total", operator="xl", way="sms", meaning="understood") >= 1


def test_the_status_sums_up(told: dict[str, str]) -> None:
    said = json.loads(told["status"])
    assert (said["accepted"], said["succeeded"], said["failed"]) == (4, 3, 1)
    assert said["replies"] >= 3 and said["unparsed"] == said["discrepancies"] == 0


def test_what_stands_open_is_shown_with_its_age(told: dict[str, str]) -> None:
    undecided = samples(told["undecided"])
    labels = {"operator": "telkomsel", "state": "UNKNOWN"}
    assert of(undecided, "open_orders", **labels) == 1
    assert 0 <= of(undecided, "oldest_open_order_age_seconds", **labels) < 3600
    assert of(undecided, "needs_person", what="undecided") == 1
    end = samples(told["end"])
    assert not [name for name, _ in end if name == "pulsarack_open_orders"]
    assert of(end, "needs_person", what="undecided") == 0


def test_what_the_rack_holds_is_shown(told: dict[str, str]) -> None:
    end = samples(told["end"])
    assert of(end, "chips", operator="xl", state="ready") == 1
    assert of(end, "slots", state="ready") == 2
    stock = of(end, "stock_rupiah", operator="telkomsel")
    assert stock == 1_000_000 - 15_275 == of(end, "sellable_stock_rupiah", operator="telkomsel")
    chips = {
        labels: value for (name, labels), value in end.items() if name.endswith("chip_stock_rupiah")
    }
    assert len(chips) == 2 and stock in chips.values()


def test_what_other_parts_offer_is_shown(told: dict[str, str]) -> None:
    end = samples(told["end"])
    assert of(end, "job_failed", task="audit") == 1
    assert of(end, "job_last_success_age_seconds", task="audit") > 0
    assert ("pulsarack_job_last_success_age_seconds", (("task", "backup"),)) not in end
    assert of(end, "backups") == 3 and of(end, "backups_unusable") == 1
    assert of(end, "backup_newest_age_seconds") > 0
    assert ("pulsarack_backup_verified_age_seconds", ()) not in end
    assert of(end, "log_lines_total", what="suppressed") == 12
    assert of(end, "admin_acts_total", what="not_allowed") == 1


def test_figures_are_kept_for_some_seconds(told: dict[str, str]) -> None:
    assert told["kept"] == told["undecided"]


def test_both_formats_say_the_same(told: dict[str, str]) -> None:
    assert told["open metrics"].endswith("# EOF\n")
    other: Samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in open_metrics_families(told["open metrics"])
        for sample in family.samples
    }
    text = samples(told["end"])
    moving = {one.name for one in table.PROCESS}
    assert {key for key in other if key[0] not in moving} == {
        key for key in text if key[0] not in moving
    }
    assert [key for key in text if key[0] not in moving and text[key] != other[key]] == []


def test_every_metric_of_the_table_is_exported_as_it_says(told: dict[str, str]) -> None:
    found = families(told["end"])
    for one in (*table.METRICS, *table.PROCESS):
        family = found.pop(one.name.removesuffix("_total"))
        assert (family.type, family.documentation) == (one.kind.value, one.says), one.name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(one.labels), one.name
    assert found == {}


def test_no_secret_and_nobody_is_in_a_metric(told: dict[str, str]) -> None:
    values = {value for _, labels in samples(told["end"]) for _, value in labels}
    assert not [value for value in values if any(one in value for one in NOBODY_S_AFFAIR)]
    assert not values & set(PINS)
    labels = {label for one in table.METRICS for label in one.labels}
    assert not labels & {"agent", "destination", "order", "sender", "address", "msisdn"}


def test_names_are_those_of_prometheus() -> None:
    units = ("_seconds", "_bytes", "_rupiah", "_jobs")
    for one in table.METRICS:
        assert (one.kind is Kind.COUNTER) == one.name.endswith("_total"), one.name
        assert one.kind is not Kind.HISTOGRAM or one.name.endswith(units), one.name
        assert one.says.endswith("."), one.name
    names = [one.name for one in table.METRICS]
    assert len(set(names)) == len(names)


# --- the text -----------------------------------------------------------------------------


def many(number: int) -> Metric:
    """A metric of so many samples."""
    family = GaugeMetricFamily("chips", "A text\nwith two lines.", labels=["name"])
    for one in range(number):
        family.add_metric([f'a "quoted"\n# {one}'], one)
    return family


class Collected:
    """Collects one metric."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric

    def collect(self) -> list[Metric]:
        return [self.metric]


@pytest.mark.parametrize("how", [TEXT, OPEN_METRICS])
@pytest.mark.parametrize("number", [0, 1, PIECE, PIECE + 1, 5 * PIECE])
async def test_written_in_pieces_it_is_as_written_at_once(how: Format, number: int) -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected(many(number)))  # type: ignore[arg-type]
    assert await written([many(number)], how) == how.write(registry)


async def test_others_have_their_turn_between_two_pieces() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await written([many(10 * PIECE)], TEXT)
    task.cancel()
    assert turns >= 9


@pytest.mark.parametrize(
    ("accept", "how"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
            "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPEN_METRICS,
        ),
        ("text/plain, Application/OpenMetrics-Text; version=abc", OPEN_METRICS),
        ("application/openmetrics-text;q=0", TEXT),
        (";;,,=;" * 600, TEXT),
    ],
)
def test_the_format_is_the_caller_s_choice(accept: str, how: Format) -> None:
    assert format_of(accept) is how


# --- counting -----------------------------------------------------------------------------

ORDER = Order(
    *(7, "SUCCEEDED", "A1", "S10", "telkomsel", "6281200000012", 10, 10_500, 10_150, 1),
    *("2026-11-30", None, "sms", "S10", None, "SN1", 1_000, 601_000, 1_000, 9_000),
)
TRIED = AttemptSummary(1, "8962", "left-1", 3_000)


@pytest.mark.parametrize("how", [TEXT, OPEN_METRICS])
def test_a_label_that_looks_like_a_comment_takes_nothing_away(how: Format) -> None:
    values = [f'{number}\r# HELP x"\n#\\' for number in range(PIECE + 5)]
    metric = GaugeMetricFamily("x", "x", labels=["a"])
    for value in values:
        metric.add_sample("x", {"a": value}, 1.0)
    text = asyncio.run(written([metric], how)).decode()
    found = [one.labels["a"] for family in families_of(text, how) for one in family.samples]
    assert found == values


def families_of(text: str, how: Format) -> list[Metric]:
    return list((open_metrics_families if how is OPEN_METRICS else text_families)(text))


def test_the_end_of_an_order_is_counted_once_however_often_it_is_told() -> None:
    measures = Measures()
    for _ in range(3):
        measures.order_ended(ORDER, TRIED)
    measures.order_ended(ORDER._replace(id=8, state="FAILED", reason="EXPIRED"), NOT_TRIED)
    measures.order_ended(ORDER._replace(state="REVERSED"), TRIED)
    measures.order_ended(ORDER._replace(id=9, state="QUEUED", finished_at=None), TRIED)
    assert dict(measures.finished) == {
        ("telkomsel", "sms", "SUCCEEDED", ""): 1,
        ("telkomsel", "sms", "FAILED", "EXPIRED"): 1,
        ("telkomsel", "sms", "REVERSED", ""): 1,
    }
    assert measures.sold_rupiah == {"telkomsel": 10_500}
    queued, whole = measures.queue_seconds["telkomsel"], measures.order_seconds["telkomsel"]
    assert (queued.at_most()[-1][1], queued.total) == (2, 2.0 + 8.0)
    assert (whole.at_most()[-1][1], whole.total) == (2, 16.0)


def test_a_clock_that_was_set_makes_no_time_negative() -> None:
    measures = Measures()
    measures.order_ended(ORDER._replace(finished_at=500), replace(TRIED, first_claimed_at=200))
    assert measures.queue_seconds["telkomsel"].at_most()[0] == (0.1, 1)
    assert measures.order_seconds["telkomsel"].total == 0


def test_what_is_remembered_of_ends_is_bounded() -> None:
    measures = Measures()
    for number in range(3_000):
        measures.order_ended(ORDER._replace(id=number), TRIED)
    assert len(measures._told) == 1024
    assert sum(measures.finished.values()) == 3_000


def test_a_spread_counts_up_to_each_bound() -> None:
    spread = Spread((1, 2, 5))
    for value in (0, 1, 1.5, 2, 7):
        spread.note(value)
    assert spread.at_most() == [(1, 2), (2, 4), (5, 4), (float("inf"), 5)]
    assert spread.total == 11.5
