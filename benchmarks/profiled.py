"""A command of `pulsarack` under cProfile, each thread by its own CPU time.

`python -m benchmarks.profiled OUT.json COMMAND...`. SIGUSR1 begins the counting, and ends it
the next time, so that starting up and ending do not count. At the end of the command the
figures are written. The profiler costs more the smaller a function is: what it shows are
shares and numbers of calls, not what anything costs without it.

From Python 3.12 on only one thread can be watched at a time; the first one is then.
"""

import cProfile
import json
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pulsarack.daemon.main import main

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Cost:
    """What a thread did in one function: calls, CPU seconds in it, and with all it called."""

    calls: int
    own: float
    inclusive: float

    def since(self, before: "Cost") -> "Cost":
        """What came on top."""
        return Cost(
            self.calls - before.calls,
            self.own - before.own,
            self.inclusive - before.inclusive,
        )


_NOTHING = Cost(0, 0.0, 0.0)
Costs = dict[tuple[str, str], Cost]


class Watch:
    """The profiles of a process's threads, by their names."""

    def __init__(self) -> None:
        self._profiles: dict[str, cProfile.Profile] = {}
        self._begun: Costs | None = None
        self._ended: Costs = {}

    def toggle(self, *_: object) -> None:
        """Begins to count, or ends it. On the main thread."""
        main_profile = self._profile(threading.main_thread().name)
        if self._begun is None:
            self._begun = self._costs()
            with suppress(ValueError):  # another thread is watched, and there can be only one
                main_profile.enable()
        else:
            main_profile.disable()
            self._ended = self._costs()

    def threads(self) -> None:
        """Has every thread that is begun from now on watched."""
        unwatched = threading.Thread.run

        def run(self_: threading.Thread) -> None:
            profile = self._profile(self_.name)
            with suppress(ValueError):
                profile.enable()
            try:
                unwatched(self_)
            finally:
                profile.disable()

        threading.Thread.run = run  # type: ignore[method-assign, assignment]

    def as_json(self) -> list[dict[str, Any]]:
        """What came between the two signals: thread and function, and what they cost."""
        begun = self._begun or {}
        return [
            {"thread": thread, "function": function, **asdict(cost.since(begun.get(key, _NOTHING)))}
            for key, cost in self._ended.items()
            for thread, function in (key,)
        ]

    def _costs(self) -> Costs:
        costs: Costs = {}
        for thread, profile in self._profiles.items():
            for entry in profile.getstats():
                key = thread, function_name(entry.code)
                known = costs.get(key, _NOTHING)
                costs[key] = Cost(
                    known.calls + entry.callcount,
                    known.own + entry.inlinetime,
                    known.inclusive + entry.totaltime,
                )
        return costs

    def _profile(self, thread: str) -> cProfile.Profile:
        return self._profiles.setdefault(thread, cProfile.Profile(time.thread_time))


def function_name(code: Any) -> str:
    """File and name of a function; what is written in C says itself what it is."""
    if isinstance(code, str):
        return code
    path = Path(code.co_filename)
    path = path.resolve() if path.is_absolute() else path
    if path.is_relative_to(ROOT) and "site-packages" not in path.parts:
        return f"{path.relative_to(ROOT)}:{code.co_qualname}"
    return f"<{'/'.join(path.parts[-2:])}:{code.co_qualname}>"


def run(out: Path) -> None:
    """Runs the command line that is left in sys.argv."""
    watch = Watch()
    signal.signal(signal.SIGUSR1, watch.toggle)
    watch.threads()
    try:
        main()
    finally:
        out.write_text(json.dumps(watch.as_json()), encoding="utf-8")


if __name__ == "__main__":
    run(Path(sys.argv.pop(1)))
