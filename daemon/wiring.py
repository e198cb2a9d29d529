"""The daemon's parts, put together: who is given whom, and what runs beside what.

Nothing here opens a port or a socket or reads a file; `run.py` does, in its order.
"""

import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from pulsarack.daemon import log as logging
from pulsarack.daemon.admins.admins import Admins
from pulsarack.daemon.archive_file import FOLDER, Archives
from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.backups import jobs as backup_jobs
from pulsarack.daemon.backups.maker import BackupMaker
from pulsarack.daemon.backups.standing import figures
from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.channels.channels import Channels
from pulsarack.daemon.clock import dice
from pulsarack.daemon.context import Context
from pulsarack.daemon.control import ControlServer
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.learned_store import LearnedStore
from pulsarack.daemon.outbox import Outbox
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.ports import SerialPorts
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.registry import registry
from pulsarack.daemon.schedules.day_reports import DayReports
from pulsarack.daemon.schedules.jobs import schedule_of
from pulsarack.daemon.service.reload import Reload
from pulsarack.daemon.service.signals import Signals
from pulsarack.daemon.service.status_line import StatusLine
from pulsarack.daemon.side_reader import SideReader
from pulsarack.daemon.store import Store
from pulsarack.daemon.store_files import DATABASE_NAME
from pulsarack.modems.profile import Profiles


class Parts:
    """All parts of one daemon, from its start to its end."""

    def __init__(
        self,
        config_path: Path,
        context: Context,
        profiles: Profiles,
        store: Store,
        identity: Identity,
        pressure: Pressure,
        log_anew: Callable[[], None],
    ) -> None:
        """`log_anew`: logs as the configuration of the moment says."""
        state_dir = context.config.daemon.state_dir
        self.context = context
        self._store = store
        self._pressure = pressure
        pressure.watch(store.waiting)
        self._dispatcher = dispatcher = Dispatcher(context)
        self.ports = SerialPorts(context.config, context.clock, context.log)
        self.rack = rack = Rack(context, dispatcher, profiles, self.ports)
        self.learned = LearnedStore(context, profiles.learned)
        archives = Archives(state_dir / FOLDER)
        archivist = Archivist(context, archives)
        self._backups = BackupMaker(context, archives)
        reader = SideReader(state_dir / DATABASE_NAME)
        reports = DayReports(context, reader)
        more = backup_jobs.jobs(context, self._backups, config_path)
        self._schedule = schedule_of(context, archivist, reader, reports, rng=dice(), more=more)
        past = PastOrders(context, archives)
        self._channels = channels = Channels(
            context, identity, rack, dispatcher, past, pressure, os.environ, dice()
        )
        self._reload = reload = Reload(
            config_path,
            context,
            rack,
            os.environ,
            log_anew=log_anew,
        )
        self._admins = Admins(context, pressure)
        self._line = StatusLine(context, rack, lambda: reload.remark)
        office = Office(
            context,
            rack,
            dispatcher,
            Outbox(context),
            archivist,
            pressure,
            identity,
            channels.states,
            reload=reload,
            schedule=self._schedule,
            reports=reports,
            admins=self._admins,
            backups=self._backups,
        )
        self.server = ControlServer(
            context.config.daemon.socket, registry(office), context.clock, pressure
        )

    def tasks(self, signals: Signals) -> dict[str, Coroutine[Any, Any, None]]:
        """What runs from the start to the end; if one of these ends, the daemon does."""
        tasks = {
            "dispatcher": self._dispatcher.run(),
            "rack": self.rack.run(),
            "schedule": self._schedule.run(),
            "learned": self.learned.run(),
            "channels": self._channels.run(),
            "store": self._store.watch(),
            "reload": self._reload.run(signals.reload),
            "status": self._line.run(),
            "log": logging.watch(self.context.clock),
        }
        if self.context.config.metrics.listen is not None:
            tasks["metrics"] = self._metrics()
        return tasks

    def _metrics(self) -> Coroutine[Any, Any, None]:
        # What it needs is loaded here: who wants no metrics has it not in memory.
        from pulsarack.daemon.metrics.figures import Sources
        from pulsarack.daemon.metrics.offered import Offered
        from pulsarack.daemon.metrics.service import MetricsService

        offered = Offered(
            jobs=self._schedule.standings,
            backups=lambda: figures(self._backups.folder),
            log_lines=logging.figures,
            admin_acts=self._admins.figures,
        )
        return MetricsService(
            Sources(
                self.context,
                self.rack,
                self._pressure,
                self._channels.states,
                self._store.meter,
                self._store.backlog,
                offered,
            )
        ).run()
