"""[agents]: how agents show who they are, and what strangers hear."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import FilePath, Limit, Section, WeekSeconds, form

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


Prefix = Annotated[
    str,
    AfterValidator(form(r"[A-Za-z][A-Za-z0-9-]{0,7}", 'write 1 to 8 characters, as in "AG"')),
]


class AgentsSection(Section):
    """[agents]: PINs and strangers.

    `code_prefix` begins the codes of agents whom their uplines register, a number ends them.
    `ask_pin` are the channels whose sender can be forged: there every order needs the PIN.
    """

    code_prefix: Prefix = "AG"
    pepper_file: FilePath | None = None
    lost_keys: KeyNames = ()
    ask_pin: Channels = ("sms", "whatsapp", "xmpp")
    pin_for_queries: bool = True
    upline_resets_pin: bool = False
    stranger_every_seconds: WeekSeconds = 86_400.0
    strangers_per_hour: Limit = 60
