"""The answer to a text that was not read: what is wrong with it, and the form to write."""

from typing import Final

from pulsarack.queue.order_text.misread import Misread, MisreadCode
from pulsarack.queue.service.asked import Answer
from pulsarack.queue.wordings.shipped import Values

USUAL_FORM: Final = "S10.0812xxx.PIN"
KEYS: Final[dict[MisreadCode, str]] = {code: f"misread_{code.lower()}" for code in MisreadCode}


def answer(read: Misread, language: str) -> Answer:
    """It never says what the text had: a PIN may be in it; `field` has none."""
    form = read.form_en if language == "en" else read.form
    variables: Values = {"field": read.field or "-", "example": form or USUAL_FORM}
    return Answer(KEYS[read.code], variables)
