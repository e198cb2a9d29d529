"""A small daemon whose figures are asked for."""

from collections.abc import Callable
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from pulsarack.daemon.context import Context
from pulsarack.daemon.metrics.exposition import TEXT, Format
from pulsarack.daemon.metrics.figures import Sources
from pulsarack.daemon.metrics.offered import Offered
from pulsarack.daemon.metrics.service import MetricsService
from tests.daemon.world import World

ON = '[metrics]\nlisten = "127.0.0.1:0"\n[daemon]\nstate_dir = "."\n'
Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]


async def inline(job: Callable[..., Any], *args: Any) -> Any:
    """Runs it here and now: no thread speaks to a virtual loop."""
    return job(*args)


def service_of(
    world: World, offered: Offered | None = None, context: Context | None = None
) -> MetricsService:
    """Of a world that runs; with another context than the daemon's, if given."""
    assert world.pressure is not None
    daemon = world.daemon
    sources = Sources(
        context or daemon.context,
        daemon.rack,
        world.pressure,
        world.channels.states,
        backlog=lambda: {"writing": 0},
        offered=offered or Offered(),
    )
    return MetricsService(sources, inline)


async def text_of(service: MetricsService, how: Format = TEXT) -> str:
    """What a scrape gets."""
    return (await service.text(how)).decode()


def families(text: str) -> dict[str, Metric]:
    """As the library's own parser reads it."""
    return {one.name: one for one in text_string_to_metric_families(text)}


def samples(text: str) -> Samples:
    """Every sample by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families(text).values()
        for sample in family.samples
    }


def of(found: Samples, name: str, **labels: str) -> float:
    """The one of these labels, or 0."""
    return found.get((f"pulsarack_{name}", tuple(sorted(labels.items()))), 0.0)
