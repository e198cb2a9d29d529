"""A recorded dialogue: plain data, apart from everything that it takes to record one."""

from dataclasses import dataclass

# Stands for the number in what is written.
PLACE = b"DESTINATION"


@dataclass(frozen=True, slots=True)
class Step:
    """What is written, and what of the answer must have come before the next step."""

    write: bytes
    until: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """One cycle: its steps, and how many bytes it took on the line each way."""

    steps: tuple[Step, ...]
    octets_out: int
    octets_in: int
