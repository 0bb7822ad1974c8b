"""A file of settings has a line NAME=VALUE for each, as `veredicto tune` writes it, and env files of containers are."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from service.errors import SettingsError

PREFIX = "VEREDICTO_"
SELF = "VEREDICTO_SETTINGS"
"""The variable that names the file; a file cannot name another one."""
QUOTES = ("'", '"')


def pin_settings_file(environment: MutableMapping[str, str]) -> None:
    """Puts the file's variables in place of its name: workers that start later must not find another file there."""
    path = environment.pop(SELF, None)
    if path is not None:
        for name, value in read_settings_file(Path(path)).items():
            environment.setdefault(name, value)


def read_settings_file(path: Path) -> dict[str, str]:
    """Returns the file's variables; raises SettingsError, which names the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingsError(
            f"{SELF}: expected a file of settings: {error.strerror}"
        ) from None
    except ValueError:
        raise SettingsError(
            f"{SELF}: expected a text of NAME=VALUE in UTF-8, got other bytes"
        ) from None

    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue

        name, value = _parse_line(text, f"{SELF}, line {number}")
        if name in found:
            raise SettingsError(f"{SELF}, line {number}: {name} stands there twice")
        found[name] = value

    return found


def _parse_line(text: str, where: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if "\0" in text:  # no variable can hold it
        raise SettingsError(f"{where}: expected a text, got one with a zero byte")
    if not equals or not name.startswith(PREFIX) or name == SELF:
        shown = text.partition("=")[0][:50]  # the value may be a secret
        raise SettingsError(
            f"{where}: expected {PREFIX}NAME=VALUE of a setting other than {SELF}, got {shown!r}"
        )

    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in QUOTES
    return name, value[1:-1] if is_quoted else value
