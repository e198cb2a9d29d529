"""The section [whatsapp] of the configuration: the number that agents write to."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from pulsarack.daemon.config_fields import DAY_SECONDS, FilePath, Section, form

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

    phone_number_id: PhoneNumberId | None = None
    token_file: FilePath | None = None
    app_secret_file: FilePath | None = None
    verify_token_file: FilePath | None = None
    base_url: Annotated[str, AfterValidator(_base_url)] = "https://graph.facebook.com"
    api_version: ApiVersion = "v24.0"
    webhook_path: UrlPath = "/whatsapp/webhook"
    body_limit_bytes: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] = 3 * 1024 * 1024
    template_name: TemplateName | None = None
    template_language: Language = "id"
    timeout_seconds: Annotated[float, Field(ge=1, le=DAY_SECONDS, allow_inf_nan=False)] = 20.0
    at_once: Annotated[int, Field(ge=1, le=80)] = 8
