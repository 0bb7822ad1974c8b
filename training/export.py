"""The one gate from a learnt model to a file: what does not pass is not written.

The gate strips what exporters leave behind, measures the file itself over held-out rows, compares it with
the model it came from, writes the card into it and reads it back before it takes its name.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from model_card import OUTPUTS, Card, Feature, FeatureInput, Parity, Provenance, SelfCheck, from_metadata
from training.datasets import Dataset, Split
from training.evaluation import evaluate_classifier
from training.fitted import Fitted
from training.network import OPSET

IR_VERSION = 10
PARITY_TOLERANCE = 1e-5
DOMAINS = ("", "ai.onnx.ml")
PACKAGES = ("numpy", "scikit-learn", "onnxruntime")

Outputs = dict[str, NDArray[Any]]


class ExportError(Exception):
    """A file that did not pass the gate; nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model comes from: what the card says beside what is measured."""

    family: str
    summary: str
    command: str
    seed: int


def export(fitted: Fitted, dataset: Dataset, rows: Split, origin: Origin, folder: Path) -> tuple[Path, Card]:
    """Writes `<task>-<family>.onnx` into the folder, whole or not at all; raises ExportError."""
    features, target = dataset.features[rows.held_out], dataset.target[rows.held_out]
    model = clean(fitted.to_onnx(n_features=features.shape[1]))
    outputs = run(model.SerializeToString(), features)
    parity = compare_outputs(fitted.outputs(features), outputs)
    card = Card(
        task=dataset.task,
        family=origin.family,
        kind="classifier",
        summary=f"{origin.summary}: {dataset.summary}",
        input=_describe_input(dataset, rows),
        classes=dataset.classes,
        self_check=_self_check(features, target, outputs),
        metrics=evaluate_classifier(outputs, target),
        parity=parity,
        provenance=Provenance(
            data_set=dataset.source,
            fingerprint=dataset.fingerprint,
            split=rows.counts,
            seed=origin.seed,
            packages=_versions((*fitted.packages, *PACKAGES)),
            command=origin.command,
        ),
        licence="MIT",
    )
    content = stamp(model, card)
    _check_file(content, card, features, outputs)
    path = folder / f"{card.name}.onnx"
    write_whole(path, content)
    return path, card


def clean(model: onnx.ModelProto) -> onnx.ModelProto:
    """Removes traces of the machine, sets IR and opsets, in place; raises ExportError for a foreign operator."""
    for graph in (model.graph, *model.functions):
        del graph.metadata_props[:]
        graph.doc_string = ""
        for node in graph.node:
            del node.metadata_props[:]
            node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""
    del model.graph.value_info[:]
    opsets: dict[str, int] = {}
    for opset in model.opset_import:
        opsets[opset.domain] = max(opset.version, opsets.get(opset.domain, 0))
    _expect(opsets.get("") == OPSET, f"expected opset {OPSET}, got {opsets}")
    graphs = (model.graph, *model.functions)
    foreign = sorted({node.domain for graph in graphs for node in graph.node} - set(DOMAINS))
    _expect(not foreign, f"expected operators of ONNX itself, got some of {foreign}")
    external = [each.name for each in model.graph.initializer if each.external_data]
    _expect(not external, f"expected all weights in the file, got external data for {external}")
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(domain, number) for domain, number in opsets.items())
    model.ir_version = IR_VERSION
    return model


def run(content: bytes, features: NDArray[np.float32]) -> Outputs:
    """The outputs of the exported bytes by name, as onnxruntime computes them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: features}), strict=True))


def compare_outputs(source: Outputs, exported: Outputs) -> Parity:
    """Raises ExportError where the file says something else than the model that it came from."""
    promised = OUTPUTS["classifier"]
    _expect(set(exported) >= set(promised), f"expected the outputs {sorted(promised)}, got {sorted(exported)}")
    unequal = int((source["label"] != exported["label"]).sum())
    difference = float(np.abs(source["probabilities"].astype(np.float64) - exported["probabilities"]).max())
    n_rows = len(source["label"])
    _expect(unequal == 0, f"parity: {unequal} of {n_rows} held-out rows get another label than the source model's")
    _expect(
        difference <= PARITY_TOLERANCE,
        f"parity: probabilities differ by up to {difference:g} from the source model's, more than {PARITY_TOLERANCE:g}",
    )
    return Parity(rows=n_rows, unequal_labels=unequal, max_abs_difference=float(f"{difference:.3g}"))


def stamp(model: onnx.ModelProto, card: Card) -> bytes:
    """The file's bytes: the same model and card give the same bytes."""
    model.graph.name = card.name
    model.doc_string = card.summary
    model.model_version = 1
    onnx.helper.set_model_props(model, card.to_metadata())
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def write_whole(path: Path, content: bytes) -> None:
    """Under its name there is the old file or the new one, whatever happens in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _check_file(content: bytes, card: Card, features: NDArray[np.float32], outputs: Outputs) -> None:
    """The final bytes give the outputs that were measured, hold the card, and name no place of this machine."""
    places = [place for place in (Path.home(), Path.cwd(), Path(sys.prefix)) if place != Path(place.anchor)]
    for place in (*map(str, places), "site-packages"):
        _expect(place.encode() not in content, f"expected no path of this machine in the file, found {place!r}")
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    _expect(
        from_metadata(session.get_modelmeta().custom_metadata_map) == card,
        "expected the card to read back as it was written",
    )
    for name, output in run(content, features).items():
        _expect(np.array_equal(output, outputs[name]), f"expected {name!r} as it was measured")


def _describe_input(dataset: Dataset, rows: Split) -> FeatureInput:
    train = dataset.features[rows.train]
    low, high = train.min(axis=0), train.max(axis=0)
    return FeatureInput(
        features=tuple(
            Feature(name=name, type="number", range=(_shortest(low[column]), _shortest(high[column])))
            for column, name in enumerate(dataset.feature_names)
        ),
        example=tuple(_shortest(value) for value in dataset.features[rows.held_out[0]]),
    )


def _self_check(features: NDArray[np.float32], target: NDArray[np.int64], outputs: Outputs) -> SelfCheck:
    """The first held-out row of each class, and what the file answers to it."""
    chosen = [int(np.flatnonzero(target == each)[0]) for each in np.unique(target)]
    return SelfCheck(
        input=tuple(tuple(_shortest(value) for value in features[row]) for row in chosen),
        output={
            "label": tuple(int(outputs["label"][row]) for row in chosen),
            "probabilities": tuple(
                tuple(_shortest(value) for value in outputs["probabilities"][row]) for row in chosen
            ),
        },
    )


def _shortest(value: np.float32) -> float:
    """The decimal with the fewest digits that is this float32 again."""
    return float(str(value))


def _versions(packages: Iterable[str]) -> dict[str, str]:
    return {"python": ".".join(map(str, sys.version_info[:2]))} | {each: version(each) for each in sorted(packages)}


def _expect(condition: object, text: str) -> None:
    if not condition:
        raise ExportError(text)
