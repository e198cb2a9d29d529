"""All calls of the control socket, and who answers them."""

from pulsarack.daemon.admins.admins import Admins
from pulsarack.daemon.admins.gate import Gate
from pulsarack.daemon.calls.account_calls import AccountCalls
from pulsarack.daemon.calls.admin_calls import AdminCalls
from pulsarack.daemon.calls.archive_calls import ArchiveCalls
from pulsarack.daemon.calls.backup_calls import BackupCalls
from pulsarack.daemon.calls.channel_calls import ChannelCalls
from pulsarack.daemon.calls.config_calls import ConfigCalls
from pulsarack.daemon.calls.deposit_calls import DepositCalls
from pulsarack.daemon.calls.discrepancy_calls import DiscrepancyCalls
from pulsarack.daemon.calls.identity_calls import IdentityCalls
from pulsarack.daemon.calls.many_orders import ManyOrders
from pulsarack.daemon.calls.network_calls import NetworkCalls
from pulsarack.daemon.calls.office import Office
from pulsarack.daemon.calls.order_calls import OrderCalls
from pulsarack.daemon.calls.rack_calls import RackCalls
from pulsarack.daemon.calls.schedule_calls import ScheduleCalls
from pulsarack.daemon.calls.sms_calls import SmsCalls
from pulsarack.daemon.calls.technician_calls import TechnicianCalls
from pulsarack.daemon.calls.trade_calls import TradeCalls
from pulsarack.daemon.calls.wording_calls import WordingCalls
from pulsarack.daemon.control_protocol import Calls


def registry(office: Office) -> Calls:
    """Each call behind the gate (admins/gate.py)."""
    admins = office.admins or Admins(office.context, office.pressure)
    calls = Calls(Gate(admins, office.context.clock).before)
    office = office.counter()
    OrderCalls(office).register(calls)
    ManyOrders(office).register(calls)
    DiscrepancyCalls(office).register(calls)
    RackCalls(office).register(calls)
    TechnicianCalls(office).register(calls)
    TradeCalls(office).register(calls)
    NetworkCalls(office).register(calls)
    DepositCalls(office).register(calls)
    AccountCalls(office).register(calls)
    ArchiveCalls(office).register(calls)
    BackupCalls(office).register(calls)
    ChannelCalls(office).register(calls)
    WordingCalls(office).register(calls)
    IdentityCalls(office).register(calls)
    SmsCalls(office).register(calls)
    ConfigCalls(office).register(calls)
    ScheduleCalls(office).register(calls)
    AdminCalls(office, admins).register(calls)
    return calls
