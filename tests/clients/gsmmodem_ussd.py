"""Dials one code with python-gsmmodem: a port and the code; writes the IMEI and the answer.

Run by the Python of an environment that has the library, with nothing of ours.
"""

import sys

_BAUD = 115200


def main(port: str, code: str) -> None:
    """Raises whatever the library raises."""
    # Only the environment that this runs in has it.
    from gsmmodem.modem import GsmModem

    modem = GsmModem(port, _BAUD)
    modem.connect()
    sys.stdout.write(f"{modem.imei}\n")
    sys.stdout.flush()
    sys.stdout.write(f"{modem.sendUssd(code).message}\n")
    modem.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
