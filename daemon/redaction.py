"""Keeps secrets out of every line that is logged.

Three nets, each for what slips through the one before: a value of the type `Secret`; a
field whose name says what it is (`chip_pin`, `password`, `api_key`, ...); and in every
other text the shapes in which PINs travel. Those shapes are the last field of a USSD
request (`*777*0812...*10*1234#`), the last field of a keyword text (`BAGI 0812... 10
1234`, and an agent's `S10.0812....1234`), and any value that was registered at start,
also spelt as UCS2 in hexadecimal as modems echo it. Masking too much costs a guess;
masking too little costs a chip, so a doubtful field of four to eight digits is masked.
"""

import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import Any

from pulsarack.daemon.secrets import MASK, Secret

# Short texts without a secret that are remembered: the names of events, agents, products,
# chips and slots stand in line after line.
CLEAN_LIMIT = 1024
_CLEAN_LONGEST = 40
_WITHOUT_TEXT = frozenset({int, float, bool, type(None)})
# Deeper structures than this are shown as one text; nothing of ours nests so far.
DEPTH_LIMIT = 6

_SECRET_KEY = re.compile(
    r"(?:^|[_.-])(?:pin|password|passwd|passphrase|secret|token|authorization|credential)s?$"
    r"|api[_-]?key$|^signature$",
    re.IGNORECASE,
)
# *777*6281...*10*1234# and *776*1234#: the last of at least two fields before the hash. What
# stands before the field before is not looked at: a modem may send thousands of fields.
_USSD = re.compile(r"((?<=\d)\*)\d{4,8}(?=#)", re.ASCII)
# BAGI 0812... 10 1234 and S10.0812....1234: a word, a field, and the PIN as the last one.
_KEYWORD = re.compile(
    r"(?<![^\W_])([A-Za-z]{1,12}\d{0,4}(?:[ .*]{1,2}\d{1,15}){1,4}[ .*]{1,2})\d{4,8}(?!\d|[.,]\d)",
    re.ASCII,
)
# SALDO 1234: too common a shape inside sentences, so only as the whole text.
_KEYWORD_ALONE = re.compile(r"(\s*[A-Za-z]{2,12}[ .*])\d{4,8}\s*", re.ASCII)
_NUMBER = re.compile(r"(?<!\d)\d{4,8}(?!\d)", re.ASCII)
# Digits in UCS2, hexadecimal: 0031 0032 0033 0034 is 1234.
_UCS2_DIGITS = re.compile(r"(?:003\d){4,}", re.ASCII)


@lru_cache(maxsize=1024)
def is_secret_key(key: str) -> bool:
    """Whether a field of this name is masked whatever it holds."""
    return _SECRET_KEY.search(key) is not None


class Redactor:
    """Masks secrets in texts and in the fields of a log event.

    It is a processor for structlog, to stand last before the renderer, and it is used
    directly for texts that are stored or shown.
    """

    def __init__(self, known: Iterable[Secret] = ()) -> None:
        self._numbers: frozenset[str] = frozenset()
        self._words: re.Pattern[str] | None = None
        self._clean: set[str] = set()
        self._texts: frozenset[str] = frozenset()
        self.register(known)

    def register_more(self, known: Iterable[Secret]) -> None:
        """These values are masked, too, beside those that were registered before."""
        self._register({*self._texts, *(secret.reveal() for secret in known)})

    def register(self, known: Iterable[Secret]) -> None:
        """From now on these values are masked wherever they stand, in place of earlier ones."""
        self._register({secret.reveal() for secret in known})

    def _register(self, texts: set[str]) -> None:
        self._texts = frozenset(texts)
        self._numbers = frozenset(text for text in texts if _NUMBER.fullmatch(text))
        # A very short word would mask half of every line; it is no secret either.
        words = sorted((t for t in texts - self._numbers if len(t) >= 4), key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, words))) if words else None
        self._clean = set()  # by the secrets of before

    def text(self, text: str) -> str:
        """The text with every PIN-shaped field and every registered secret masked."""
        clean = self._clean  # this one, should `register` come meanwhile in another thread
        if text in clean:
            return text
        shown = self._masked(text)
        if shown == text and len(text) <= _CLEAN_LONGEST:
            if len(clean) >= CLEAN_LIMIT:
                clean.clear()
            clean.add(text)
        return shown

    def _masked(self, text: str) -> str:
        if self._words is not None:
            text = self._words.sub(MASK, text)
        # Every shape ends in a number of this length: most texts are done here.
        if _NUMBER.search(text) is not None:
            text = self._without_numbers(text)
        if self._numbers and "003" in text:
            text = _UCS2_DIGITS.sub(self._mask_ucs2, text)
        return text

    def value(self, key: str, value: Any, depth: int = 0) -> Any:
        """A field's value as it may be shown."""
        if value is None or isinstance(value, (bool, int, float)):
            return MASK if value is not None and is_secret_key(key) else value
        if isinstance(value, Secret) or is_secret_key(key):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (bytes, bytearray)):
            return self.text(value.decode("latin-1"))
        if depth < DEPTH_LIMIT and isinstance(value, Mapping):
            return {
                self.text(str(name)): self.value(str(name), inner, depth + 1)
                for name, inner in value.items()
            }
        if depth < DEPTH_LIMIT and isinstance(value, (Sequence, set, frozenset)):
            return [self.value(key, inner, depth + 1) for inner in value]
        return self.text(str(value))

    def __call__(
        self, logger: Any, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """The structlog processor."""
        clean = self._clean
        for key, value in event.items():
            kind = type(value)
            if is_secret_key(key):
                event[key] = MASK
            elif kind is str:
                if value not in clean:
                    event[key] = self.text(value)
            elif kind not in _WITHOUT_TEXT:
                event[key] = self.value(key, value)
        return event

    def _without_numbers(self, text: str) -> str:
        if "#" in text:
            text = _USSD.sub(rf"\g<1>{MASK}", text)
        text = _KEYWORD.sub(rf"\g<1>{MASK}", text)
        if alone := _KEYWORD_ALONE.fullmatch(text):
            return alone[1] + MASK
        return _NUMBER.sub(self._mask_known, text) if self._numbers else text

    def _mask_known(self, found: re.Match[str]) -> str:
        return MASK if found[0] in self._numbers else found[0]

    def _mask_ucs2(self, found: re.Match[str]) -> str:
        digits = found[0][3::4]
        return MASK if any(number in digits for number in self._numbers) else found[0]
