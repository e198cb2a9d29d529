"""The kinds of values people type: rupiah, and who it is that types."""

import re
from typing import Any

import click

from pulsarack.daemon.errors import DaemonError

_RUPIAH = r"[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,15}"


class Rupiah(click.ParamType[int]):
    """A whole amount, with or without the dots of thousands: 500000 or 500.000."""

    name = "rupiah"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The amount as a number; a comma, a sign or a lone dot is refused, not guessed."""
        if isinstance(value, int):
            return value
        if not re.fullmatch(_RUPIAH, str(value)):
            self.fail(f"{value!r} is not an amount; write 500000 or 500.000", param, ctx)
        return int(str(value).replace(".", ""))


RUPIAH = Rupiah()


class Troubles(DaemonError):
    """Several problems at once, each a line."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self._lines = tuple(lines)

    def lines(self) -> tuple[str, ...]:
        """The problems."""
        return self._lines


def login() -> str:
    """The name under which a decision is recorded when no other is given."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


who_option = click.option("--who", default=login, show_default="your login", help="Who decides.")
because_option = click.option("--because", required=True, help="The reason; it is recorded.")
