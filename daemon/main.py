"""The entry point of the command `pulsarack`."""

import gc

from pulsarack.daemon.cli.root import root


def main() -> None:
    """Runs the command line of this process and exits with its status."""
    try:
        root(prog_name="pulsarack")
    finally:
        # An interpreter that ends looks through all objects for cycles; the kernel frees them too.
        gc.freeze()


if __name__ == "__main__":
    main()
