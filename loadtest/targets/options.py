"""Options name what a load goes to, and what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.targets import requests

PREDICT = "predict"
V2 = "v2"
V2_BINARY = "v2-binary"
GRPC = "grpc"
PROTOCOLS = (PREDICT, V2, V2_BINARY, GRPC)


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """TargetOptions name an address, of it a model, a task or nothing, and what is sent."""

    url: str
    model: str | None = None
    task: str | None = None
    protocol: str | None = None
    data: Path | None = None
    body: Path | None = None
    content_type: str = requests.JSON
    method: str | None = None
    n_rows: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
