"""The section [xmpp] of the configuration: the account that agents write to."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from pulsarack.daemon.config_fields import DAY_SECONDS, FilePath, Seconds, Section, form

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_JID = r"[^\s@/\"&'<>:]{1,256}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?"
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}"

Jid = Annotated[str, AfterValidator(form(_JID, 'write "name@server", without a resource'))]
Host = Annotated[str, AfterValidator(form(_HOST, "write the name or the address of a server"))]
Resource = Annotated[
    str, AfterValidator(form(r"[A-Za-z0-9._-]{1,64}", "write letters, digits, dot, - or _"))
]


class XmppSection(Section):
    """[xmpp]: the account that agents write to; without `jid` there is none.

    `delayed_limit_seconds`: a message that lay somewhere for longer is refused, since its
    sender may have ordered another way meanwhile. `security`: "starttls", "direct" (TLS from the
    first byte), or "none", which is for a server on this machine only.
    """

    jid: Jid | None = None
    password_file: FilePath | None = None
    server: Host | None = None
    port: Annotated[int, Field(ge=1, le=65_535)] = 5222
    resource: Resource = "pulsarack"
    security: Literal["starttls", "direct", "none"] = "starttls"
    ca_file: FilePath | None = None
    delayed_limit_seconds: Seconds = 300.0
    keepalive_seconds: Annotated[float, Field(ge=1, le=DAY_SECONDS, allow_inf_nan=False)] = 60.0

    @field_validator("security")
    @classmethod
    def _plain_only_at_home(cls, security: str, info: ValidationInfo) -> str:
        if security == "none" and info.data.get("server") not in LOOPBACK:
            raise ValueError('write "starttls"; "none" is only for server = "127.0.0.1"')
        return security
