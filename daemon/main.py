"""The entry point of the command `pulsarack`."""

from pulsarack.daemon.cli.root import root


def main() -> None:
    """Runs the command line of this process and exits with its status."""
    root(prog_name="pulsarack")


if __name__ == "__main__":
    main()
