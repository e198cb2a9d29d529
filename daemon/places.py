"""Where things lie on a machine that was not told otherwise.

The command line needs these without loading the configuration's validator, which takes
longer to import than most commands take to run.
"""

from pathlib import Path

CONFIG_FILE = Path("/etc/pulsarack/pulsarack.toml")
STATE_DIR = Path("/var/lib/pulsarack")
CONTROL_SOCKET = Path("/run/pulsarack/control.sock")
SECRETS_NAME = "secrets.toml"
PEPPER_NAME = "pepper"
TIMEZONE = "Asia/Jakarta"
