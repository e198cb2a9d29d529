"""Which errors prove that a request never left for the network.

The standards define only what a code means, so the table holds the codes whose
meaning excludes that the request was sent: the SIM card or its PIN is missing, the
equipment is locked or still starting, the string could not be read, there is no
network. Everything else, a plain ERROR first of all, proves nothing: the request is
taken to have left.

Sources: 3GPP TS 27.007 section 9.2.1 (CME), TS 27.005 section 3.2.5 (CMS). 515 is
Wavecom's "please wait, init or command processing in progress".
"""

from pulsarack.modems.at.results import Final, FinalKind

# Not supported; SIM absent, locked, failed, busy or wrong; string unreadable; no network.
_CME_NOT_LEFT = frozenset(
    {4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 25, 26, 27, 30, 515} | set(range(40, 48))
)
# Not supported, PDU unreadable, SIM as above, no service centre, no network. The codes
# below 300 are the network's own answers (24.011 annex E-2): those requests did leave.
_CMS_NOT_LEFT = frozenset({303, 304, 305, 310, 311, 312, 313, 314, 315, 316, 317, 318, 330, 331})

# The modem could not read the string, so another encoding of it may be tried.
_CME_UNREADABLE = frozenset({4, 24, 25, 26, 27})


def ussd_left(final: Final, error_is_local: bool) -> bool:
    """Whether a request answered with this error may have left.

    ``error_is_local`` is the profile's word that the model refuses an encoding with a
    plain ERROR. It counts only for the direct answer to the command: behind an OK or a
    +CUSD the caller must not ask.
    """
    if final.kind is FinalKind.ERROR:
        return not error_is_local
    return _left(final)


def sms_left(final: Final) -> bool:
    """Whether a message whose body was written may have left."""
    return _left(final)


def is_unreadable(final: Final, error_is_local: bool) -> bool:
    """Whether the error may mean that the encoding was wrong, nothing having left."""
    if final.kind is FinalKind.ERROR:
        return error_is_local
    return final.kind is FinalKind.CME and final.code in _CME_UNREADABLE


def _left(final: Final) -> bool:
    if final.kind is FinalKind.CME:
        return final.code not in _CME_NOT_LEFT
    if final.kind is FinalKind.CMS:
        return final.code not in _CMS_NOT_LEFT
    return True
