"""[agents]: how agents show who they are, and what strangers hear."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import FilePath, Limit, Section, WeekSeconds, explained, form

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

    ABOUT: ClassVar[str] = (
        "How agents show who they are: agent pin, sender and account of pulsarack."
    )

    code_prefix: Prefix = explained(
        "AG",
        "How the codes begin of agents whom their uplines register by a text: AG0001, AG0002, ...",
    )
    pepper_file: FilePath | None = explained(
        None,
        "The file with the master key that PINs are hashed with and keys are sealed by; make it"
        " with pulsarack secret new FILE, and keep a copy away from the database's backups:"
        " without it all PINs and keys of agents are lost. Without this key the systemd"
        " credential pepper is used, if there is one. The daemon does not start without the file"
        " once something was made with it.",
        "/etc/pulsarack/pepper",
    )
    lost_keys: KeyNames = explained(
        (),
        "Master keys that are lost for good, by the names that the daemon says at the start:"
        " what was made with them is taken away then, PINs and secrets alike, and has to be given"
        " anew.",
    )
    ask_pin: Channels = explained(
        ("sms", "whatsapp", "xmpp"),
        "The channels whose sender can be forged, or may be in other hands: there every order"
        " needs the agent's PIN. Over HTTP a signature stands in its place.",
    )
    pin_for_queries: bool = explained(
        True,
        "Whether the PIN is asked there for what only looks, too (balance, prices, status).",
    )
    upline_resets_pin: bool = explained(
        False,
        "Whether an agent may give one below him a new PIN by a text (RESETPIN.ID.NEWPIN.PIN).",
    )
    stranger_every_seconds: WeekSeconds = explained(
        86_400.0,
        "Who writes and is not known hears one answer (the wording unknown_sender), each so"
        " often at most, and all together so many in an hour.",
    )
    strangers_per_hour: Limit = 60
