"""A file without a card is served as a graph alone; these sentences say what it is and how it gets a card."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from service.models.datatypes import BY_SESSION
from service.models.graph import Graph
from service.models.session import TensorInfo

MAX_TENSORS_SHOWN = 8
MAX_NAME_CHARS = 60


def explain_no_card(graph: Graph, file: str) -> str:
    """Returns what a graph takes and answers, where it is served, and the command that gives its file a card."""
    return (
        f"{graph.name!r} has no card: only the Open Inference Protocol serves it, at /v2/models/{graph.name}; "
        f"it takes {_describe(graph.inputs)} and answers {_describe(graph.outputs)}; "
        f"this gives it one: {write_command(graph.name, file)}"
    )


def write_command(name: str, file: str) -> str:
    """Returns the command that adopts a file of this folder, with the task that its name suggests."""
    task = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "my_task"
    return f"veredicto adopt {shlex.quote(file)} --task {task} --data test.csv --target COLUMN"


def _describe(tensors: Mapping[str, TensorInfo]) -> str:
    shown = [
        f"{each.name[:MAX_NAME_CHARS]} {BY_SESSION[each.type].name} "
        f"{each.shown if each.is_ranked else 'of any shape'}"
        for each in list(tensors.values())[:MAX_TENSORS_SHOWN]
    ]
    n_more = len(tensors) - len(shown)

    return ", ".join(shown) + (f" and {n_more} more" if n_more else "")
