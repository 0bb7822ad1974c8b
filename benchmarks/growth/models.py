"""Folders of models are filled with copies of one small shipped model, each under a name of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import onnx

from benchmarks.paths import SHIPPED_MODELS
from benchmarks.workloads.models import LOGISTIC
from model_card import from_metadata
from service.live.journal.records import ModelKey


def write_copies(folder: Path, names: Sequence[tuple[str, str]]) -> list[ModelKey]:
    """Writes the logistic classifier under each task and family, and returns how a journal knows each copy."""
    folder.mkdir()
    model = onnx.load(SHIPPED_MODELS / f"{LOGISTIC}.onnx")
    metadata = {each.key: each.value for each in model.metadata_props}
    card = from_metadata(metadata)
    assert card is not None
    keys = []
    for task, family in names:
        copy = replace(card, task=task, family=family)
        path = folder / f"{copy.name}.onnx"
        version = _write_with(path, model, copy.to_metadata())
        keys.append(ModelKey(task, copy.name, version, card.classes or ()))

    return keys


def _write_with(path: Path, model: onnx.ModelProto, card: Mapping[str, str]) -> str:
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, dict(card))
    content = model.SerializeToString()
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()[:12]
