"""This module measures the exported file of a published network on labelled photographs, of any size as people send
them.

A published network has learnt from photographs that are not here, and the card's figures are to be our own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from PIL import Image, ImageOps

from model_card import OUTPUTS, Parity, from_metadata
from training.data.image_folders import SUFFIXES, convert_to_rgb
from training.data.image_preprocessing import resize_and_crop
from training.data.images import ImageDataset
from training.export.evaluation import evaluate_classifier
from training.export.gate import (
    IMAGE_TOLERANCE,
    compare_outputs,
    serialise,
    write_atomically,
)
from training.graph import Outputs, open_session, run
from training.images.network import FittedImageClassifier
from training.learning.family import TrainingError
from training.pipeline import TrainedModel

SYNSET = re.compile(r"(n\d{8})(?:_|$)")
"""ImageNet calls its kinds by such words, and files or their folders bear them."""
N_SHOWN = 50
"""The card lists the names of at most so many photographs."""

Pixels = NDArray[np.uint8]


def find(folder: Path, dataset: ImageDataset) -> dict[Path, int]:
    """Returns each photograph's class; raises TrainingError for a folder without photographs of the classes."""
    found = dict(_list_photographs(folder, len(dataset.classes)))
    if not found:
        raise TrainingError(
            f"--photographs {folder}: expected files such as n01484850_great_white_shark.jpg, or folders n01484850 "
            f"({', '.join(SUFFIXES)}), found none of the kinds that the network tells apart"
        )

    return found


def measure(trained: TrainedModel, found: Mapping[Path, int]) -> TrainedModel:
    """Returns the model with metrics and parity of these photographs in its card, which it writes into the file."""
    content = trained.path.read_bytes()
    target = np.array(list(found.values()), dtype=np.int64)
    outputs = _answer(content, list(found))
    card = replace(
        trained.card,
        summary=trained.card.summary.replace(
            "not measured", f"measured on {len(found)} photographs"
        ),
        metrics=evaluate_classifier(outputs, target),
        parity=_compare(trained, content, list(found)),
        provenance=replace(
            trained.card.provenance,
            data_set=f"{trained.card.provenance.data_set}; {_describe(list(found))}",
            split={"train": 0, "validation": 0, "held_out": len(found)},
        ),
    )
    model = onnx.load_from_string(content)
    write_atomically(trained.path, serialise(model, card))

    return replace(trained, card=card)


def keep_measured(trained: TrainedModel, before: bytes | None) -> TrainedModel:
    """Returns the model with the figures of the file that it replaces, where that has the same graph: they hold still.

    So a file can be made again where the photographs are not.
    """
    if before is None:
        return trained

    old, new = onnx.load_from_string(before), onnx.load(trained.path)
    card = from_metadata({each.key: each.value for each in old.metadata_props})
    is_same = old.graph.SerializeToString(
        deterministic=True
    ) == new.graph.SerializeToString(deterministic=True)
    if card is None or not card.metrics or not is_same:
        return trained

    kept = replace(
        card,
        provenance=replace(
            trained.card.provenance,
            data_set=card.provenance.data_set,
            split=card.provenance.split,
        ),
    )
    write_atomically(trained.path, serialise(new, kept))

    return replace(trained, card=kept)


def _list_photographs(folder: Path, n_classes: int) -> Iterator[tuple[Path, int]]:
    """Yields files whose name, or else whose folder's name, begins with one of ImageNet's words, with their class."""
    # It is slow to import, and seldom needed.
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo()
    synsets = [info.index_to_label_name(row) for row in range(info.num_classes())]
    if len(synsets) != n_classes:
        raise TrainingError(
            f"--photographs: only networks of ImageNet's {len(synsets)} kinds are measured so, and this one tells "
            f"{n_classes} apart"
        )

    rows = {name: row for row, name in enumerate(synsets)}
    for path in sorted(folder.rglob("*")):
        named = SYNSET.match(path.name) or SYNSET.match(path.parent.name)
        is_image = path.name.lower().endswith(SUFFIXES) and path.is_file()
        if is_image and named and named[1] in rows:
            yield path, rows[named[1]]


def _answer(content: bytes, paths: list[Path]) -> Outputs:
    """Returns what the file answers to whole photographs, one at a time because their sizes differ."""
    session, names = open_session(content), OUTPUTS["classifier"]
    answers = [session.run(names, {"pixels": _read(path)[None]}) for path in paths]
    label, probabilities = (np.concatenate(each) for each in zip(*answers, strict=True))
    return {"label": label, "probabilities": probabilities}


def _compare(trained: TrainedModel, content: bytes, paths: list[Path]) -> Parity:
    """Returns how the file differs from its source on the photographs, made small as the source takes them."""
    fitted = trained.fitted
    assert isinstance(fitted, FittedImageClassifier)
    size_px, filter_name = fitted.resize_px, fitted.filter_name
    pixels = np.stack(
        [
            np.asarray(
                resize_and_crop(
                    Image.fromarray(_read(path)), size_px, size_px, filter_name
                )
            )
            for path in paths
        ]
    )
    return compare_outputs(
        "classifier",
        fitted.outputs(pixels),
        run(content, pixels, OUTPUTS["classifier"]),
        parity_tolerance=IMAGE_TOLERANCE,
    )


def _read(path: Path) -> Pixels:
    """Returns RGB pixels, upright; raises TrainingError for what is no image."""
    try:
        with Image.open(path) as image:
            return np.asarray(convert_to_rgb(ImageOps.exif_transpose(image)))
    except (OSError, ValueError, SyntaxError) as error:
        raise TrainingError(f"--photographs: {path.name} is no image") from error


def _describe(paths: list[Path]) -> str:
    """Returns a text that names the photographs and has one digest of all, so that others can tell if theirs are the
    same.
    """
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())

    names = ", ".join(path.stem for path in paths[:N_SHOWN])
    more = ", ..." if len(paths) > N_SHOWN else ""
    return f"measured on {len(paths)} photographs of ImageNet's kinds, sha256:{digest.hexdigest()}: {names}{more}"
