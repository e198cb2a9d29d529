"""What a modem says it can do, against what its profile wants of it: questions for a technician.

Each is a question that changes nothing, and each may be refused: what is not told is not
missing. What a modem lists is not always what it takes, so only what it does not list is
reported. The makers' own commands are asked of their makers alone.

Sources: 27.007 5.5 (+CSCS), 7.1 (+CNUM), 7.15 (+CUSD), 8.37 (+CLAC), 8.69 (+CESQ); 27.005
3.2.2 (+CPMS), 3.3.1 (+CSCA), 3.4.1 (+CNMI).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from pulsarack.modems.at import abilities, numbers, service, signal, sim_state, stores
from pulsarack.modems.at.events import Response, question
from pulsarack.modems.conversation import Conversation
from pulsarack.modems.profile import Profile

T = TypeVar("T")

_MAKERS = {
    "huawei": ("AT^HCSQ?", "AT^SYSINFOEX", "AT^SYSINFO"),
    "zte": ("AT+ZPAS?",),
    "telit": ("AT#QSS?",),
}


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that the profile wants and the modem does not list, and what to do."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What was told; None and empty are what was not.

    power_dbm    the received power by +CESQ or ^HCSQ, finer than +CSQ
    radio        how it is served, in the maker's words
    card         of the card, likewise
    own_numbers  as the card has them; many cards have none, or a wrong one
    """

    ussd: bool | None = None
    charsets: tuple[str, ...] = ()
    message_stores: tuple[str, ...] = ()
    service_centre: str | None = None
    own_numbers: tuple[str, ...] = ()
    power_dbm: float | None = None
    radio: str | None = None
    card: str | None = None
    lacks: tuple[Lack, ...] = field(default=())


class Surveyor:
    """Asks one modem; the caller holds its lock."""

    def __init__(self, conversation: Conversation, profile: Profile, manufacturer: str) -> None:
        self._conversation = conversation
        self._profile = profile
        self._manufacturer = manufacturer.casefold()

    async def ask(self) -> Survey:
        """All questions, one after the other; ModemSilent, PortGone."""
        ussd = await self._ussd()
        charsets = _words(map(abilities.parse_charsets, await self._lines("AT+CSCS=?")))
        choices = [stores.parse_choices(line) for line in await self._lines("AT+CPMS=?")]
        message_stores = choices[0][0] if choices and choices[0] else ()
        notices = _first(map(abilities.parse_indications, await self._lines("AT+CNMI=?")))
        centre = _first(map(numbers.parse_centre, await self._lines("AT+CSCA?")))
        own = numbers.parse_own_numbers(await self._lines("AT+CNUM"))
        power, radio, card = await self._of_the_maker()
        return Survey(
            ussd=ussd,
            charsets=charsets,
            message_stores=message_stores,
            service_centre=centre.number if centre else None,
            own_numbers=own,
            power_dbm=power,
            radio=radio,
            card=card,
            lacks=tuple(
                lack
                for lack in (
                    _no_ussd(ussd),
                    _no_charset(self._profile, charsets),
                    _no_store(self._profile, message_stores),
                    _no_notices(self._profile, notices),
                    _no_centre(centre),
                )
                if lack is not None
            ),
        )

    async def _ussd(self) -> bool | None:
        # The machine hands out every +CUSD line as a notice; the OK says enough.
        if (await self._run("AT+CUSD=?")).final.ok:
            return True
        commands = abilities.parse_commands(await self._lines("AT+CLAC"))
        return "+CUSD" in commands if commands else None

    async def _of_the_maker(self) -> tuple[float | None, str | None, str | None]:
        extended = _first(map(signal.parse_extended, await self._lines("AT+CESQ")))
        power = extended.dbm if extended else None
        radio = card = None
        for maker, commands in _MAKERS.items():
            if maker not in self._manufacturer:
                continue
            for command in commands:
                for line in await self._lines(command):
                    quality = signal.parse_huawei(line)
                    power = quality.dbm if quality and power is None else power
                    radio = radio or _radio(line)
                    card = card or _card(line)
        return power, radio, card

    async def _lines(self, text: str) -> tuple[str, ...]:
        response = await self._run(text)
        return response.lines if response.final.ok else ()

    async def _run(self, text: str) -> Response:
        return await self._conversation.run(question(text), self._profile.slow_seconds)


def _radio(line: str) -> str | None:
    serving = service.parse_radio(line)
    if serving is not None:
        return " ".join(filter(None, (serving.radio, serving.domain)))
    quality = signal.parse_huawei(line)
    return quality.radio if quality else None


def _card(line: str) -> str | None:
    system = service.parse_system(line)
    if system is not None and system.card is not None:
        return "valid" if system.card_valid else f"not valid ({system.card})"
    return sim_state.parse_card(line)


def _no_ussd(ussd: bool | None) -> Lack | None:
    if ussd is not False:
        return None
    return Lack("it does not know USSD (AT+CUSD)", "use it for operators that sell by SMS alone")


def _no_charset(profile: Profile, charsets: tuple[str, ...]) -> Lack | None:
    wanted = profile.charset
    if not wanted or not charsets or wanted in charsets:
        return None
    remedy = f'set charset in a profile of its own to one of {", ".join(charsets)}, or to ""'
    return Lack(f"it does not list the charset {wanted} of its profile", remedy)


def _no_store(profile: Profile, told: tuple[str, ...]) -> Lack | None:
    if not told or profile.sms_store in told:
        return None
    remedy = f"set sms.store in a profile of its own to one of {', '.join(told)}"
    return Lack(f"it does not list the message store {profile.sms_store} of its profile", remedy)


def _no_notices(profile: Profile, told: abilities.Indications | None) -> Lack | None:
    if told is None or any(told.allow(form) for form in profile.cnmi):
        return None
    what = "it lists no form of AT+CNMI that its profile knows"
    return Lack(what, "nothing to do, unless texts come late: then it is polled")


def _no_centre(centre: numbers.Centre | None) -> Lack | None:
    if centre is None or centre.number:
        return None
    remedy = 'set it once with AT+CSCA="+62...", as the operator says'
    return Lack("no service centre is set, so that no text can be sent", remedy)


def _first(found: Iterable[T | None]) -> T | None:
    return next((one for one in found if one is not None), None)


def _words(found: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(word for words in found for word in words)
