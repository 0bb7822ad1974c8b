"""An object of JSON that has a name twice is refused: decoders take the last value in silence, and proxies the first.

That is told by counting, which costs a body without it nothing that can be measured: each name is followed by a colon.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from service.errors import InvalidRequest

_NAME_END = re.compile(rb'"[ \t\r\n]*:')
"""A name ends so, and so do parts of few texts."""


class _Repeated(NamedTuple):
    """This stands for an object that has the name more than once."""

    name: str


def check_names(body: bytes, n_names: int) -> None:
    """Raises InvalidRequest, which says where, for JSON with an object that has a name twice.

    So many different names, or more, were decoded from the body: one that has no more ends of names has none twice.
    """
    if body.count(b":") <= n_names or len(_NAME_END.findall(body)) <= n_names:
        return

    try:
        # Nobody asks for the numbers, whose digits may be more than int() takes.
        document = json.loads(body, object_pairs_hook=_take_pairs, parse_int=float)
        found = _find_repeated(document, "")
    except (ValueError, RecursionError):
        # Who decodes what is still to be decoded of it has the words.
        return

    if found is not None:
        where, name = found
        raise InvalidRequest(
            f"{where or 'the body'}: expected each name once, got {name[:100]!r} twice"
        )


def _take_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Repeated:
    names = dict(pairs)
    if len(names) == len(pairs):
        return names

    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)

    return _Repeated(name)


def _find_repeated(value: Any, where: str) -> tuple[str, str] | None:
    """Returns the place and the name of the first object that has a name twice; None where there is none."""
    if isinstance(value, _Repeated):
        return where, value.name

    parts: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        parts = [
            (f"{where}.{name}" if where else name, each) for name, each in value.items()
        ]
    elif isinstance(value, list):
        parts = [
            (f"{where}[{index}]", each)
            for index, each in enumerate(value)
            if isinstance(each, dict | list | tuple)
        ]

    for place, each in parts:
        found = _find_repeated(each, place)
        if found is not None:
            return found

    return None
