"""All dialects of the trade, ready to be served: their routes, and the forms of their reports."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pulsarack.daemon.channels.http.desk import Desk
from pulsarack.daemon.channels.http.dialects import (
    digiflazz,
    digiflazz_seller,
    fm,
    otomax,
    plain,
    vocabulary,
)
from pulsarack.daemon.channels.http.dialects.clerk import Clerk
from pulsarack.daemon.channels.http.dialects.vocabulary import Vocabulary
from pulsarack.daemon.channels.http.door import Door
from pulsarack.daemon.channels.http.reports import Formatter
from pulsarack.daemon.channels.http.routes import Route


class Dialect(Protocol):
    """What serves one."""

    def routes(self) -> Sequence[Route]:
        """What it serves."""


def routes(door: Door, desk: Desk, folder: Path | None) -> Sequence[Route]:
    """What all of them serve; raises BadDialect for a file of the operator's that is wrong."""
    found: list[Route] = []
    makers: dict[str, Callable[[Clerk], Dialect]] = {
        otomax.NAME: otomax.OtomaX,
        digiflazz.NAME: digiflazz.Digiflazz,
        digiflazz_seller.NAME: digiflazz_seller.DigiflazzSeller,
        fm.NAME: fm.Fm,
        **dict.fromkeys(plain.NAMES, plain.Plain),
    }
    for name, make in makers.items():
        found += make(Clerk(door, desk, vocabulary.load(name, folder))).routes()
    return found


def formatters(folder: Path | None) -> Mapping[str, Formatter]:
    """How each of them reports a result; raises BadDialect."""
    reports: dict[str, Callable[[Vocabulary], Formatter]] = {
        otomax.NAME: otomax.report,
        digiflazz.NAME: digiflazz.report,
        digiflazz_seller.NAME: digiflazz_seller.report,
        fm.NAME: fm.report,
        **dict.fromkeys(plain.NAMES, plain.report),
    }
    return {name: report(vocabulary.load(name, folder)) for name, report in reports.items()}
