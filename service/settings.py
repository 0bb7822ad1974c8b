"""What an operator can set, read from the environment once at start-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from service.errors import SettingsError

PREFIX = "VEREDICTO_"
DEVICES = ("auto", "cpu", "cuda")
POLICIES = ("champion", "thompson", "epsilon")
_HIGHEST = 2**31 - 1
_HIGHEST_PORT = 2**16 - 1
Host = str
Port = int
File = Path | None
Policy = str
Share = float
Champions = Mapping[str, str]
"""A model's name by task."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field for each `VEREDICTO_<FIELD>`; README lists what each does."""

    models: Path = Path(__file__).resolve().parent.parent / "exported_models"
    strict: bool = True
    device: str = "auto"
    threads: int = 1
    workers: int = 1
    max_body_bytes: int = 8 * 1024 * 1024
    max_image_bytes: int = 32 * 1024 * 1024
    max_pixels: int = 50_000_000
    max_rows: int = 10_000
    max_in_flight: int = 256
    deadline_s: int = 30
    grpc_port: Port = 0
    grpc_host: Host = "127.0.0.1"
    policy: Policy = "champion"
    epsilon: Share = 0.1
    champion: Champions = field(default_factory=dict)
    journal: File = None
    journal_rows: int = 1_000_000
    shadow: Champions = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Raises SettingsError where a VEREDICTO_* variable is unknown or does not parse."""
        names = {PREFIX + each.name.upper(): each for each in fields(cls)}
        given = {
            name: text for name, text in environment.items() if name.startswith(PREFIX)
        }
        unknown = sorted(given.keys() - names.keys())
        if unknown:
            raise SettingsError(
                f"unknown setting {unknown[0]}; known settings: {', '.join(sorted(names))}"
            )

        parsers: dict[str, Callable[[str, str], Any]] = {
            **{
                "Path": _path,
                "bool": _flag,
                "str": _device,
                "int": _count,
                "Host": _host,
                "Port": _port,
            },
            **{
                "File": _file,
                "Policy": _policy,
                "Share": _share,
                "Champions": _champions,
            },
        }
        values: dict[str, Any] = {
            each.name: parsers[str(each.type)](name, given[name])
            for name, each in names.items()
            if name in given
        }
        settings = cls(**values)
        if settings.shadow and settings.journal is None:
            raise SettingsError(
                "VEREDICTO_SHADOW needs VEREDICTO_JOURNAL, a file to keep what the models say"
            )

        return settings

    def name_limit(self, n_bytes: int) -> str:
        """The setting that this limit of bytes is from."""
        return (
            f"{PREFIX}MAX_{'BODY' if n_bytes == self.max_body_bytes else 'IMAGE'}_BYTES"
        )


def _path(name: str, text: str) -> Path:
    if not text.strip():
        raise SettingsError(f"{name}: expected a folder, got {text!r}")
    return Path(text).resolve()


def _file(name: str, text: str) -> Path:
    if not text.strip() or Path(text).is_dir():
        raise SettingsError(f"{name}: expected a file, got {text!r}")
    return Path(text).resolve()


def _flag(name: str, text: str) -> bool:
    flags = {"1": True, "true": True, "0": False, "false": False}
    if text.lower() not in flags:
        raise SettingsError(f"{name}: expected 0 or 1, got {text!r}")
    return flags[text.lower()]


def _device(name: str, text: str) -> str:
    if text not in DEVICES:
        raise SettingsError(
            f"{name}: expected one of {', '.join(DEVICES)}, got {text!r}"
        )
    return text


def _policy(name: str, text: str) -> str:
    if text not in POLICIES:
        raise SettingsError(
            f"{name}: expected one of {', '.join(POLICIES)}, got {text!r}"
        )
    return text


def _share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0

    if not 0 <= share <= 1:
        raise SettingsError(f"{name}: expected a number from 0 to 1, got {text[:50]!r}")

    return share


def _champions(name: str, text: str) -> dict[str, str]:
    pairs = [pair.strip().split(":") for pair in text.split(",")]
    champions = {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and all(pair)}
    if len(champions) < len(pairs):
        raise SettingsError(
            f"{name}: expected TASK:MODEL[,TASK:MODEL...], each task once, got {text[:200]!r}"
        )

    return champions


def _host(name: str, text: str) -> str:
    if not text.strip():
        raise SettingsError(
            f"{name}: expected the name or the address of a host, got {text!r}"
        )
    return text.strip()


def _port(name: str, text: str) -> int:
    if (
        not text.isascii()
        or not text.isdigit()
        or len(text) > 5
        or int(text) > _HIGHEST_PORT
    ):
        raise SettingsError(
            f"{name}: expected a port from 1 to {_HIGHEST_PORT}, or 0 for none, got {text[:50]!r}"
        )
    return int(text)


def _count(name: str, text: str) -> int:
    if (
        not text.isascii()
        or not text.isdigit()
        or len(text) > 10
        or not 1 <= int(text) <= _HIGHEST
    ):
        raise SettingsError(
            f"{name}: expected a whole number from 1 to {_HIGHEST}, got {text[:50]!r}"
        )
    return int(text)
