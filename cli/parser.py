"""This module has the parser of every command: it names what a misspelt option or choice is nearest to."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

INVALID_CHOICE = re.compile(
    r"invalid choice: '(?P<given>[^']*)'.*\(choose from (?P<choices>.*)\)", re.DOTALL
)
CHOICE = re.compile(r"[^\s',]+")
OPTION = re.compile(r"--[a-z][a-z0-9-]*")


class ArgumentParser(argparse.ArgumentParser):
    """This is argparse's parser, which asks "did you mean" too, as it does itself from Python 3.14 on.

    It refuses unknown options in `parse_known_args` as in `parse_args`, so that the parser of a subcommand, which
    argparse asks so, names those of its own.
    """

    def parse_known_args(  # type: ignore[override] # argparse's own signature has overloads
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Returns the options and an empty list; what is unknown ends the process with code 2."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")

        return known, unknown

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Returns the value of a text; one that is no number is refused as such, not by the name of our function."""
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            expected = (
                _name_number(action.type)
                if isinstance(error.__context__, ValueError)
                else None
            )
            if expected is None:
                raise
            message = f"expected {expected}, got {arg_string!r}"
            raise argparse.ArgumentError(action, message) from None

    def error(self, message: str) -> NoReturn:
        """Ends the process with code 2, and a message that names what is near where something is misspelt."""
        super().error(message + self._hint(message))

    def _hint(self, message: str) -> str:
        found = INVALID_CHOICE.search(message)
        if found is not None:
            return suggest([found["given"]], CHOICE.findall(found["choices"]))
        if message.startswith("unrecognized arguments: "):
            return suggest(OPTION.findall(message), OPTION.findall(self.format_help()))

        return ""


def _name_number(kind: Any) -> str | None:
    """Returns which number a type of option converts, None where it is of another kind: it is asked for two."""
    if not _converts(kind, "1"):
        return None
    return "a number" if _converts(kind, "0.5") else "a whole number"


def _converts(kind: Any, text: str) -> bool:
    try:
        kind(text)
    except argparse.ArgumentTypeError:
        return True  # it is a number, though not one of those that are allowed
    except (TypeError, ValueError):
        return False

    return True


def suggest(given: Iterable[str], known: Iterable[str]) -> str:
    """Returns "(did you mean ...?)" with what is nearest to the first word that is near to any, else nothing."""
    choices = sorted(set(known))
    for word in given:
        near = get_close_matches(word, choices, n=1)
        if near:
            return f" (did you mean {near[0]!r}?)"

    return ""
