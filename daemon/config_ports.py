"""[[port]], [usb] and [modems]: where the modems are, and what is special about them."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_errors import Problem, line_of
from pulsarack.daemon.config_fields import Section, explained, form, not_empty, printable
from pulsarack.modems import port_url

Baud = Literal[9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600]


def _port_url(path: str) -> str:
    if "://" in path and port_url.parse(path) is None:
        raise ValueError('write "rfc2217://HOST:PORT", "socket://HOST:PORT", or a path')
    return path


Iccid = Annotated[str, AfterValidator(form(r"[0-9]{18,20}", "write the 18 to 20 digits"))]
Imsi = Annotated[str, AfterValidator(form(r"[0-9]{14,15}", "write the 14 or 15 digits"))]
GammuWord = Annotated[
    str, AfterValidator(form(r"[A-Za-z0-9_.-]{1,40}", "write the word that gammu has for it"))
]
_PHONE_KEYS = ("connection", "iccid", "imsi")


_IMEI = re.compile(r"[0-9]{15}")


def _imeis(imeis: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_IMEI.fullmatch(one) for one in imeis):
        raise ValueError("write IMEIs of 15 digits, as pulsarack modem list shows them")
    return imeis


PortPath = Annotated[
    str, AfterValidator(not_empty), AfterValidator(printable), AfterValidator(_port_url)
]
Imeis = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_imeis)]


class PortSection(Section):
    """[[port]]: one serial port, a glob that stands for several, or one on the network.

    With `driver` gammu a phone, which needs `connection` and the numbers of its card.
    """

    ABOUT: ClassVar[str] = (
        "One section for each port that is not found by itself: a plain serial port, or one on"
        " the network. A path may be a glob that stands for many. Names under by-path stay with"
        " the place in the rack; ttyUSB0 is whatever was found first. Two sections must not name"
        " the same port."
    )

    path: PortPath = explained(
        ...,
        "A path, or the address of a terminal server: rfc2217:// for ser2net in telnet mode,"
        " socket:// for the bytes alone over TCP.",
        "/dev/ttyS0",
        "rfc2217://192.0.2.7:4001",
        "socket://192.0.2.7:4002",
    )
    baud: Baud = explained(
        115200,
        "9600, 19200, 38400, 57600, 115200, 230400, 460800 or 921600. USB modems take any.",
    )
    driver: Literal["at", "gammu"] = explained(
        "at",
        '"gammu" for a phone that does not speak AT (Nokia and others). gammu tells no card'
        " number, so the numbers of the card in it stand here; with another card it does not"
        " sell. model is only for phones that gammu does not know by themselves.",
        "gammu",
    )
    connection: GammuWord | None = explained(None, "", "fbusdlr3")
    model: GammuWord | None = explained(None, "", "6510")
    iccid: Iccid | None = explained(None, "", "8962100012345678901")
    imsi: Imsi | None = explained(None, "", "510100012345678")

    @property
    def url(self) -> port_url.PortUrl | None:
        """Where on the network it is, if it is there."""
        return port_url.parse(self.path)


_USB_PATTERN = re.compile(r"[A-Za-z0-9:._*?-]{1,100}")


def _usb_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_USB_PATTERN.fullmatch(one) for one in patterns):
        raise ValueError('write slots ("usb-0000:00:14.0-2.*") or models ("12d1:*")')
    return patterns


UsbPatterns = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_usb_patterns)]


class UsbSection(Section):
    """[usb]: the USB modems that are found by themselves, without a section [[port]].

    `modems` None: as long as no [[port]] is named.
    """

    ABOUT: ClassVar[str] = (
        "USB modems are found by themselves, as long as no section [[port]] is named below. A"
        " slot is the place on the bus, such as usb-0000:00:14.0-2.1 (controller, port, port of"
        " the hub there), and keeps its name whatever is plugged in and whatever its tty is"
        " called; each port of a USB-serial card is a slot of its own (...-if03). docs/ports.md"
        " tells how."
    )

    modems: bool | None = explained(
        None,
        "true: beside the sections [[port]] too; false: never.",
        True,
    )
    only: UsbPatterns = explained(
        (),
        "Only these, or all but these: slots or models (vendor:product), with * for anything."
        " pulsarack modem list shows the slots.",
    )
    never: UsbPatterns = ()
    baud: Baud = explained(
        115200,
        "The speed of USB-serial cables; modems with USB of their own take any.",
    )


class ModemsSection(Section):
    """[modems]: what holds for all modems."""

    shared_imeis: Imeis = explained(
        (),
        "No two modems with one IMEI may be at work at once: such a modem may be seen twice. If a"
        " maker gave many of your sticks the same, name it here, as pulsarack modem list shows it.",
    )


def repeated(raw: dict[str, Any], text: str) -> list[Problem]:
    """Two sections for one port would open it twice."""
    ports = raw.get("port")
    first: dict[str, int] = {}
    problems = []
    for number, port in enumerate(ports if isinstance(ports, list) else [], start=1):
        path = port.get("path") if isinstance(port, dict) else None
        if not isinstance(path, str):
            continue
        if path in first:
            message = f"{path!r} stands in port[{first[path]}] already"
            line = line_of(text, ("port", number - 1, "path"))
            place = f"port[{number}].path"
            problems.append(Problem(place, message, "remove one of the two", line))
        first.setdefault(path, number)
    return problems


def unlike_a_phone(raw: dict[str, Any], text: str) -> list[Problem]:
    """A phone needs what a serial port has no use for."""
    ports = raw.get("port")
    problems = []
    for number, port in enumerate(ports if isinstance(ports, list) else [], start=1):
        if not isinstance(port, dict):
            continue
        phone = port.get("driver") == "gammu"
        for key in _PHONE_KEYS if phone else (*_PHONE_KEYS, "model"):
            if (key in port) != phone:
                message = "is missing" if phone else 'is only for driver = "gammu"'
                remedy = f"a phone needs it: {key} = ..." if phone else "remove it, or add that"
                line = line_of(text, ("port", number - 1, key))
                problems.append(Problem(f"port[{number}].{key}", message, remedy, line))
    return problems
