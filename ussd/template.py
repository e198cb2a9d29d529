"""What a step says, with places to fill: "*777*{destination}*{denomination}*{chip_pin}#"."""

import re
from dataclasses import dataclass

from pulsarack.ussd.errors import DestinationUnfit, PatternFault, ValuesUnfit, did_you_mean
from pulsarack.ussd.numbering import Numbering
from pulsarack.ussd.spoken import MASK, Spoken
from pulsarack.ussd.values import Values

PLACEHOLDERS = ("destination", "destination_e164", "denomination", "amount", "chip_pin")
SECRETS = frozenset({"chip_pin"})
_MASKED = dict.fromkeys(SECRETS, MASK)

_PIECE = re.compile(r"\{(?P<name>[^{}]*)\}|(?P<stray>[{}])|(?P<literal>[^{}]+)")


@dataclass(frozen=True, slots=True)
class Template:
    """source: as written, which is what `str.format` takes: pieces has neither other braces
    nor other names. pieces: literal texts and placeholder names in turn, each with whether it
    is a name.
    """

    source: str
    pieces: tuple[tuple[str, bool], ...]

    @property
    def placeholders(self) -> frozenset[str]:
        """The names to be filled in."""
        return frozenset(text for text, is_name in self.pieces if is_name)

    @property
    def literal(self) -> str:
        """What is said as it stands, without the places to fill."""
        return "".join(text for text, is_name in self.pieces if not is_name)

    def fill(self, values: Values, numbering: Numbering) -> Spoken:
        """Return what is said; raise ValuesUnfit if a value is lacking."""
        said = {name: _value(name, values, numbering) for name, is_name in self.pieces if is_name}
        return Spoken(self.source.format_map(said), self.source.format_map(said | _MASKED))


def parse_template(source: str) -> Template:
    """Read a template; raise PatternFault if a placeholder is unknown."""
    pieces: list[tuple[str, bool]] = []
    for match in _PIECE.finditer(source):
        if match["stray"]:
            raise PatternFault(
                f'a "{match["stray"]}" stands alone', "write placeholders as {destination}"
            )
        name = match["name"]
        if name is None:
            pieces.append((match["literal"], False))
        elif name in PLACEHOLDERS:
            pieces.append((name, True))
        else:
            raise PatternFault(
                f'unknown placeholder "{{{name}}}"', did_you_mean(name, PLACEHOLDERS)
            )
    return Template(source, tuple(pieces))


def _value(name: str, values: Values, numbering: Numbering) -> str:
    attribute = "destination" if name == "destination_e164" else name
    given = getattr(values, attribute)
    if given is None:
        remedy = "put the PIN of this chip into the secrets file" if name in SECRETS else "give it"
        raise ValuesUnfit(f"the script needs {name} and has none; {remedy}")
    if attribute != "destination":
        return str(given)
    if not numbering.fits(given):
        is_for = "meters" if numbering.meters else "telephones"
        raise DestinationUnfit(
            f"the recipe sells to {is_for} and the order goes elsewhere; give the product an "
            "operator whose recipe is for it"
        )
    return (
        str(given) if name == "destination_e164" and not numbering.meters else numbering.show(given)
    )
