"""A JSON body as its record, strictly: each key once, no unknown key, exact types, UTF-8.

msgspec takes the last of two equal keys; where money hangs on it that would be a guess.
"""

from typing import TypeVar

import msgspec
from aiohttp import web

from pulsarack.daemon import json_text
from pulsarack.daemon.channels.http.refusals import HttpRefusal, Why
from pulsarack.daemon.channels.http.routes import JSON, Call

Record = TypeVar("Record", bound=msgspec.Struct)


def read(call: Call, kind: type[Record]) -> Record:
    """The body as a record; raises HttpRefusal."""
    _check_type(call.request.headers.get("Content-Type"), call.request)
    return decode(call.body, kind)


def decode(body: bytes, kind: type[Record]) -> Record:
    """Octets as a record; raises HttpRefusal."""
    try:
        found = msgspec.json.decode(body, type=kind)
        json_text.refuse_repeated_keys(body)
        msgspec.json.encode(found).decode()  # halves of characters can be stored nowhere
        return found
    except json_text.RepeatedKey as error:
        raise HttpRefusal(Why.BAD_JSON, str(error)) from None
    except msgspec.ValidationError as error:
        raise HttpRefusal(Why.BAD_FIELD, _problem(error)) from None
    except (ValueError, RecursionError):  # what they quote of the text may be a secret
        raise HttpRefusal(Why.BAD_JSON, "the body is not JSON, or too deep") from None


def read_query(call: Call, kind: type[Record]) -> Record:
    """The query as a record; raises HttpRefusal."""
    try:
        return msgspec.convert(call.query(), kind, strict=False)
    except msgspec.ValidationError as error:
        raise HttpRefusal(Why.BAD_QUERY, _problem(error)) from None


def answer(found: object, status: int = 200) -> web.Response:
    """A record as a body."""
    return web.Response(status=status, body=msgspec.json.encode(found), headers=JSON)


def _check_type(header: str | None, request: web.Request) -> None:
    if header is None or request.content_type != "application/json":
        raise HttpRefusal(Why.BAD_CONTENT_TYPE, "the body is not called application/json")
    check_charset(request)


def check_charset(request: web.Request) -> None:
    """Refuse a body that is called something else than UTF-8; raises HttpRefusal."""
    if (request.charset or "utf-8").lower().replace("_", "-") not in ("utf-8", "utf8"):
        raise HttpRefusal(Why.FOREIGN_CHARSET, "the body is in another charset than UTF-8")


def _problem(error: msgspec.ValidationError) -> str:
    return str(error).replace("`", "")[:200]
