"""A setting is of one of these types: each reads the text of a variable, and refuses one that is not of its kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from stat import S_IFREG, S_ISREG
from typing import Any, NamedTuple

MAX_WHOLE_NUMBER = 2**31 - 1
MAX_BYTES = 2**53
MAX_PROCESSES = 1024
MAX_PORT = 2**16 - 1
MAX_SHOWN_CHARACTERS = 200
"""A refusal shows no more of a value than this."""

_MODEL_NAME = re.compile(r"[\w.-]([\w .-]*[\w.-])?")
_ROUTE = re.compile(r"/[!-\"$-.0->@-~/]*")
_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?", re.A)
_PORTS = {"http": 80, "https": 443}
"""A browser leaves these ports out of an origin."""


class SettingType(NamedTuple):
    """A kind of value; `expected` and `range` are shown to readers, and `parse` raises ValueError for other texts."""

    name: str
    expected: str
    range: str
    parse: Callable[[str], Any]
    max_shown_characters: int = MAX_SHOWN_CHARACTERS


def _check_path(text: str) -> None:
    """Raises ValueError for no path, and for one with the line end or the quotes that a file of variables has.

    Such a name is nobody's wish: a journal would be written beside the one that is meant, and not be found again.
    """
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    if not text.strip() or is_quoted or any(each in text for each in "\r\n"):
        raise ValueError


def _parse_folder(text: str) -> Path:
    """A link stays one: whoever makes it lead to the folder of another release means that one from then on."""
    _check_path(text)
    try:
        Path(text).resolve()
    except RuntimeError as error:  # links that lead to each other
        raise ValueError from error

    return Path(text).absolute()


def _parse_file(text: str) -> Path:
    """A file that is there must be a regular one: a pipe waits for a writer, a device has no end or keeps nothing."""
    try:
        mode = Path(text).stat().st_mode
    except OSError:  # who begins with the file says why
        mode = S_IFREG

    _check_path(text)
    if not S_ISREG(mode):
        raise ValueError
    return Path(text).absolute()


def _parse_flag(text: str) -> bool:
    flags = {"1": True, "true": True, "0": False, "false": False}
    if text.lower() not in flags:
        raise ValueError
    return flags[text.lower()]


def read_host(text: str) -> str:
    """Returns a host without blanks around it, and an address of IPv6 without the brackets that URLs have.

    It raises ValueError for none, and for `*`, by which some resolvers mean every address and others none.
    """
    host = text.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if host in ("", "*"):
        raise ValueError

    return host


def _parse_share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:  # which NaN is not either
        raise ValueError
    return share


def _parse_champions(text: str) -> dict[str, str]:
    pairs = [pair.strip().split(":") for pair in text.split(",")]
    champions = {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and all(pair)}
    if len(champions) < len(pairs):
        raise ValueError
    return champions


def _parse_costs(text: str) -> dict[str, Path]:
    pairs = [pair.strip().partition(":") for pair in text.split(",")]
    files = {task: _parse_file(path) for task, _, path in pairs if task and path}
    if len(files) < len(pairs):
        raise ValueError
    return files


def _parse_model_names(text: str) -> dict[str, str]:
    """Returns names of models by their aliases; an alias alone is that of the only model, whose name is left empty."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    names = {alias.strip(): name.strip() for alias, _, name in pairs}
    is_alone = len(pairs) == 1 and "=" not in text
    if len(names) < len(pairs) or not (is_alone or all(names.values())):
        raise ValueError
    if not all(_MODEL_NAME.fullmatch(alias) for alias in names):
        raise ValueError
    return names


def _parse_route(text: str) -> str:
    if not _ROUTE.fullmatch(text):
        raise ValueError
    return text


def _parse_whole_number(text: str) -> int:
    """Plain digits alone are taken: int() would also take spaces, signs, underscores and other scripts' digits."""
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise ValueError
    return int(text)


def _parse_port(text: str) -> int:
    port = _parse_whole_number(text)
    if port > MAX_PORT:
        raise ValueError
    return port


def _parse_count(text: str) -> int:
    count = _parse_whole_number(text)
    if not 1 <= count <= MAX_WHOLE_NUMBER:
        raise ValueError
    return count


def _parse_processes(text: str) -> int:
    count = _parse_whole_number(text)
    if not 1 <= count <= MAX_PROCESSES:
        raise ValueError
    return count


def _parse_seconds(text: str) -> int:
    seconds = _parse_whole_number(text)
    if seconds > MAX_WHOLE_NUMBER:
        raise ValueError
    return seconds


def _parse_bytes(text: str) -> int:
    n_bytes = _parse_whole_number(text)
    if not 1 <= n_bytes <= MAX_BYTES:
        raise ValueError
    return n_bytes


def _parse_optional_count(text: str) -> int:
    count = _parse_whole_number(text)
    if count > MAX_WHOLE_NUMBER:
        raise ValueError
    return count


def _parse_public(text: str) -> frozenset[str]:
    rights = frozenset(each.strip() for each in text.split(","))
    if rights == {"none"}:
        return frozenset()
    if not rights <= {"predict", "observe"}:
        raise ValueError
    return rights


def _parse_origins(text: str) -> tuple[str, ...]:
    return tuple(_parse_origin(each.strip().lower()) for each in text.split(","))


def _parse_origin(text: str) -> str:
    """Returns an origin as browsers write it; raises ValueError for what none would write, and so none would match."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise ValueError

    scheme, host, named = match.groups()
    port = int(named or _PORTS[scheme])
    if not 0 < port <= MAX_PORT:
        raise ValueError

    return f"{scheme}://{host}" + (f":{port}" if port != _PORTS[scheme] else "")


def _choose_from(*choices: str) -> SettingType:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    listed = ", ".join(choices)
    return SettingType("word", f"one of {listed}", listed, parse)


FOLDER = SettingType("folder", "a folder", "any", _parse_folder)
FILE = SettingType("file", "a regular file", "any", _parse_file)
FLAG = SettingType("flag", "0 or 1", "0, 1", _parse_flag)
HOST = SettingType("host", "the name or the address of a host", "any", read_host)
PORT = SettingType(
    "port",
    f"a port from 1 to {MAX_PORT}, or 0 for none",
    f"0 to {MAX_PORT}",
    _parse_port,
    max_shown_characters=50,
)
COUNT = SettingType(
    "whole number",
    f"a whole number from 1 to {MAX_WHOLE_NUMBER}",
    f"1 to {MAX_WHOLE_NUMBER}",
    _parse_count,
    max_shown_characters=50,
)
PROCESSES = SettingType(
    "whole number",
    f"a whole number from 1 to {MAX_PROCESSES}",
    f"1 to {MAX_PROCESSES}",
    _parse_processes,
    max_shown_characters=50,
)
SECONDS = SettingType(
    "whole number",
    f"a whole number from 0 to {MAX_WHOLE_NUMBER}",
    f"0 to {MAX_WHOLE_NUMBER}",
    _parse_seconds,
    max_shown_characters=50,
)
BYTES = SettingType(
    "whole number",
    f"a whole number from 1 to {MAX_BYTES}",
    f"1 to {MAX_BYTES}",
    _parse_bytes,
    max_shown_characters=50,
)
SHARE = SettingType(
    "number",
    "a number from 0 to 1",
    "0 to 1",
    _parse_share,
    max_shown_characters=50,
)
CHAMPIONS = SettingType(
    "models by task",
    "TASK:MODEL[,TASK:MODEL...], each task once",
    "`TASK:MODEL[,TASK:MODEL...]`",
    _parse_champions,
)
COSTS = SettingType(
    "files by task",
    "TASK:FILE[,TASK:FILE...], each task once",
    "`TASK:FILE[,TASK:FILE...]`",
    _parse_costs,
)
MODEL_NAMES = SettingType(
    "models by alias",
    "ALIAS for the only model, or ALIAS=NAME[,ALIAS=NAME...], each alias once",
    "`ALIAS`, `ALIAS=NAME[,ALIAS=NAME...]`",
    _parse_model_names,
)
ROUTE = SettingType(
    "path",
    "a path of plain characters that begins with / and has no ? or #",
    "`/...`",
    _parse_route,
)
OPTIONAL_COUNT = SettingType(
    "whole number",
    f"a whole number from 1 to {MAX_WHOLE_NUMBER}, or 0 for none",
    f"0 to {MAX_WHOLE_NUMBER}",
    _parse_optional_count,
    max_shown_characters=50,
)
PUBLIC = SettingType(
    "rights",
    "predict, observe, both with a comma, or none",
    "`predict`, `observe`, `predict,observe`, `none`",
    _parse_public,
)
ORIGINS = SettingType(
    "origins",
    "https://HOST[:PORT][,https://HOST...], each without a path",
    "`https://HOST[:PORT],...`",
    _parse_origins,
)
LOG = _choose_from("text", "json")
DEVICE = _choose_from("auto", "cpu", "cuda")
POLICY = _choose_from("champion", "thompson", "epsilon")
METRIC = _choose_from("accuracy", "brier", "log_loss", "balanced_accuracy", "cost")
