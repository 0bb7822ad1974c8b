"""A command of ours is called in the process of the tests, which spares a start of Python and all imports."""

from __future__ import annotations

import os
import signal
from importlib import import_module

from service.first_signals import PASSED_OVER, STOPS


def call_command(package: str, *words: str) -> int | str | None:
    """Returns the exit code of `python -m PACKAGE WORDS`, whose `main` is called.

    A server takes signals at once, and an option of it may set a variable: both are as before afterwards.
    """
    variables = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in STOPS + PASSED_OVER}
    try:
        return int(import_module(f"{package}.__main__").main(words))
    except SystemExit as ended:
        return ended.code
    finally:
        os.environ.clear()
        os.environ.update(variables)
        for number, handler in handlers.items():
            signal.signal(number, handler)
