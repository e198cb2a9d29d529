"""How a connection ends, and what an error about a message means: whose fault it is, and what can
be done. No I/O.
"""

from dataclasses import dataclass

from pulsarack.daemon.channels.carrier import ChannelState, SentKind, Standing

# A connection that held so long was a good one.
HELD_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection is no more."""

    standing: Standing
    why: str
    remedy: str = ""

    @property
    def state(self) -> ChannelState:
        """The channel's state until the next try."""
        return ChannelState(self.standing, self.why, self.remedy)


def down(why: str) -> Ending:
    """Nobody has to do anything."""
    return Ending(Standing.DOWN, why, "it is tried again by itself")


def misconfigured(why: str, remedy: str) -> Ending:
    """Somebody has to do something."""
    return Ending(Standing.MISCONFIGURED, why, remedy)


WRONG_PASSWORD = misconfigured(
    "the server refuses the password",
    "put the account's password into the file of [xmpp] password_file, or the credential",
)
NO_SAFE_LOGIN = misconfigured(
    "the server offers no login that is safe over this connection",
    'let the server offer TLS and SCRAM, or set security = "direct" if its port speaks TLS',
)
BAD_CERTIFICATE = misconfigured(
    "the server's certificate is not trusted",
    "renew it, or name the authority that signed it: [xmpp] ca_file",
)

# SASL failures (RFC 6120 section 6.5) that pass by themselves; any other is the password's.
PASSING_FAILURES = frozenset({"temporary-auth-failure", "aborted"})

# Stream errors (RFC 6120 section 4.9.3) that do not pass by themselves.
_STREAM_ERRORS = {
    "conflict": "another program has logged in with the same resource: give each its own",
    "host-unknown": "the server does not serve the domain of [xmpp] jid: correct it",
    "not-authorized": "the server does not allow this account to connect: ask its admin",
    "policy-violation": "the server finds that we break its rules: ask its admin which",
}


def of_stream_error(condition: str) -> Ending:
    """The ending that the server has announced."""
    why = f"the server closed the connection: {condition[:80]}"
    remedy = _STREAM_ERRORS.get(condition)
    return misconfigured(why, remedy) if remedy else down(why)


# Errors about a message of ours (RFC 6120 section 8.3.3) after which the address is given up.
# Everything else may be different tomorrow: who is not there comes back.
HOPELESS = frozenset({"item-not-found", "jid-malformed", "gone"})


def of_bounce(condition: str) -> SentKind:
    """What an error about a message to a bare JID means."""
    return SentKind.NEVER if condition in HOPELESS else SentKind.LATER
