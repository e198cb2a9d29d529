"""What a scrape is answered with: the text of all metrics, made a piece at a time.

prometheus-client takes some 20 microseconds for a sample, which is 40 milliseconds for a rack of
512 chips; the event loop is not to stand still for so long. So each metric is written in pieces of
a few dozen samples, and between two pieces everybody else has a turn. The text is kept for some
seconds, for whoever asks next.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Metric, exposition
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

PIECE: Final = 40
"""Samples that are written at once: about a millisecond."""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write metrics down; `end` is the last line, if it has one."""

    content_type: str
    write: Callable[[CollectorRegistry], bytes]
    end: bytes


TEXT: Final = Format(
    exposition.CONTENT_TYPE_PLAIN_0_0_4, lambda registry: exposition.generate_latest(registry), b""
)
OPEN_METRICS: Final = Format(
    openmetrics.CONTENT_TYPE_LATEST,
    lambda registry: openmetrics.generate_latest(registry),  # type: ignore[no-untyped-call]
    b"# EOF\n",
)


def format_of(accept: str) -> Format:
    """The format that a caller understands, by its Accept header: OpenMetrics if it names that.

    The library's own choice raises for a version that is no number, and repeats what was asked.
    """
    for one in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in one.split(";"))
        if kind == "application/openmetrics-text" and "q=0" not in parameters:
            return OPEN_METRICS
    return TEXT


async def written(metrics: Iterable[Metric], how: Format) -> bytes:
    """The text of the metrics, with a turn for everybody else behind each piece."""
    text = bytearray()
    for metric in metrics:
        for number, piece in enumerate(_pieces(metric)):
            registry = CollectorRegistry(auto_describe=False)
            registry.register(_Of(piece))
            said = how.write(registry).removesuffix(how.end)
            text += _without_head(said) if number else said
            await asyncio.sleep(0)
    return bytes(text + how.end)


class _Of(Collector):
    """Collects one metric."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        """The one."""
        return (self._metric,)


def _pieces(metric: Metric) -> Iterator[Metric]:
    """The metric with a part of its samples each; with none, once."""
    if len(metric.samples) <= PIECE:
        yield metric
        return
    for begin in range(0, len(metric.samples), PIECE):
        piece = Metric(metric.name, metric.documentation, metric.type)
        piece.samples = metric.samples[begin : begin + PIECE]
        yield piece


def _without_head(said: bytes) -> bytes:
    """Without the lines that say what the metric is: they stand there once."""
    # By line feeds alone: a carriage return may stand in a label, and a number sign behind it.
    return b"\n".join(line for line in said.split(b"\n") if not line.startswith(b"#"))
