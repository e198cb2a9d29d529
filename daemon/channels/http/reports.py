"""Reporting results to agents' programs: the outgoing half of the HTTP channel.

The postman hands a parcel over; here it becomes one request in the form that the account wants
(`Formatter`), and its answer decides: 2xx is DELIVERED, everything else is tried again, with the
same id, until the parcel is too old. A request of which nobody knows whether it arrived is MAYBE.
Only an address that reports can never go to is NEVER.

A receiver that is slow or dead holds up nobody else: a host has so many reports under way at
once, and further ones for it come back a moment later.
"""

import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from yarl import URL

from pulsarack.daemon.channels.carrier import Parcel, Sent, SentKind
from pulsarack.daemon.channels.http import addresses, report_urls, signing, wire
from pulsarack.daemon.channels.http.desk import OrderStanding
from pulsarack.daemon.channels.http.limits import Places
from pulsarack.daemon.channels.http.native import order_view
from pulsarack.daemon.channels.http.parts import Account
from pulsarack.daemon.channels.http.refusals import HttpRefusal
from pulsarack.daemon.config_http import HttpSection
from pulsarack.daemon.context import MS
from pulsarack.modems.timing import Clock

NATIVE = "native"
_HOST_IS_BUSY_SECONDS = 2.0
_BUSY_LONGEST = 60.0
_SHORTEST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 5.0, 3600.0
_ANSWER_OCTETS = 4096
_MANY = 100_000


@dataclass(frozen=True, slots=True)
class Report:
    """What is to be told: `order` is the order as it stands now, the parcel's text what was written
    then; `available` is the agent's deposit now, rupiah."""

    parcel: Parcel
    account: Account
    url: URL
    order: OrderStanding | None
    now_ms: int
    nonce: str
    available: int | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """One request, ready to be sent."""

    method: str
    url: URL
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


Formatter = Callable[[Report], Post]


def native(report: Report) -> Post:
    """The native form: JSON, signed as requests to us are. Raises ValueError without a secret."""
    account, parcel = report.account, report.parcel
    secret = account.report_secret or account.key
    if secret is None:
        raise ValueError("the account has no secret to sign reports with")
    view = None if report.order is None else order_view(report.order)
    body = msgspec.json.encode(wire.Report(id=parcel.id, text=parcel.text, order=view))
    headers = signing.headers(
        account.member,
        secret,
        "POST",
        report.url.raw_path_qs,
        body,
        timestamp=report.now_ms // MS,
        nonce=report.nonce,
    )
    return Post("POST", report.url, {**headers, "Content-Type": "application/json"}, body)


class Reporter:
    """Sends reports. `start` before, `stop` after."""

    def __init__(
        self,
        clock: Clock,
        settings: HttpSection,
        formatters: Mapping[str, Formatter],
        new_id: Callable[[], str],
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._formatters = formatters
        self._new_id = new_id
        self._private = addresses.networks(settings.report_private_networks)
        self._resolver = resolver
        self._hosts = Places(_MANY, settings.reports_per_host)
        self._session: aiohttp.ClientSession | None = None
        self._guard: report_urls.GuardedResolver | None = None

    async def start(self) -> None:
        """Make ready to send."""
        self._guard = report_urls.GuardedResolver(self._private, self._resolver)
        connector = aiohttp.TCPConnector(
            resolver=self._guard,
            use_dns_cache=False,
            limit=self._settings.reports_at_once,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._settings.report_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": "pulsarack"},
        )

    async def stop(self) -> None:
        """Send no more."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._guard is not None:  # the connector leaves it to us
            await self._guard.close()
            self._guard = None

    async def report(
        self,
        parcel: Parcel,
        account: Account | None,
        dialect: str,
        look: Callable[[], Awaitable[tuple[OrderStanding | None, int | None]]],
    ) -> Sent:
        """One try; `look` gives the order as it stands, and the agent's deposit."""
        # An account's name may be another agent's by now, who is told nothing of this one's orders.
        if account is None or account.agent != parcel.agent or not account.report_url:
            return Sent(SentKind.NEVER, why="the account has no report URL")
        try:
            url = report_urls.check(account.report_url, self._private)
        except report_urls.NotAllowed as error:
            return Sent(SentKind.NEVER, why=f"report URL: {error}")
        formatter = self._formatters.get(dialect or account.report_dialect or NATIVE)
        if formatter is None:
            return Sent(SentKind.NEVER, why="there is no such dialect of reports")
        host = f"{url.host}:{url.port}"
        if not self._hosts.enter(host):
            why = "other reports to this host are under way"
            # Ever more seldom: thousands wait for a receiver that is slow or dead, and each look
            # at one of them is two transactions and a line in the log.
            wait = min(_HOST_IS_BUSY_SECONDS * 2.0 ** min(parcel.tries - 1, 9), _BUSY_LONGEST)
            return Sent(SentKind.LATER, why=why, again_seconds=wait)
        try:
            order, available = await look()
            report = Report(
                parcel, account, url, order, self._clock.now_ms(), self._new_id(), available
            )
            return await self._send(formatter(report))
        except (ValueError, HttpRefusal) as error:
            return Sent(SentKind.NEVER, why=str(error))
        finally:
            self._hosts.leave(host)

    async def _send(self, post: Post) -> Sent:
        if self._session is None:
            return Sent(SentKind.LATER, why="the channel is down")
        try:
            report_urls.check(str(post.url), self._private)
            async with self._session.request(
                post.method,
                post.url,
                data=post.body,
                headers=dict(post.headers),
                allow_redirects=False,
            ) as answer:
                # Its status has said all; who never ends his answer has the report all the same.
                with contextlib.suppress(TimeoutError, aiohttp.ClientError):
                    await answer.content.read(_ANSWER_OCTETS)
                return _judged(answer.status, answer.headers.get("Retry-After"))
        except report_urls.NotAllowed as error:
            return Sent(SentKind.NEVER, why=f"report URL: {error}")
        except (aiohttp.ClientConnectorError, ssl.SSLError) as error:
            if isinstance(error.__cause__, report_urls.NotAllowed):
                return Sent(SentKind.LATER, why=f"report URL: {error.__cause__}")
            return Sent(SentKind.LATER, why="no connection to the receiver")
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            # Not the error's words: they quote the URL, which may hold a secret.
            return Sent(SentKind.MAYBE, why=f"no answer of the receiver ({type(error).__name__})")


def _judged(status: int, retry_after: str | None) -> Sent:
    if 200 <= status < 300:
        return Sent(SentKind.DELIVERED)
    wait = None
    if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
        # "0" at every try would be as many tries as the machine can do.
        wait = max(_SHORTEST_WAIT_SECONDS, min(int(retry_after[:9]), _LONGEST_WAIT_SECONDS))
    return Sent(SentKind.LATER, why=f"the receiver answered {status}", again_seconds=wait)
