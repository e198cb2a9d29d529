"""Recorded USSD dialogues, played through the whole driver.

The modem is a port that says what was recorded, step by step, whatever the form in which
we ask: a record of a refused form (without quotes, without a dcs, in another encoding) says
how the modem answers it, not how we must ask. What comes back from the driver must be what
the record says: the text, <m> and dcs; and where it names none, no answer.
"""

import asyncio
import re
from dataclasses import replace
from typing import Any

from pulsarack.modems.at.cusd import UssdEncoding
from pulsarack.modems.profile import Profiles
from pulsarack.modems.results import Refused, Silence, UssdAnswer, UssdResult
from pulsarack.ussd.status import UssdStatus
from tests.conformance.check import Unknowable
from tests.modems.world import Reply, World

Step = dict[str, Any]
WAIT_SECONDS = 60.0

_REQUEST = re.compile(r'AT\+CUSD=1,"?([^",]*)"?(?:,\d+)?')
_UCS2_REQUEST = re.compile(r"(?:00[0-9A-F]{2}){2,}")
_CANCEL = "AT+CUSD=2"
# Everything that is no answer: refused by the modem, or nothing came.
_FAILED = frozenset({UssdStatus.NOT_SUPPORTED, UssdStatus.NETWORK_TIMEOUT})


def differences(row: dict[str, Any]) -> list[str]:
    """In words, what came out otherwise than the record says; Unknowable."""
    return asyncio.run(_play(row["steps"]))


async def _play(steps: list[Step]) -> list[str]:
    """Step by step; what cannot be played does not keep the rest from being looked at."""
    world = World([("ATE0", b"\r\nOK\r\n")])
    found: list[str] = []
    unknown: Unknowable | None = Unknowable("nothing in it is dialled as the product dials")
    is_open, played = False, 0
    for number, step in enumerate(steps, 1):
        if "event" in step or _is_untold(step) or not _is_ussd(step):
            continue
        if not played:
            unknown = None
        played += 1
        try:
            if step["tx"] == _CANCEL:
                _expect(world, _CANCEL, _bytes(step))
                await world.run(world.modem.cancel_ussd())
                is_open = False
                continue
            result = await _ask(world, step, is_open)
        except Unknowable as error:
            unknown, is_open = error, False
            continue
        is_open = isinstance(result, UssdAnswer) and result.status is UssdStatus.ACTION_REQUIRED
        found += [f"step {number}: {difference}" for difference in _compare(step, result)]
    if unknown is not None and not found:
        raise unknown
    return found


def _is_ussd(step: Step) -> bool:
    """Not a set-up command, nor a way to dial that the product does not know."""
    return step["tx"].startswith(("AT+CUSD", "*", "#")) or step["tx"].isdecimal()


def _is_untold(step: Step) -> bool:
    """The record only tells that something happened, not what was said."""
    return step["m"] is None and step["rx"] is not None and step["rx"][0].startswith("(")


async def _ask(world: World, step: Step, is_open: bool) -> UssdResult:
    match = _REQUEST.match(step["tx"])
    text = match[1] if match else step["tx"]
    if _UCS2_REQUEST.fullmatch(text):
        text = bytes.fromhex(text).decode("utf-16-be")
    reply = _bytes(step)
    world.modem._ussd.profile = _profile(world.profiles, step)
    if not is_open:
        _expect(world, _CANCEL, b"\r\nERROR\r\n")
        await world.run(world.modem.cancel_ussd())
    _expect(world, _ANY_REQUEST, reply)
    ask = world.modem.answer_ussd if is_open else world.modem.dial_ussd
    result: UssdResult = await world.run(ask(text, WAIT_SECONDS))
    world.check()
    return result


_ANY_REQUEST = r"AT\+CUSD=1,.*"


def _expect(world: World, command: str, reply: Reply) -> None:
    pattern = command if command == _ANY_REQUEST else re.escape(command)
    world.port.left_over[:] = [(pattern, reply)]


def _bytes(step: Step) -> Reply:
    """The lines, each between line ends; what follows the first comes when it is due."""
    if step["rx"] is None:
        raise Unknowable("the lines of the modem are missing")
    pieces: list[bytes | float] = []
    for line in step["rx"]:
        if "..." in line.rsplit(",", 1)[0][-5:]:
            raise Unknowable("the lines of the modem are shortened")
        if pieces:
            pieces.append(min(float(step.get("seconds", 0.1)), WAIT_SECONDS / 2))
        pieces.append(f"\r\n{line}\r\n".encode("latin-1"))
    return tuple(pieces)


def _profile(profiles: Profiles, step: Step) -> Any:
    """One encoding alone, so that a refusal is what it was in the record."""
    match = _REQUEST.match(step["tx"])
    ucs2 = match is not None and _UCS2_REQUEST.fullmatch(match[1])
    encoding = UssdEncoding.UCS2_HEX if ucs2 else UssdEncoding.PLAIN
    return replace(profiles.generic, ussd_encodings=(encoding,))


def _compare(step: Step, result: UssdResult) -> list[str]:
    expected, text = step["m"], step["text"]
    failed = expected is None or UssdStatus(expected) in _FAILED or text is None
    if failed:
        return _compare_failure(step, result)
    if not isinstance(result, UssdAnswer):
        return [f"came to {result!r}, recorded {text!r}"]
    read = (int(result.status), result.text, result.dcs)
    wanted = (expected, text.replace("\r\n", "\n"), step["dcs"])
    return [] if read == wanted else [f"read {read!r}, recorded {wanted!r}"]


def _compare_failure(step: Step, result: UssdResult) -> list[str]:
    """No answer may be made of it; what was accepted or came to a +CUSD may have left."""
    lines = step["rx"]
    if isinstance(result, Silence):
        return [] if lines == ["OK"] and result.left else [f"silence, recorded {lines!r}"]
    if not isinstance(result, Refused):
        return [f"came to {result!r}, recorded {lines!r}"]
    accepted = lines[0] == "OK" or lines[0].startswith("+CUSD")
    if accepted and not result.left:
        return ["is said not to have left, which nothing proves"]
    return []
