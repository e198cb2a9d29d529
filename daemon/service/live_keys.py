"""What a reload can change in the running daemon, key by key, and what needs a restart, and why.

Live is what every part reads where it uses it; it counts from the next use: the next order, the
next look at a SIM, the next text. What opened something at the start (a listener, a database, a
port, a day) keeps it as it is until the daemon starts anew. A test compares this table with the
models of the configuration; lists of sections ([[port]], [[bank]]) are one key each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pulsarack.daemon.config import Config


@dataclass(frozen=True, slots=True)
class Effect:
    """Whether a key counts at once, and why, or why not."""

    live: bool
    why: str


def _live(why: str = "it is read where it is used") -> Effect:
    return Effect(True, why)


def _restart(why: str) -> Effect:
    return Effect(False, why)


_OPENED = "the database and what belongs to it are opened at the start"
_LISTENER = "the listener and its limits are made at the start"
_ACCOUNT = "the connection to the service is made with it at the start"
_SCHEDULE = "when each job is due is worked out at the start"
_KEYS = "what is sealed with the master keys is opened at the start"
_PORTS = "the search for ports begins at the start; what is plugged in or out is seen without it"

EFFECTS: dict[str, dict[str, Effect]] = {
    "daemon": {
        "state_dir": _restart(_OPENED),
        "socket": _restart("callers are connected to it"),
        "recipes_dir": _live("all recipes are read anew and checked as a whole"),
        "profiles_dir": _restart("a modem is worked by its profile from its first command on"),
        "secrets_file": _live("it is read anew; systemd's credential is as it was at the start"),
        "timezone": _restart("a day that has begun would end at another hour"),
        "log_level": _live(),
        "log_format": _live(),
        "watchdog_seconds": _restart("the watchdog counts its looks by it"),
        "slow_statement_seconds": _restart(_OPENED),
    },
    "rehearsal": {
        "speed": _restart("the clock goes by it"),
        "anchor": _restart("the clock goes by it"),
    },
    "port": {"": _restart(_PORTS)},
    "usb": {
        "modems": _restart(_PORTS),
        "only": _restart(_PORTS),
        "never": _restart(_PORTS),
        "baud": _restart(_PORTS),
    },
    "modems": {"shared_imeis": _restart("slots that are held were judged by it")},
    "orders": {"time_limit_seconds": _live("it counts for new orders")},
    "channels": dict.fromkeys(
        ("answer_seconds", "result_seconds", "last_way_seconds", "oldest_seconds"), _live()
    ),
    "texts": dict.fromkeys(
        (
            "separators",
            "field_orders",
            "pin_places",
            "counters",
            "highest_counter",
            "again_counts",
            "trailing_dot",
            "gp_order",
            "multi",
            "most_orders",
            "denominations",
            "split_product",
            "reply_number",
            "reference",
            "reference_between",
            "customer_digits",
            "aliases",
        ),
        _live("the grammar is made anew"),
    ),
    "http": {
        **dict.fromkeys(
            (
                "listen",
                "tls_certificate",
                "tls_key",
                "dialects_dir",
                "trusted_proxies",
                "access_log",
                "clock_window_seconds",
                "body_octets",
                "header_octets",
                "headers",
                "connections",
                "connections_per_address",
                "in_flight",
                "in_flight_per_account",
                "requests_per_second",
                "burst",
                "head_seconds",
                "body_seconds",
                "idle_seconds",
                "stop_seconds",
                "report_seconds",
                "reports_at_once",
                "reports_per_host",
                "report_private_networks",
            ),
            _restart(_LISTENER),
        ),
        "bank_accounts": _live(),
    },
    "sms": {
        **dict.fromkeys(
            ("receives", "answers", "delivery_reports"), _live("every chip's work begins anew")
        ),
        **dict.fromkeys(
            ("per_day", "per_minute", "pause_seconds", "parts_most", "valid_hours"), _live()
        ),
    },
    "chips": {
        **dict.fromkeys(
            ("reserve", "per_hour", "per_day", "pause_seconds"), _live("every chip looks again")
        ),
        **dict.fromkeys(("poll_sms_seconds", "stock_check_seconds"), _live()),
        "roaming": _live("it is asked when a modem looks for its network"),
    },
    "resolution": dict.fromkeys(("check_every_seconds", "give_up_after_seconds"), _live()),
    "schedules": dict.fromkeys(
        (
            "off",
            "report_at",
            "audit_at",
            "reconcile_at",
            "unread_hours",
            "low_stock_minutes",
            "low_stock_chip",
            "low_stock_operator",
            "low_stock_hours",
            "expiry_at",
            "expiry_days",
        ),
        _live("jobs follow within five minutes"),
    ),
    "retention": dict.fromkeys(("days", "at"), _live()),
    "backup": {
        "dir": _restart("the sandbox of the service opens it at the start"),
        **dict.fromkeys(("every_minutes", "verify_at"), _restart(_SCHEDULE)),
        **dict.fromkeys(("keep_hours", "keep_days", "keep_months", "most_gb"), _live()),
    },
    "metrics": dict.fromkeys(("listen", "other_hosts"), _restart(_LISTENER)),
    "agents": {
        **dict.fromkeys(
            (
                "code_prefix",
                "ask_pin",
                "pin_for_queries",
                "upline_resets_pin",
                "stranger_every_seconds",
                "strangers_per_hour",
            ),
            _live(),
        ),
        **dict.fromkeys(("pepper_file", "lost_keys"), _restart(_KEYS)),
    },
    "deposits": dict.fromkeys(
        ("ticket_hours", "tail_digits", "open_tickets", "across_network"),
        _live("it counts for new tickets"),
    ),
    "bank": {"": _live("agents are told the new list, and statements are read by it")},
    "xmpp": dict.fromkeys(
        (
            "jid",
            "password_file",
            "server",
            "port",
            "resource",
            "security",
            "ca_file",
            "delayed_limit_seconds",
            "keepalive_seconds",
        ),
        _restart(_ACCOUNT),
    ),
    "whatsapp": dict.fromkeys(
        (
            "phone_number_id",
            "token_file",
            "app_secret_file",
            "verify_token_file",
            "base_url",
            "api_version",
            "webhook_path",
            "body_limit_bytes",
            "template_name",
            "template_language",
            "timeout_seconds",
            "at_once",
        ),
        _restart(_ACCOUNT),
    ),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that has another value in a new file: `chips.reserve`."""

    key: str
    effect: Effect


def rows() -> list[dict[str, str]]:
    """The table as it is shown."""
    return [
        {
            "key": f"{section}.{key}" if key else section,
            "counts": "reload" if effect.live else "restart",
            "why": effect.why,
        }
        for section, of_section in EFFECTS.items()
        for key, effect in of_section.items()
    ]


def keys(config: Config) -> Iterator[tuple[str, str, Any]]:
    """Every section, key and value of a configuration; of a list of sections the key is empty."""
    for name, field in type(config).model_fields.items():
        section, value = field.alias or name, getattr(config, name)
        if isinstance(value, tuple):
            yield section, "", value
        else:
            for key in type(value).model_fields:
                yield section, key, getattr(value, key)


def differences(running: Config, new: Config) -> list[Difference]:
    """What is not the same in both."""
    return [
        Difference(f"{section}.{key}" if key else section, EFFECTS[section][key])
        for (section, key, was), (_, _, becomes) in zip(keys(running), keys(new), strict=True)
        if was != becomes
    ]


def take_live(running: Config, new: Config) -> None:
    """Put what can change live from the new configuration into the running one."""
    sections: dict[str, object] = {}
    for name, field in type(running).model_fields.items():
        was, becomes = getattr(running, name), getattr(new, name)
        if was == becomes:
            continue
        effects = EFFECTS[field.alias or name]
        if isinstance(was, tuple):
            if effects[""].live:
                sections[name] = becomes
            continue
        taken = {key: getattr(becomes, key) for key, effect in effects.items() if effect.live}
        sections[name] = was.model_copy(update=taken)
    running.take_over(sections)
