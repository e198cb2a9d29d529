"""The daemon's log: structured events on one stream, one event a line, no secret in any.

On a terminal the lines are text for people, elsewhere JSON for machines. When systemd
has connected the stream to its journal every line begins with its level in the form
`<N>` (sd-daemon(3)), so that `journalctl -p warning` works. The fields bound with
`bound` (order, chip, slot) stand in every line that is logged inside it, also by the
libraries. The last step before the rendering is redaction.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Literal, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pulsarack.daemon.redaction import Redactor
from pulsarack.daemon.secrets import Secret

LogFormat = Literal["auto", "text", "json"]
Logger = structlog.typing.FilteringBoundLogger

# syslog(3) priorities by the names of our levels.
_PRIORITY: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_LEVEL: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_MILLISECONDS: Final = 1000
# A value that is not one plain word is quoted, so that no text can forge a field or a line.
# Half a surrogate pair is no character at all.
_PLAIN = re.compile(r"[^\s\"'=\\\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+")

_redactor = Redactor()
_bound: ContextVar[Mapping[str, object]] = ContextVar("bound", default={})  # noqa: B039 - never changed
_configured: object = None  # another one after each `configure`


def configure(
    level: str,
    log_format: LogFormat,
    stream: TextIO,
    *,
    now_ms: Callable[[], int] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Sends all logging of this process to the stream; may be called again to change it.

    `now_ms` gives the time of each line; without it lines carry none, as suits a stream
    whose reader stamps them.
    """
    global _configured
    as_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    processors: list[Processor] = [
        _add_bound,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
    ]
    if now_ms is not None:
        processors.append(_Stamp(now_ms))
    processors += [_redactor, render_text if as_text else render_json]
    if goes_to_journal(stream, environ):
        processors.insert(-1, _keep_priority)
        processors[-1] = _Prefixed(processors[-1])
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(_LEVEL[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    _configured = object()
    _take_over_standard_logging(_LEVEL[level])


def get(**fields: object) -> Logger:
    """A logger with these fields in all of its lines."""
    return cast("Logger", _Following(fields))


def bound(**fields: object) -> AbstractContextManager[None]:
    """While it lasts, every line of this task carries the fields: order, chip, slot."""
    return _Binding(fields)


def mask(known: Iterable[Secret]) -> None:
    """Registers the secrets of this process; from now on no line shows one of them."""
    _redactor.register(known)


def masked(text: str) -> str:
    """A free text as it may be shown or stored."""
    return _redactor.text(text)


def order_finished(
    log: Logger,
    *,
    order: int | str,
    agent: str,
    product: str,
    destination: str,
    chip: str | None,
    slot: str | None,
    attempts: int,
    outcome: str,
    reason: str | None,
    seconds_queued: float | None,
    seconds_total: float | None,
) -> None:
    """The one line by which a finished order is found, counted and timed.

    `outcome` is the final state, `reason` why it is not SUCCEEDED; the durations count
    from the receipt of the order to its first claim (None if there was none) and its end.
    """
    log.info(
        "order.finished",
        order=order,
        agent=agent,
        product=product,
        destination=destination,
        chip=chip,
        slot=slot,
        attempts=attempts,
        outcome=outcome,
        reason=reason,
        seconds_queued=seconds_queued,
        seconds_total=seconds_total,
    )


def goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether systemd's journal reads this very stream.

    $JOURNAL_STREAM names the device and inode of the connection (systemd.exec(5)); a
    stream that was redirected somewhere else since then is not it.
    """
    named = environ.get("JOURNAL_STREAM", "")
    if not named:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{status.st_dev}:{status.st_ino}"


def render_json(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """One JSON object, the event's name first."""
    ordered = {"event": event.pop("event", ""), **event}
    if isinstance(at := event.get("at"), _Instant):
        ordered["at"] = _moment(at)
    try:
        return msgspec.json.encode(ordered, enc_hook=str).decode()
    except UnicodeEncodeError:
        # Half a surrogate pair, from a text that was cut in two: slower, but it escapes them.
        return json.dumps(ordered, default=str)


def render_text(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """One line for people: time, level, event, fields; an exception's trace below it."""
    trace = event.pop("exception", None)
    at = event.get("at")
    head = [_moment(event.pop("at"))] if isinstance(at, _Instant) else []
    head += [f"{event.pop('level', method):7}", _word(event.pop("event", ""), quote=False)]
    fields = [f"{key}={_word(value)}" for key, value in event.items()]
    below = "".join(f"\n    {line}" for line in str(trace).splitlines()) if trace else ""
    return " ".join(head + fields) + below


def _word(value: object, *, quote: bool = True) -> str:
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    text = text.encode("utf-8", "backslashreplace").decode()
    encoded = msgspec.json.encode(text).decode()
    # JSON leaves these as they are, but a terminal or a reader of lines would obey them.
    encoded = re.sub(r"[\x7f-\x9f\u2028\u2029]", lambda c: f"\\u{ord(c[0]):04x}", encoded)
    return encoded if quote else encoded[1:-1]


class _Instant(int):
    """The time of a line, milliseconds UTC: a number, which no secret can be found in."""


def _moment(at: int) -> str:
    """ISO 8601 in UTC."""
    seconds, milliseconds = divmod(at, _MILLISECONDS)
    return f"{_second(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%dT%H:%M:%S}"


class _Following:
    """A logger by the configuration of the moment; made anew only when that has changed.

    Loggers are made before the log is configured, and configured again by tests.
    """

    __slots__ = ("_fields", "_logger", "_made_for")

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields
        self._logger: Any = None
        self._made_for: object = None

    def __getattr__(self, name: str) -> Any:
        if self._logger is None or self._made_for is not _configured:
            self._logger = structlog.get_logger(**self._fields).bind()
            self._made_for = _configured
        return getattr(self._logger, name)


class _Binding(AbstractContextManager[None]):
    """Fields for all lines of a task while it lasts."""

    __slots__ = ("_before", "_fields")

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields
        self._before: Mapping[str, object] = {}

    def __enter__(self) -> None:
        self._before = _bound.get()
        _bound.set({**self._before, **self._fields})

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Not by a token: a task that is thrown away leaves from outside its context.
        _bound.set(self._before)


def _add_bound(
    logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in _bound.get().items():
        event.setdefault(key, value)
    return event


class _Stamp:
    """Adds the time of the line; rendered last."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms

    def __call__(
        self, logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["at"] = _Instant(self._now_ms())
        return event


def _keep_priority(
    logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    event["_priority"] = _PRIORITY.get(str(event.get("level", method)), 6)
    return event


class _Prefixed:
    """Puts the journal's level in front of every line of a rendered event."""

    def __init__(self, render: Processor) -> None:
        self._render = render

    def __call__(self, logger: WrappedLogger, method: str, event: MutableMapping[str, Any]) -> str:
        priority = event.pop("_priority")
        lines = str(self._render(logger, method, event)).split("\n")
        return "\n".join(f"<{priority}>{line}" for line in lines)


class _Forward(logging.Handler):
    """Hands what the libraries log to the same chain, so that it is redacted as well."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        log = structlog.get_logger(library=record.name)
        name = level if level in _PRIORITY else "info"
        getattr(log, name)(record.getMessage(), exc_info=record.exc_info)


def _take_over_standard_logging(level: int) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _Forward)]:
        root.removeHandler(handler)
    root.addHandler(_Forward())
    root.setLevel(max(level, logging.INFO))
    # At debug level it prints the parameters of every statement.
    logging.getLogger("peewee").setLevel(logging.WARNING)
    # Its errors quote what agents write, PINs and all; what counts is told by the channel.
    logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
