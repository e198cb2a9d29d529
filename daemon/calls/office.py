"""What the calls of the control socket have in common: the daemon's parts, and refusals."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace

from pulsarack.daemon.admins.admins import Admins
from pulsarack.daemon.archivist import Archivist
from pulsarack.daemon.backups.maker import BackupMaker
from pulsarack.daemon.channels.carrier import ChannelState
from pulsarack.daemon.context import Context
from pulsarack.daemon.control_protocol import CallError
from pulsarack.daemon.dispatcher import Dispatcher
from pulsarack.daemon.identity.identity import Identity
from pulsarack.daemon.outbox import Outbox
from pulsarack.daemon.outside import Outside
from pulsarack.daemon.past_orders import PastOrders
from pulsarack.daemon.pressure import Pressure
from pulsarack.daemon.rack import Rack
from pulsarack.daemon.schedules.day_reports import DayReports
from pulsarack.daemon.schedules.schedule import Schedule
from pulsarack.daemon.service.reload import Reload
from pulsarack.queue.validation import Refusal


@dataclass(frozen=True, slots=True)
class Office:
    """The parts of the daemon that calls reach."""

    context: Context
    rack: Rack
    dispatcher: Dispatcher
    outbox: Outbox
    archivist: Archivist
    pressure: Pressure | None = None
    identity: Identity | None = None
    channels: Callable[[], Mapping[str, ChannelState]] = dict
    _: KW_ONLY
    reload: Reload | None = None
    schedule: Schedule | None = None
    reports: DayReports | None = None
    admins: Admins | None = None  # None: of this machine
    backups: BackupMaker | None = None

    def counter(self) -> "Office":
        """The same office from the callers' side: they wait behind the daemon's own jobs."""
        return replace(self, context=replace(self.context, store=Outside(self.context.store)))

    @property
    def past_orders(self) -> PastOrders:
        """The orders that are archived."""
        return PastOrders(self.context, self.archivist.archives)


def refused(refusal: Refusal) -> CallError:
    """A refusal as an error of the socket."""
    return CallError(refusal.code.value, refusal.message, refusal.remedy)


def not_found(what: str, key: object, remedy: str) -> CallError:
    """The error of a row that is not there."""
    return CallError("NOT_FOUND", f"there is no {what} {key}", remedy)


def needs_reason(because: str) -> None:
    """Refuse a decision that says nothing of why; it is what others read years later."""
    if not because.strip():
        raise CallError("NO_REASON", "a decision needs a reason", "give --because TEXT")
