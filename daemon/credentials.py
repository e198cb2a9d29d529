"""The credentials of the service, and what the configuration can name in the stead of each.

The unit hands each of them to the daemon that lies beside the configuration in /etc/pulsarack
(LoadCredential=); a test compares the names.
"""

from pathlib import Path

from pulsarack.daemon import places
from pulsarack.daemon.config import Config

CHIPS, MASTER_KEYS = places.SECRETS_NAME, places.PEPPER_NAME
XMPP = "xmpp_password"
WHATSAPP = ("whatsapp_token", "whatsapp_app_secret", "whatsapp_verify_token")


def configured(config: Config) -> dict[str, Path | None]:
    """By the name of each credential: the file that is named, and read instead."""
    whatsapp = config.whatsapp
    files = (whatsapp.token_file, whatsapp.app_secret_file, whatsapp.verify_token_file)
    return {
        CHIPS: config.daemon.secrets_file,
        MASTER_KEYS: config.agents.pepper_file,
        XMPP: config.xmpp.password_file,
        **dict(zip(WHATSAPP, files, strict=True)),
    }
