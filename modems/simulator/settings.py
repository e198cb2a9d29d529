"""What AT commands set in a modem, and a restart forgets."""

from dataclasses import dataclass


@dataclass
class Settings:
    """The settings of one modem."""

    charset: str
    pdu_mode: bool = True
    indication: tuple[int, int, int] = (0, 0, 0)  # <mode>, <mt>, <ds> of AT+CNMI
    memory: str = "SM"
    registration_reports: int = 0
    packet_registration_reports: int = 0  # AT+CGREG
    operator_format: int = 0  # <format> of AT+COPS: 0 long, 1 short, 2 numeric
    ussd_reports: bool = False
    ussd_plain: bool = False  # AT^USSDMODE=0
    chatty: bool = True
    functionality: int = 1
    message_reference: int = 0
    listings: int = 0  # AT+CMGL since power-up
    told_full: bool = False
