"""The section [whatsapp] of the configuration: the number that agents write to."""

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import DAY_SECONDS, FilePath, Section, explained, form

_HTTPS = re.compile(r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_LOOPBACK = re.compile(
    r"http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
)


def _base_url(url: str) -> str:
    # The token goes there with every message.
    if not (_HTTPS.fullmatch(url) or _LOOPBACK.fullmatch(url)):
        raise ValueError('write "https://HOST"; plain http is only for this machine')
    return url.rstrip("/")


PhoneNumberId = Annotated[
    str, AfterValidator(form(r"[0-9]{1,32}", "write the digits that Meta's console shows"))
]
ApiVersion = Annotated[str, AfterValidator(form(r"v[0-9]{1,3}\.[0-9]", 'write it as "v24.0"'))]
UrlPath = Annotated[
    str, AfterValidator(form(r"(/[A-Za-z0-9._~-]+)+", 'write a path such as "/whatsapp/webhook"'))
]
TemplateName = Annotated[
    str, AfterValidator(form(r"[a-z0-9_]{1,512}", "write small letters, digits and _"))
]
Language = Annotated[str, AfterValidator(form(r"[a-z]{2,3}(_[A-Z]{2})?", 'write it as "id"'))]


class WhatsAppSection(Section):
    """[whatsapp]: the number that agents write to; without `phone_number_id` there is none.

    `template_name`: an approved template with one variable in its body, for texts after the window
    of 24 hours; without one such a text is not sent by WhatsApp. `at_once`: messages sent at the
    same time.
    """

    ABOUT: ClassVar[str] = (
        "The number that agents write to over WhatsApp, at Meta's Cloud API."
        " docs/chat-channels.md tells how it is set up."
    )

    phone_number_id: PhoneNumberId | None = explained(
        None,
        "Without this key there is none: the id of the number (not the number), as Meta's"
        " console shows it.",
        "106540352242922",
    )
    token_file: FilePath | None = explained(
        None,
        "Files that hold one secret each (chmod 600): the access token of a system user, the"
        " secret of the app, and a word that you invent and tell Meta's console with the address"
        " of the webhook. Without these keys the systemd credentials whatsapp_token,"
        " whatsapp_app_secret and whatsapp_verify_token are used.",
        "/etc/pulsarack/whatsapp_token",
    )
    app_secret_file: FilePath | None = explained(
        None,
        "",
        "/etc/pulsarack/whatsapp_app_secret",
    )
    verify_token_file: FilePath | None = explained(
        None,
        "",
        "/etc/pulsarack/whatsapp_verify_token",
    )
    base_url: Annotated[str, AfterValidator(_base_url)] = explained(
        "https://graph.facebook.com",
        "Where Meta's API is, and its version.",
    )
    api_version: ApiVersion = "v24.0"
    webhook_path: UrlPath = explained(
        "/whatsapp/webhook",
        "Where Meta delivers, at the server of [http], and the most it may deliver at once.",
    )
    body_limit_bytes: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 3 * 1024 * 1024
    template_name: TemplateName | None = explained(
        None,
        "Free texts reach only who has written within 24 hours. Later ones go as the one"
        " variable of this template, which Meta must have approved; without it they go by SMS.",
        "hasil_transaksi",
    )
    template_language: Language = "id"
    timeout_seconds: Annotated[float, Field(ge=1, le=DAY_SECONDS, allow_inf_nan=False)] = explained(
        20.0,
        "How long Meta may take to answer, and how many messages are sent at the same time.",
    )
    at_once: Annotated[int, Field(ge=1, le=80)] = 8
