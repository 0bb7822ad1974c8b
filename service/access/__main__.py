"""`python -m service.access new NAME RIGHT...` makes a token: it is shown once, and its line goes into the file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from service.access.rights import RIGHTS
from service.access.tokens import make_token
from service.errors import SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the token to stderr and its line to stdout; returns 1 for a name or a right that is none."""
    parser = argparse.ArgumentParser(
        prog="python -m service.access",
        description="Makes a token of VEREDICTO_TOKENS. The token is shown on stderr, this once; "
        "the line for the file goes to stdout.",
        epilog="Example: python -m service.access new shop predict >> tokens.txt",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="makes a token")
    new.add_argument("name", help="who it is for, as it stands in logs")
    new.add_argument("rights", nargs="+", metavar="right", help=", ".join(RIGHTS))
    options = parser.parse_args(arguments)

    try:
        token, line = make_token(options.name, frozenset(options.rights))
    except SettingsError as error:
        sys.stderr.write(f"no token was made: {error}\n")
        return 1

    sys.stderr.write(f"{token}\n")
    sys.stderr.flush()
    sys.stdout.write(f"{line}\n")

    return 0


if __name__ == "__main__":
    sys.exit(main())
