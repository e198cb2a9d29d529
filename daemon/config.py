"""The configuration file: one TOML file, checked as a whole before anything starts.

Every value is validated, unknown keys are errors, and all errors are shown at once
(config_errors.py). A section never changes; a reload puts other sections into the Config that
runs (service/reload.py), so whoever needs a value asks for it when it is needed.
Relative paths are relative to the file they stand in, so that a rehearsal's directory
can be moved. Secrets do not belong here, see secrets.py.

What each key is for stands here and in the files of the sections; the example is printed from
that (config_example.py).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, Field, PrivateAttr, ValidationError

from pulsarack.daemon import calendar, config_deposits, config_ports, places, toml_text
from pulsarack.daemon.config_agents import AgentsSection
from pulsarack.daemon.config_backup import BackupSection
from pulsarack.daemon.config_channels import ChannelsSection
from pulsarack.daemon.config_deposits import BankSection, DepositsSection
from pulsarack.daemon.config_errors import ConfigErrors, Location, Problem, problems_of
from pulsarack.daemon.config_fields import (
    DAY_SECONDS,
    FilePath,
    Limit,
    Rupiah,
    Seconds,
    Section,
    WatchdogSeconds,
    WeekSeconds,
    YearSeconds,
    explained,
    rooted,
    time_of_day,
)
from pulsarack.daemon.config_http import HttpSection
from pulsarack.daemon.config_metrics import MetricsSection
from pulsarack.daemon.config_ports import ModemsSection, PortSection, UsbSection
from pulsarack.daemon.config_schedules import SchedulesSection
from pulsarack.daemon.config_sms import SmsSection
from pulsarack.daemon.config_texts import TextsSection
from pulsarack.daemon.config_whatsapp import WhatsAppSection
from pulsarack.daemon.config_xmpp import XmppSection

# The year 2100; a later anchor is a slip of the keys.
_LAST_ANCHOR = 4_102_444_800
# Longer than every time for which the queue looks back at what is finished; a test compares.
LEAST_RETENTION_DAYS = 30
_LONGEST_RETENTION_DAYS = 3650
_REMEDY_SYNTAX = "put the TOML right there; texts stand in quotes, each key in a line of its own"


def _timezone(name: str) -> str:
    try:
        calendar.zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('write an IANA name such as "Asia/Jakarta" or "Asia/Makassar"') from None
    return name


def _retention_days(days: int) -> int:
    # What is younger may still be asked for: texts that are late by days, stock that comes back.
    if days != 0 and not LEAST_RETENTION_DAYS <= days <= _LONGEST_RETENTION_DAYS:
        raise ValueError(
            f"write {LEAST_RETENTION_DAYS} to {_LONGEST_RETENTION_DAYS} days, or 0 for never"
        )
    return days


class DaemonSection(Section):
    """[daemon]: where things lie and how the daemon talks."""

    state_dir: FilePath = explained(
        places.STATE_DIR,
        "The database and what belongs to it. Back this directory up.",
    )
    socket: FilePath = explained(
        places.CONTROL_SOCKET,
        "Where the daemon listens for the commands of this machine. Who may write to the socket"
        " file may command the daemon: keep its directory to the group pulsarack.",
    )
    recipes_dir: FilePath | None = explained(
        None,
        "Your own recipes (how to talk to an operator) and modem profiles. Without these keys"
        " the ones that come with pulsarack are used; a file here with the same name replaces it.",
        "/etc/pulsarack/recipes",
    )
    profiles_dir: FilePath | None = explained(
        None,
        "",
        "/etc/pulsarack/profiles",
    )
    secrets_file: FilePath | None = explained(
        None,
        "The PINs of the chips stand in a file of their own that only its owner can read (chmod"
        " 600), one table a chip, named by the ICCID:\n\n"
        '    ["8962100012345678901"]\n'
        '    chip_pin = "123456"     # the dealer PIN that goes into a top-up\n'
        '    sim_pin = "1234"        # only if the SIM asks for one\n\n'
        "A SIM PIN that was refused is not tried again until you say so (pulsarack chip"
        " try-pin), also not after a restart. Some modems do not tell the ICCID of a locked card:"
        " they can only be helped if all sim_pin of the file are the same.\n\n"
        "Without this key the systemd credential secrets.toml is used, if there is one. What is"
        " changed in this file counts with the next reload, in the credential with a restart.",
        "/etc/pulsarack/secrets.toml",
    )
    timezone: Annotated[str, AfterValidator(_timezone)] = explained(
        places.TIMEZONE,
        'The zone in which a day begins and ends: daily limits, the "second top-up of the'
        ' day". "Asia/Jakarta" (WIB), "Asia/Makassar" (WITA), "Asia/Jayapura" (WIT).',
    )
    log_level: Literal["debug", "info", "warning", "error"] = explained(
        "info",
        '"debug", "info", "warning" or "error".',
    )
    log_format: Literal["auto", "text", "json", "journal"] = explained(
        "auto",
        '"text" for people, "json" for machines, "journal" for systemd\'s journal with a field'
        " of its own for each field of a line (journalctl -u pulsarack ORDER=1234; see"
        " docs/events.md)."
        ' "auto": journal under systemd, text on a terminal, json elsewhere.',
    )
    watchdog_seconds: WatchdogSeconds = explained(
        60.0,
        "If the daemon's event loop or a thread of its database stands still for so long, the"
        " process ends and says why; systemd starts it anew. Real seconds, in an exercise too. A"
        " disk may be slow for less than this.",
    )
    slow_statement_seconds: Seconds = explained(
        0.5,
        "A statement of the database, or a wait for its disk, that takes longer than this is"
        " told in the log (store.slow).",
    )


class RehearsalSection(Section):
    """[rehearsal]: a faster clock, for the simulated rack only.

    A real operator is not faster; with real modems any speed but 1 makes every time
    limit fire too early.
    """

    ABOUT: ClassVar[str] = (
        "Only for exercises against the simulated rack (pulsarack simulate), which runs at the"
        " same speed. With real modems leave this section out: operators are not faster."
    )

    speed: Annotated[float, Field(ge=0.01, le=10_000, allow_inf_nan=False)] = explained(
        1.0,
        "Virtual seconds that pass in one real second.",
    )
    anchor: Annotated[float, Field(ge=0, le=_LAST_ANCHOR, allow_inf_nan=False)] | None = explained(
        None,
        "The moment, in seconds since 1970, at which both clocks start from the real time of"
        " day. Needed only if the daemon is restarted in the middle of an exercise.",
        1795350000,
    )


class OrdersSection(Section):
    """[orders]: what holds for orders whose product does not say otherwise."""

    time_limit_seconds: WeekSeconds = explained(
        600.0,
        "An order that finds no way to its operator within this time is failed, refunded and"
        " told to its agent. A product can have its own limit.",
    )


class ChipsSection(Section):
    """[chips]: what holds for chips that were adopted without their own figures.

    `reserve` is rupiah of stock that are never sold; the limits are orders, None is no
    limit of ours. `roaming`: whether a chip sells in a network that is not its own.
    """

    ABOUT: ClassVar[str] = "What holds for every chip that was adopted without a figure of its own."

    reserve: Rupiah = explained(
        0,
        "Stock that is never sold, so that a chip does not run dry in the middle of an order. A"
        " chip that was given a higher reserve of its own keeps that.",
    )
    per_hour: Limit | None = explained(
        None,
        "The most top-ups a chip does in an hour and in a day. Without these keys there is no"
        " limit but the operator's.",
        60,
    )
    per_day: Limit | None = explained(
        None,
        "",
        400,
    )
    pause_seconds: Annotated[float, Field(ge=0, le=DAY_SECONDS, allow_inf_nan=False)] = explained(
        0.0,
        "How long a chip rests between two top-ups.",
    )
    poll_sms_seconds: Seconds = explained(
        30.0,
        "How often an idle chip looks for incoming texts, and how often it asks the operator for"
        " its stock.",
    )
    stock_check_seconds: WeekSeconds = 3600.0
    roaming: bool = explained(
        True,
        "Whether a chip sells in a network that is not its own (national roaming, too).",
    )


class ResolutionSection(Section):
    """[resolution]: how an undecided order is followed up.

    After `give_up_after_seconds` the daemon leaves the order to a person and asks the
    operator again only as rarely as this; the money stays held all the same.
    """

    ABOUT: ClassVar[str] = (
        "An order whose end nobody knows keeps its money held until there is evidence."
    )

    check_every_seconds: Seconds = explained(
        60.0,
        "How often the daemon looks for evidence.",
    )
    give_up_after_seconds: YearSeconds = explained(
        86_400.0,
        "After this time it leaves the order to a person and only asks again as rarely as this:"
        " pulsarack order undecided, then pulsarack order resolve.",
    )


class RetentionSection(Section):
    """[retention]: when finished orders leave the database for their archives.

    `days` after an order was finished, 0 for never; `at` this time of the local day.
    """

    ABOUT: ClassVar[str] = (
        "Finished orders that are old leave the database for archive files, one a month, in the"
        " folder archive of the state directory. pulsarack shows them as before: pulsarack order"
        " show, pulsarack order list --archived. The archives belong to every backup."
    )

    days: Annotated[int, AfterValidator(_retention_days)] = explained(
        90,
        "How many days an order stays in the database after it was finished, at least 30; 0: for"
        " ever.",
    )
    at: Annotated[str, AfterValidator(time_of_day)] = explained(
        "03:30",
        "At what time of the local day the old ones leave: a quiet hour at which the machine is"
        " on.",
    )


@dataclass(slots=True)
class Changes:
    """How often a configuration was changed by `take_over`."""

    count: int = 0


class Config(Section):
    """One whole configuration, valid; only `take_over` changes it."""

    _changes: Changes = PrivateAttr(default_factory=Changes)
    daemon: DaemonSection = DaemonSection()
    usb: UsbSection = UsbSection()
    modems: ModemsSection = ModemsSection()
    ports: Annotated[tuple[PortSection, ...], Field(strict=False)] = Field(default=(), alias="port")
    orders: OrdersSection = OrdersSection()
    channels: ChannelsSection = ChannelsSection()
    texts: TextsSection = TextsSection()
    http: HttpSection = HttpSection()
    sms: SmsSection = SmsSection()
    chips: ChipsSection = ChipsSection()
    resolution: ResolutionSection = ResolutionSection()
    retention: RetentionSection = RetentionSection()
    schedules: SchedulesSection = SchedulesSection()
    metrics: MetricsSection = MetricsSection()
    xmpp: XmppSection = XmppSection()
    whatsapp: WhatsAppSection = WhatsAppSection()
    backup: BackupSection = BackupSection()
    agents: AgentsSection = AgentsSection()
    deposits: DepositsSection = DepositsSection()
    banks: Annotated[tuple[BankSection, ...], Field(strict=False, min_length=1)] = Field(
        default=(BankSection(),), alias="bank"
    )
    rehearsal: RehearsalSection = RehearsalSection()

    @property
    def changes(self) -> Changes:
        """How often it has changed; who asks with every order keeps this, which is asked fast."""
        return self._changes

    def take_over(self, sections: Mapping[str, object]) -> None:
        """Put others in the place of these sections, by the names of the fields; for a reload."""
        self.__dict__.update(sections)
        self._changes.count += 1

    @property
    def finds_usb_modems(self) -> bool:
        """Whether USB modems are found by themselves."""
        return not self.ports if self.usb.modems is None else self.usb.modems


def load(path: Path) -> Config:
    """Reads and checks a configuration file; raises ConfigErrors with all its problems."""
    text = _read(path)
    if found := toml_text.out_of_bounds(text):
        line, message, remedy = found
        raise ConfigErrors(path, [Problem("", message, remedy, line)])
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigErrors(path, [_syntax_problem(error)]) from None
    except (ValueError, RecursionError):
        message = "a number has thousands of digits, or brackets stand in brackets without end"
        raise ConfigErrors(path, [Problem("", message, "remove it")]) from None
    return parse(raw, path, text)


def parse(raw: dict[str, Any], path: Path, text: str = "") -> Config:
    """Checks what a file holds; `path` is for messages and as the root of relative paths."""
    problems: list[Problem] = []
    config: Config | None = None
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        problems += problems_of(error.errors(), _known_keys(Config), text)
    problems += config_ports.repeated(raw, text)
    problems += config_ports.unlike_a_phone(raw, text)
    problems += config_deposits.problems(raw, text)
    if problems or config is None:
        raise ConfigErrors(path, problems)
    return _rooted(config, path.absolute().parent)


def _read(path: Path) -> str:
    try:
        return toml_text.read(path)
    except FileNotFoundError:
        problem = Problem("", "there is no such file", "name another one with --config PATH")
    except PermissionError:
        problem = Problem("", "you may not read it", "run as the user pulsarack, or as root")
    except IsADirectoryError:
        problem = Problem("", "it is a directory", "name the file in it with --config PATH")
    except UnicodeDecodeError as error:
        problem = Problem("", f"byte {error.start} is not UTF-8", "save the file as UTF-8")
    except OSError as error:
        problem = Problem("", f"it cannot be read: {error.strerror}", "check the disk and the path")
    raise ConfigErrors(path, [problem])


def _syntax_problem(error: tomllib.TOMLDecodeError) -> Problem:
    message = str(error)
    words, _, position = message.partition(" (at line ")
    line = position.partition(",")[0]
    return Problem("", words, _REMEDY_SYNTAX, int(line) if line.isdigit() else None)


def _known_keys(model: type[BaseModel]) -> dict[Location, list[str]]:
    """The keys of every table, by the names on the way to it."""
    known: dict[Location, list[str]] = {(): []}
    for name, field in model.model_fields.items():
        key = field.alias or name
        known[()].append(key)
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(kind, type) and issubclass(kind, Section):
                known[(key,)] = list(kind.model_fields)
    return known


def _rooted(config: Config, root: Path) -> Config:
    daemon = config.daemon
    moved = {
        name: root / value
        for name in ("state_dir", "socket", "recipes_dir", "profiles_dir", "secrets_file")
        if (value := getattr(daemon, name)) is not None
    }
    ports = tuple(
        port if port.url else port.model_copy(update={"path": str(root / port.path)})
        for port in config.ports
    )
    return config.model_copy(
        update={
            "daemon": daemon.model_copy(update=moved),
            "agents": rooted(config.agents, root),
            "backup": rooted(config.backup, root),
            "http": rooted(config.http, root),
            "xmpp": rooted(config.xmpp, root),
            "whatsapp": rooted(config.whatsapp, root),
            "ports": ports,
        }
    )
