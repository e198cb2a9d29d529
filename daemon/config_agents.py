"""[agents]: how agents show who they are, and what strangers hear."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import FilePath, Limit, Section, WeekSeconds

_KEY_NAME = re.compile(r"[0-9a-f]{16}", re.ASCII)
Channel = Literal["sms", "whatsapp", "xmpp"]


def _each_once(channels: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(channels)) != len(channels):
        raise ValueError("name each channel once")
    return channels


Channels = Annotated[tuple[Channel, ...], Field(strict=False), AfterValidator(_each_once)]


def _key_names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_KEY_NAME.fullmatch(name) for name in names):
        raise ValueError("write the 16 digits by which the daemon calls the key")
    return names


KeyNames = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_key_names)]


class AgentsSection(Section):
    """[agents]: PINs and strangers.

    `ask_pin` are the channels whose sender can be forged: there every order needs the PIN.
    """

    pepper_file: FilePath | None = None
    lost_keys: KeyNames = ()
    ask_pin: Channels = ("sms", "whatsapp", "xmpp")
    pin_for_queries: bool = True
    upline_resets_pin: bool = False
    stranger_every_seconds: WeekSeconds = 86_400.0
    strangers_per_hour: Limit = 60
