"""`python -m service` serves the exported models over HTTP; `make serve` and `veredicto serve` start it too."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from service.first_signals import end_by_signals


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until a signal ends it; returns the exit status."""
    end_by_signals()
    # To import the rest may take a second on a busy machine, and whoever starts a server may stop it again meanwhile.
    from service.command_line import serve

    return serve(arguments)


if __name__ == "__main__":
    sys.exit(main())
