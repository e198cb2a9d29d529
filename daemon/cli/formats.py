"""How values are written for people: rupiah with dots, local times, texts without tricks.

The zones of the world and the tables of Unicode are loaded when a value needs them.
"""

NOTHING = "-"
# The year 9000; the calendar ends soon after.
_LAST_MS = 221_845_392_000_000


def number(value: object) -> str:
    """1234567 as "1.234.567", the way Indonesia writes thousands; no number as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return text(value)
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}".replace(",", ".")


def time(at_ms: object, timezone: str | None) -> str:
    """A moment in the zone; the machine's zone if that one is not known. No moment as a text."""
    if isinstance(at_ms, bool) or not isinstance(at_ms, int) or not 0 <= at_ms <= _LAST_MS:
        return text(at_ms)
    from zoneinfo import ZoneInfoNotFoundError

    from pulsarack.daemon import calendar

    try:
        return calendar.local_time(at_ms, timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return calendar.local_time(at_ms, None)


def clock(at_ms: object, timezone: str | None) -> str:
    """Only the time of the day of a moment."""
    shown = time(at_ms, timezone)
    return shown.partition(" ")[2] or shown


def destination(digits: str | None) -> str:
    """6281200000012 as 081200000012, as it is dialled at home; m14012345678 without the m."""
    if not digits:
        return NOTHING
    return f"0{digits[2:]}" if digits.startswith("62") else digits.removeprefix("m")


def text(value: object) -> str:
    """A text in one line that cannot command the terminal.

    What strangers send (texts of operators, names of agents) may hold control
    characters; each is shown as a question mark in a box, a line end as a slash.
    """
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    shown = str(value)
    # What is printable holds none of these, and that is nearly every text.
    if shown.isprintable():
        return shown
    return "".join(map(_visible, shown.replace("\r\n", "\n")))


def _visible(character: str) -> str:
    import unicodedata

    if character in "\n\r":
        return " / "
    # Cc and Cf: control and formatting (bidirectional overrides), Cs: lone surrogates.
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character
