"""The section [xmpp] of the configuration: the account that agents write to."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from pulsarack.daemon.config_fields import DAY_SECONDS, FilePath, Seconds, Section, explained, form

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_JID = r"[^\s@/\"&'<>:]{1,256}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}"

Jid = Annotated[str, AfterValidator(form(_JID, 'write "name@server", without a resource'))]
Host = Annotated[str, AfterValidator(form(_HOST, "write the name or the address of a server"))]
Resource = Annotated[
    str, AfterValidator(form(r"[A-Za-z0-9._-]{1,64}", "write letters, digits, dot, - or _"))
]
Keepalive = Annotated[float, Field(ge=1, le=DAY_SECONDS, allow_inf_nan=False)]


class XmppSection(Section):
    """[xmpp]: the account that agents write to; without `jid` there is none.

    `delayed_limit_seconds`: a message that lay somewhere for longer is refused, since its
    sender may have ordered another way meanwhile. `security`: "starttls", "direct" (TLS from the
    first byte), or "none", which is for a server on this machine only.
    """

    ABOUT: ClassVar[str] = (
        "The account that agents write to over XMPP (Jabber). docs/chat-channels.md tells more."
    )

    jid: Jid | None = explained(
        None,
        "Without this key there is none: an account of its own at any XMPP server.",
        "server@example.org",
    )
    password_file: FilePath | None = explained(
        None,
        "A file that holds the account's password and nothing else (chmod 600). Without this key"
        " the systemd credential xmpp_password is used.",
        "/etc/pulsarack/xmpp_password",
    )
    server: Host | None = explained(
        None,
        "Where the server is; without this key the DNS says it (SRV records of the jid's"
        " domain), and port does not count.",
        "xmpp.example.org",
    )
    port: Annotated[int, Field(ge=1, le=65_535)] = 5222
    resource: Resource = explained(
        "pulsarack",
        "Two programs that use the account at the same time need different ones.",
    )
    security: Literal["starttls", "direct", "none"] = explained(
        "starttls",
        '"starttls"; "direct" if the server wants TLS from the first byte; "none" only if'
        " server is this machine. Without TLS the password is not sent.",
    )
    ca_file: FilePath | None = explained(
        None,
        "The authority that has signed the server's certificate, if it is none of the system's.",
        "/etc/pulsarack/xmpp-ca.pem",
    )
    delayed_limit_seconds: Seconds = explained(
        300.0,
        "A message that lay at a server for longer is refused (see also [channels]"
        " oldest_seconds).",
    )
    keepalive_seconds: Keepalive = explained(
        60.0,
        "How often the server is asked whether it is still there.",
    )

    @field_validator("security")
    @classmethod
    def _plain_only_at_home(cls, security: str, info: ValidationInfo) -> str:
        if security == "none" and info.data.get("server") not in LOOPBACK:
            raise ValueError('write "starttls"; "none" is only for server = "127.0.0.1"')
        return security
