"""Which blocks `console machine` of the operator's manual the virtual machine plays."""

MANUAL_BLOCKS: tuple[str, ...] = ("install", "restart", "logs")
