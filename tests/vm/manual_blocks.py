"""Which blocks `console machine` of the operator's manual the virtual machine plays."""

MANUAL_BLOCKS: tuple[str, ...] = (
    "install",
    "restart",
    "admins",
    "logs",
    "journal",
    "backup-timer",
    "stop",
    "start",
    "upgrade",
    "remove",
    "purge",
)
