"""Requests to Meta's Graph API: how they are written, sent, and their answers read.

One POST a message (Cloud API, "Messages"). A redirect is not followed, since the token would go
with it, and no more of an answer is read than an honest one has. Whether a request without an
answer was carried out nobody knows; one for which there was no connection was not.
"""

import re
from dataclasses import dataclass
from typing import Any

import aiohttp

from pulsarack.daemon import json_text
from pulsarack.daemon.channels.carrier import ChannelState, Sent, SentKind, Standing
from pulsarack.daemon.channels.whatsapp import graph_errors
from pulsarack.daemon.channels.whatsapp.graph_errors import Meaning
from pulsarack.daemon.channels.within import within
from pulsarack.daemon.config_whatsapp import WhatsAppSection
from pulsarack.daemon.secrets import Secret
from pulsarack.modems.timing import Clock
from pulsarack.queue.identity.addresses import is_bsuid

TEXT_LIMIT = 4096
TEMPLATE_LIMIT = 1024
_ANSWER_LIMIT = 64 * 1024
_GOOD = range(200, 300)
_PROVIDER_ID = re.compile(r"[\x21-\x7e]{1,200}")
_SPACES = re.compile(r"\s+")
_NO_CHARACTER = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a message's id, or what its error means."""

    provider_id: str | None = None
    error: Meaning | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer came; `kind` is LATER or MAYBE."""

    kind: SentKind
    why: str

    @property
    def state(self) -> ChannelState:
        """What it says of the channel."""
        return ChannelState(Standing.DOWN, self.why, "it is tried again by itself")


class Graph:
    """One connection pool to the API."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: WhatsAppSection,
        token: Secret,
        clock: Clock,
    ) -> None:
        self._session = session
        self._settings = settings
        self._token = token
        self._clock = clock
        base = f"{settings.base_url}/{settings.api_version}/{settings.phone_number_id}"
        self._number, self._messages = base, f"{base}/messages"

    async def look(self) -> Answer | Failure:
        """Whether the number can be used with the token."""
        return await self._ask("GET", f"{self._number}?fields=id", None)

    async def post(self, message: dict[str, Any]) -> Answer | Failure:
        """Send a message."""
        return await self._ask("POST", self._messages, message)

    async def _ask(self, method: str, url: str, message: dict[str, Any] | None) -> Answer | Failure:
        try:
            async with (
                within(self._clock, self._settings.timeout_seconds),
                self._session.request(
                    method,
                    url,
                    json=message,
                    headers={"Authorization": f"Bearer {self._token.reveal()}"},
                    allow_redirects=False,
                ) as response,
            ):
                return read_answer(response.status, await _body(response))
        except aiohttp.ClientConnectorError as error:
            return Failure(SentKind.LATER, f"Meta cannot be reached: {error.os_error.strerror}")
        except TimeoutError:
            return Failure(SentKind.MAYBE, "Meta did not answer in time")
        except (aiohttp.ClientError, OSError) as error:
            return Failure(SentKind.MAYBE, f"the connection broke: {type(error).__name__}")


def text_message(address: str, text: str) -> dict[str, Any]:
    """A free text, for an open window."""
    body = {"preview_url": False, "body": clean(text)[:TEXT_LIMIT]}
    return _envelope(address) | {"type": "text", "text": body}


def template_message(address: str, text: str, settings: WhatsAppSection) -> dict[str, Any] | None:
    """The text as the one variable of the template; None if it is too long for that."""
    # Meta takes no line ends in a variable, and no rows of spaces.
    line = _SPACES.sub(" ", clean(text)).strip()
    if len(line) > TEMPLATE_LIMIT:
        return None
    template = {
        "name": settings.template_name,
        "language": {"code": settings.template_language},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": line}]}],
    }
    return _envelope(address) | {"type": "template", "template": template}


def clean(text: str) -> str:
    """A text of which JSON, and a telephone, can make something."""
    return _NO_CHARACTER.sub(" ", text)


def read_answer(status: int, body: bytes) -> Answer:
    """What an answer says. One that says yes without an id is believed."""
    try:
        whole = json_text.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        whole = None
    table = whole if isinstance(whole, dict) else {}
    if status in _GOOD and "error" not in table:
        return Answer(provider_id=_provider_id(table))
    error = table.get("error")
    code, subcode = _codes(error if isinstance(error, dict) else {})
    return Answer(error=graph_errors.meaning(status, code, subcode))


def sent(answer: Answer | Failure) -> Sent:
    """The same as the postman wants it."""
    if isinstance(answer, Failure):
        return Sent(answer.kind, why=answer.why)
    if answer.error is None:
        return Sent(SentKind.SENT, provider_id=answer.provider_id)
    return Sent(answer.error.kind, why=answer.error.why, again_seconds=answer.error.again_seconds)


def _envelope(address: str) -> dict[str, Any]:
    # Who has taken a name is reached by his id; a number would go before it.
    to = {"recipient": address} if is_bsuid(address) else {"to": address}
    return {"messaging_product": "whatsapp", "recipient_type": "individual", **to}


def _provider_id(table: dict[str, Any]) -> str | None:
    messages = table.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    found = first.get("id") if isinstance(first, dict) else None
    return found if isinstance(found, str) and _PROVIDER_ID.fullmatch(found) else None


def _codes(error: dict[str, Any]) -> tuple[int | None, int | None]:
    code, subcode = error.get("code"), error.get("error_subcode")
    return (code if type(code) is int else None), (subcode if type(subcode) is int else None)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    found = b""
    async for chunk in response.content.iter_chunked(8192):
        found += chunk
        if len(found) > _ANSWER_LIMIT:
            return b""
    return found
