"""What can go wrong between us and a modem; each says whose fault it is and what next.

Results of dialling and texting are values (see results.py); these are raised where
there is nothing to return: opening, identifying, initialising, reading.
"""


class ModemError(Exception):
    """Base of everything the modems room raises."""


class IllegalMove(ModemError):
    """A programming error: a state machine was asked for a move its table lacks."""

    def __init__(self, move: str, state: str) -> None:
        super().__init__(f"cannot {move} while {state}: this is a bug in pulsarack")


class PortError(ModemError):
    """A port cannot be used; ``path`` names it."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(f"{path}: {message}")


class PortMissing(PortError):
    """No such device file."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "no such port; check the cable, the hub and the configured path")


class PortDenied(PortError):
    """The file permissions keep us out."""

    def __init__(self, path: str) -> None:
        super().__init__(
            path, "permission denied; add the daemon's user to the group dialout and start it anew"
        )


class PortBusy(PortError):
    """Another program holds the port."""

    def __init__(self, path: str, holder: str | None) -> None:
        self.holder = holder
        who = holder or "another program"
        super().__init__(
            path, f"in use by {who}; stop it (ModemManager: udev ID_MM_DEVICE_IGNORE) and try again"
        )


class NotATty(PortError):
    """The path is not a serial port."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "not a serial port; correct the configured path")


class PortStuck(PortError):
    """The kernel did not finish opening the port in time."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__(path, f"not opened within {seconds:g} s; reset or re-plug the modem")


class PortUnreachable(PortError):
    """A port on the network cannot be reached."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, f"cannot be reached ({why}); check the address and the server")


class PortFailed(PortError):
    """The system refused for another reason."""


class PortGone(ModemError):
    """The port vanished while it was in use."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the port is gone ({reason}); wait for the modem to come back")


class ModemSilent(ModemError):
    """The modem did not answer in time."""

    def __init__(self, command: str, seconds: float) -> None:
        self.command = command
        super().__init__(f"no answer to {command} within {seconds:g} s; power or reset the modem")


class StorageHung(ModemSilent):
    """The modem neither lists its messages nor reads a single one."""

    def __init__(self, command: str) -> None:
        self.command = command
        ModemError.__init__(
            self, f"its message store hangs: no answer to AT+CMGL nor {command}; reset the modem"
        )


class CallHangs(ModemError):
    """A call of a phone's library did not come back; its thread was abandoned."""

    def __init__(self, thread: str, call: str, seconds: float) -> None:
        self.call = call
        super().__init__(
            f"{thread}: {call} did not come back within {seconds:g} s and was abandoned;"
            " take the phone off its cable and connect it again"
        )


class NotAModem(ModemError):
    """Something talks on the port, but not AT."""

    def __init__(self) -> None:
        super().__init__("what answers on this port does not speak AT; try the device's other port")


class ForeignDevice(ModemError):
    """What is plugged in there is no modem; ``what`` says what was found."""

    def __init__(self, place: str, what: str) -> None:
        self.what = what
        super().__init__(
            f"{place}: no modem answers ({what}); plug one in, or leave the device out: [usb] never"
        )


class ModemRefused(ModemError):
    """The modem answered a command with an error."""

    def __init__(self, command: str, error: str) -> None:
        self.command = command
        self.error = error
        super().__init__(f"the modem refused {command}: {error}")


class SimMissing(ModemError):
    """No SIM card, or one that cannot be read."""

    def __init__(self, said: str) -> None:
        super().__init__(f"no usable SIM card ({said}); insert or re-seat the chip")


class SimPinNeeded(ModemError):
    """The SIM card wants a PIN that we do not have or may not try, or refused it."""

    def __init__(self, refused: bool, why: str = "") -> None:
        self.refused = refused
        said = "refused the SIM PIN on file" if refused else "wants a SIM PIN and none is on file"
        super().__init__(why or f"the SIM card {said}; correct sim_pin, it is not tried twice")


class SimBarred(ModemError):
    """The SIM card, or the modem's lock on it, cannot be opened by us; ``state`` is +CPIN's."""

    def __init__(self, state: str, meaning: str, remedy: str) -> None:
        self.state = state
        super().__init__(f"the SIM card cannot be used ({state}): {meaning}; {remedy}")


class NoNetwork(ModemError):
    """The modem finds no network, or may not enter it."""


class ResetFailed(ModemError):
    """A reset of a modem could not be carried out; ``where`` names its place."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        self.where = where
        super().__init__(f"{where}: {what}; {remedy}")


class UsbResetFailed(ResetFailed):
    """The USB device could not be reset."""


class HubPowerFailed(ResetFailed):
    """The hub's port could not be switched off and on."""


class ProfileErrors(ModemError):
    """Modem profiles are wrong; ``problems`` holds every one, each with its file."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("modem profiles: " + "; ".join(problems))
