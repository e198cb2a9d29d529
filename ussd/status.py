"""The <m> of +CUSD: how a USSD session stands after a network message.

Source: 3GPP TS 27.007 section 7.15 (+CUSD). Vendors list only some of the values.
"""

from enum import IntEnum


class UssdStatus(IntEnum):
    """What the network says about the session, next to the text."""

    NO_FURTHER_ACTION = 0
    ACTION_REQUIRED = 1
    TERMINATED_BY_NETWORK = 2
    OTHER_CLIENT_RESPONDED = 3
    NOT_SUPPORTED = 4
    NETWORK_TIMEOUT = 5
