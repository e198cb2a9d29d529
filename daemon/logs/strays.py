"""What Python itself would print on the standard error goes through the log, and so is masked.

An exception that nobody caught, in the main thread or in another; one in a destructor; a
warning. Asyncio tells its own through the standard library's logging, which is taken over
by `log.configure`.
"""

import logging
import sys
import threading
from types import TracebackType

from pulsarack.daemon.log import Logger


def catch(log: Logger) -> None:
    """From now on and for the whole process."""

    def uncaught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.error("daemon.crashed", exc_info=(kind, error, trace))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit or args.exc_value is None:
            return
        name = args.thread.name if args.thread else None
        info = (args.exc_type, args.exc_value, args.exc_traceback)
        log.error("thread.died", thread=name, exc_info=info)

    def in_vain(args: "sys.UnraisableHookArgs") -> None:
        if args.exc_value is not None:
            info = (args.exc_type, args.exc_value, args.exc_traceback)
            log.error("daemon.unraisable", what=repr(args.object), exc_info=info)

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    sys.unraisablehook = in_vain
    logging.captureWarnings(True)
