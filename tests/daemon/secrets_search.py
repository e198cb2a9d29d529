"""Looks for secrets wherever the daemon leaves something, in every spelling they could have."""

import base64
import re
import socket
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from pulsarack.modems.at import gsm7


def spellings(secret: str) -> set[str]:
    """As it is, in hexadecimal, as UCS2 and packed as modems write it, in base64 anywhere."""
    octets = secret.encode()
    found = {secret, octets.hex(), secret.encode("utf-16-be").hex()}
    if secret.isdigit():
        found.add(gsm7.pack_ussd(secret).hex()[:-2])  # the last octet hangs on what follows
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + octets).decode().rstrip("=")
        # The first and the last letters hang on what stands beside it.
        inner = encoded[-(-before * 8 // 6) : (before + len(octets)) * 8 // 6]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return {one.casefold() for one in found if len(one) >= 6}


class Search:
    """The secrets of a run, and the places to look into."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.secrets = secrets
        self._forms = {
            name: re.compile("|".join(map(re.escape, sorted(spellings(secret)))))
            for name, secret in secrets.items()
        }
        self.looked = 0

    def found(self, place: str, text: str) -> list[str]:
        """Which secrets stand in a text."""
        self.looked += len(text)
        folded = text.casefold()
        return [
            f"{name} is in {place}: ...{folded[max(0, hit.start() - 60) : hit.end() + 20]!r}"
            for name, form in self._forms.items()
            if (hit := form.search(folded))
        ]

    def found_in(self, places: Iterable[tuple[str, str]]) -> list[str]:
        """Which secrets stand where."""
        return [hit for place, text in places for hit in self.found(place, text)]

    def found_in_files(self, directory: Path, but: frozenset[str]) -> list[str]:
        """The same in all files below a directory, but for those that hold them by right."""
        return self.found_in(
            (path.name, path.read_bytes().decode("latin-1"))
            for path in directory.rglob("*")
            if path.is_file() and path.name not in but
        )


class JournalReader:
    """A socket in place of journald's; whatever comes is kept."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.entries: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """All that was sent is kept when this returns."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.path)
        self._thread.join()
        self._socket.close()

    def events(self) -> set[str]:
        """The names of the events that came."""
        return set(re.findall(r"^EVENT=(.*)$", "\n".join(self.entries), re.MULTILINE))

    def _read(self) -> None:
        while data := self._socket.recv(1 << 20):
            self.entries.append(data.decode("latin-1"))
