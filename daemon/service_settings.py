"""What the service of agents' commands is told of the configuration."""

from datetime import date

from pulsarack.daemon import calendar
from pulsarack.daemon.config import Config
from pulsarack.daemon.config_deposits import BankSection, ticket_terms
from pulsarack.queue.service.asked import Settings


def service_settings(config: Config) -> Settings:
    """One for all channels."""
    timezone = config.daemon.timezone
    return Settings(
        timezone=calendar.zone(timezone),
        day_bounds=lambda day: calendar.bounds_of(date.fromisoformat(day), timezone),
        time_limit_seconds=int(config.orders.time_limit_seconds),
        tickets=ticket_terms(config),
        accounts={bank.name: _shown(bank) for bank in config.banks},
        transfers_across=config.deposits.across_network,
        upline_resets_pin=config.agents.upline_resets_pin,
        code_prefix=config.agents.code_prefix,
    )


def _shown(bank: BankSection) -> str:
    """Where to pay, as an agent reads it: ``BCA 1234567 a/n TOKO``."""
    holder = f"a/n {bank.holder}" if bank.holder else ""
    return " ".join(part for part in (bank.name.upper(), bank.account, holder) if part)
