"""This module has torch's exporter read its library of operators once for a process, not again for each model.

It leans on the inside of torch: where a version has other names, each export reads the library as before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from copy import copy
from functools import cache, wraps
from importlib import import_module
from typing import Any

_READER = "torch.onnx._internal.exporter._registration"
"""This module of torch reads the operators that ONNX has a graph for into a registry."""
_MAKER = "torch._export.utils"
"""This one makes an object of each composite operator, before each of the thirty namespaces is looked through."""
_COMPOSITE = "CompositeImplicitAutograd"


def keep_torch_operators() -> None:
    """Keeps the operators from the first export on; without torch nothing is done.

    The exporter is imported by what exports and by nothing else, since that takes a second and most families of tables
    do without it.
    """
    if "torch" not in sys.modules:
        return

    exporter = import_module("torch.onnx")
    export = exporter.export
    if hasattr(export, "__wrapped__"):
        return

    @wraps(export)
    def export_with_kept(*given: Any, **named: Any) -> Any:
        keep_now()
        return export(*given, **named)

    exporter.export = export_with_kept  # type: ignore[attr-defined]


def keep_now() -> bool:
    """Keeps the operators of the exporter, which it imports, and tells if it could.

    To read them took four fifths of the processor's time that an export of a small network takes, and they are the
    same each time.
    """
    try:
        registry = import_module(_READER).ONNXRegistry
        read = registry.from_torchlib
        maker = import_module(_MAKER)
        make = maker._materialize_cpp_cia_ops
        find = import_module("torch")._C._dispatch_get_registrations_for_dispatch_key
    except (ImportError, AttributeError):
        return False

    if not hasattr(read, "cache_info"):
        registry.from_torchlib = staticmethod(_read_once(read))
        maker._materialize_cpp_cia_ops = _make_new_ones(make, find)  # type: ignore[attr-defined]

    return True


def _read_once(read: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a reader that reads each version's operators once; each caller may add others to its registry."""
    kept = cache(read)

    def read_copy(*version: Any, **named: Any) -> Any:
        registry = copy(kept(*version, **named))
        registry.functions = {
            name: list(found) for name, found in registry.functions.items()
        }
        return registry

    read_copy.cache_info = kept.cache_info  # type: ignore[attr-defined]
    read_copy.__wrapped__ = read  # type: ignore[attr-defined]

    return read_copy


def _make_new_ones(
    make: Callable[[], None], find: Callable[[str], Iterable[str]]
) -> Callable[[], None]:
    """Returns what makes the operators where any is new since it last did."""
    made: set[str] = set()

    def make_new() -> None:
        names = set(find(_COMPOSITE))
        if not names <= made:
            make()
            made.update(names)

    make_new.__wrapped__ = make  # type: ignore[attr-defined]

    return make_new
