"""Of which wishes a PIN is asked, by the channel they come over.

The sender of an SMS can be forged, and a telephone or a client's session can be in other hands:
such channels stand in [agents] ask_pin, and there every order, and whatever else changes
something, needs the PIN. What only looks needs it unless the configuration says otherwise. A
PIN that is given is compared in any case: it is for the front desk to verify it, needed or not.
"""

from pulsarack.daemon.config_agents import AgentsSection
from pulsarack.queue.order_text import commands
from pulsarack.queue.order_text.commands import Command

_LOOKS = (
    commands.ShowOrder,
    commands.LastOrders,
    commands.ShowBalance,
    commands.ShowPrices,
    commands.ShowOutOfStock,
    commands.ShowStatement,
    commands.ShowRecap,
    commands.ListDownlines,
    commands.ShowMarkups,
    commands.ListSenders,
)
# What opens the door for others is never done without the PIN.
_ALWAYS = (
    commands.ChangePin,
    commands.ResetPin,
    commands.ChangeNetworkPassword,
    commands.AddSender,
    commands.RemoveSender,
)


def pin_needed(agents: AgentsSection, channel: str, command: Command | None) -> bool:
    """Whether this wish is refused without the right PIN; None: an order, as most are."""
    if isinstance(command, commands.Help):
        return False
    if isinstance(command, _ALWAYS):
        return True
    if channel not in agents.ask_pin:
        return False
    return agents.pin_for_queries or not isinstance(command, _LOOKS)
