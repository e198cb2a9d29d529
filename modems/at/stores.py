"""The message stores: +CPMS in its three forms (27.005 3.2.2).

``=?`` lists the stores for each of three uses, ``?`` tells for each its name, how many
messages it holds and how many it can, ``=`` the same without the names. Wavecom puts the
lists into one more pair of parentheses, others leave the parentheses of a lone store off,
and who has no store at all answers with empty ones.
"""

from dataclasses import dataclass

from pulsarack.modems.at.parameters import Value, at, behind, parse

STORES_MAX = 3


@dataclass(frozen=True, slots=True)
class Store:
    """One message store; ``name`` is empty where the modem does not say it."""

    name: str
    used: int
    total: int

    @property
    def full(self) -> bool:
        """It takes no further message."""
        return self.used >= self.total > 0


def parse_stores(line: str) -> tuple[Store, ...]:
    """What AT+CPMS? and AT+CPMS= tell of each store; what is damaged is left out."""
    values = parse(behind(line, "+CPMS:") or "")
    named = any(value.quoted or (value.text and value.number is None) for value in values)
    width = 3 if named else 2
    found: list[Store] = []
    for start in range(0, min(len(values), STORES_MAX * width), width):
        name = values[start].text if named else ""
        used, total = (at(values, start + width - back).number for back in (2, 1))
        if (name or not named) and used is not None and total is not None:
            found.append(Store(name, used, total))
    return tuple(found)


def parse_choices(line: str) -> tuple[tuple[str, ...], ...]:
    """The names of the stores for each use, as AT+CPMS=? tells them."""
    values = parse(behind(line, "+CPMS:") or "")
    if len(values) == 1 and _is_nested(values[0]):
        values = values[0].members or ()
    return tuple(value.words for value in values[:STORES_MAX])


def _is_nested(value: Value) -> bool:
    return any(member.members is not None for member in value.members or ())
