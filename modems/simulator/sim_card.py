"""The SIM: who it is, its PIN, and the messages it stores.

A SIM outlives the modem's restarts, so what is on it stays: messages and the count of wrong PINs.
"""

from dataclasses import dataclass, field

from pulsarack.modems.simulator.rack import ChipPlan

PIN_TRIES = 3


@dataclass
class StoredMessage:
    """One SMS in a slot. status: 0 received unread, 1 received read (27.005 3.1)."""

    pdu: str
    status: int = 0


@dataclass
class SimCard:
    """One SIM, of one chip."""

    chip: ChipPlan
    capacity: int
    messages: dict[int, StoredMessage] = field(default_factory=dict)
    pin_tries_left: int = PIN_TRIES
    unlocked: bool = False

    @property
    def pin_state(self) -> str:
        """What AT+CPIN? says: READY, SIM PIN or SIM PUK (27.007 8.3)."""
        if self.chip.sim_pin is None or self.unlocked:
            return "READY"
        return "SIM PIN" if self.pin_tries_left else "SIM PUK"

    def unlock(self, sim_pin: str) -> bool:
        """Try a SIM PIN; after three wrong ones only the PUK would help."""
        if not self.pin_tries_left:
            return False
        if sim_pin == self.chip.sim_pin:
            self.pin_tries_left, self.unlocked = PIN_TRIES, True
            return True
        self.pin_tries_left -= 1
        return False

    def store(self, pdu: str) -> int | None:
        """Put a message into the first free slot; None when the SIM is full."""
        for slot in range(1, self.capacity + 1):
            if slot not in self.messages:
                self.messages[slot] = StoredMessage(pdu)
                return slot
        return None

    def swapped_iccid(self) -> str:
        """EF ICCID as AT+CRSM reads it: swapped digits, padded with F (ETSI 102.221 13.2)."""
        padded = self.chip.iccid.ljust(20, "F")
        return "".join(padded[place + 1] + padded[place] for place in range(0, 20, 2))
