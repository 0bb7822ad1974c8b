"""A scorer takes one block after the other: it reads it, asks the models, and writes its answers and its summary."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.image_hashes import hash_images
from model_card import FeatureInput
from row_records import hash_rows
from scoring import summary
from scoring.features import (
    MISSING_CODE,
    UNKNOWN,
    Faults,
    code_names,
    encode,
    find_columns,
)
from scoring.files import write_file
from scoring.job import ImageFiles, Input, Job, Task, name_part
from scoring.models import LoadedModels
from service.contract import codec
from service.errors import InvalidRequest, TooLarge
from service.models.content import ModelContent
from service.models.image_rows import decode_rows
from service.models.images import ImageFile
from service.models.model import Inputs
from tables.blocks import Block, read_block

MAX_PIXELS = 2_000_000_000
"""Of one image: here nobody sends them from outside."""
ANSWERS, SUMMARIES = "predictions", "summaries"
"""The folders of the answers and of the summaries, one file of each for a block."""
UNLABELLED = -1
Outputs = list[list[NDArray[Any]]]


@dataclass(kw_only=True)
class _Rows:
    """A block has these rows: `places`, lines or names, and `truth`, -1 where a row has no label, are `(n_rows,)`.

    `faults` has the place and the reason of each row that is set aside.
    """

    inputs: Inputs
    places: NDArray[Any]
    truth: NDArray[np.int64]
    faults: list[tuple[Any, str]]
    data_digest: str | None = None

    def take(self, kept: NDArray[np.int64]) -> _Rows:
        """Returns the rows of these indices."""
        inputs: Inputs = (
            self.inputs[kept]
            if isinstance(self.inputs, np.ndarray)
            else [self.inputs[each] for each in kept]
        )
        return _Rows(
            inputs=inputs,
            places=self.places[kept],
            truth=self.truth[kept],
            faults=self.faults,
            data_digest=self.data_digest,
        )


class Scorer:
    """A scorer has the models of a job in its process; the same block gives the same files each time."""

    def __init__(self, job: Job, contents: dict[str, ModelContent]) -> None:
        self._job = job
        self._models = LoadedModels.load(job.models, contents)
        self._learnt = np.empty(0, np.uint64)
        if job.options.label is not None and not job.options.keep_learnt:
            self._learnt = self._models.collect_learnt()

    def score(self, task: Task) -> dict[str, int]:
        """Writes a block's answers, then its summary, which says that the block is done; returns what it counted."""
        of = self._job.inputs[task.input]
        rows = (
            self._read_images(of, task.block)
            if isinstance(task.block, ImageFiles)
            else self._read_table(of, task.block)
        )
        rows, outputs = self._run(rows)
        written = self._write_answers(task, of, rows, outputs)
        document = {
            "block": task.number,
            "input": of.name,
            "rows": len(rows.places),
            "set_aside": sorted(rows.faults),
            **written,
            **({} if rows.data_digest is None else {"data": rows.data_digest}),
            **self._summarise(of, rows, outputs),
        }
        path = self._job.out / SUMMARIES / f"{name_part(task.number)}.json"
        content = codec.encode(document)
        write_file(path, lambda file: file.write(content))

        return {"rows": len(rows.places), "set_aside": len(rows.faults)}

    def _read_table(self, of: Input, block: Block) -> _Rows:
        assert of.layout is not None
        card = self._models.card
        assert isinstance(card.input, FeatureInput)
        features = card.input.features
        label = self._job.options.label
        wanted = find_columns(of.layout.names, features) or []
        if label is not None:
            wanted = list(dict.fromkeys([*wanted, label]))

        numbers = {each.name for each in features if not each.values} - {label}
        found = read_block(
            Path(of.path),
            of.layout,
            block,
            wanted,
            numbers=numbers & set(of.layout.names),
        )
        encoded = encode(found.frame, features, of.layout.mark)
        truth = np.full(found.frame.height, UNLABELLED)
        faults = encoded.faults
        if label is not None:
            truth = self._read_truth(found.frame[label], faults)

        kept = encoded.kept
        is_kept = ~np.isin(kept, np.fromiter(faults, np.int64))
        return _Rows(
            inputs=encoded.features if is_kept.all() else encoded.features[is_kept],
            places=found.lines[kept[is_kept]],
            truth=truth[kept[is_kept]],
            faults=[
                *found.faults,
                *((int(found.lines[row]), reason) for row, reason in faults.items()),
            ],
        )

    def _read_truth(self, column: pl.Series, faults: Faults) -> NDArray[np.int64]:
        """Returns the true classes; a label that is no class is a fault of its row."""
        classes = self._models.classes
        codes = code_names(column, classes)
        for row in np.flatnonzero(codes == UNKNOWN).tolist():
            known = ", ".join(classes[:20]) + (", ..." if len(classes) > 20 else "")
            faults.setdefault(
                row,
                f"column {column.name!r} expects a class of {self._models.card.task}, "
                f"got {str(column[row])[:100]!r}; classes: {known}",
            )

        return np.where(codes == MISSING_CODE, UNLABELLED, codes)

    def _read_images(self, of: Input, block: ImageFiles) -> _Rows:
        """Decodes images as the service does; one that cannot be decoded is set aside."""
        digest = hashlib.sha256()
        places, inputs, labels = [], [], []
        faults: list[tuple[Any, str]] = []
        classes = {name: place for place, name in enumerate(self._models.classes)}
        is_labelled = self._job.options.label is not None

        for name in block.names:
            path = Path(of.path, name)
            try:
                content = path.read_bytes()
                digest.update(
                    f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode()
                )
                if is_labelled and path.parent.name not in classes:
                    raise InvalidRequest(
                        f"the folder {path.parent.name!r} is no class of {self._models.card.task}"
                    )
                inputs += decode_rows(
                    [ImageFile(content, "")],
                    model=self._models.card.task,
                    size_px=self._models.size_px,
                    max_pixels=MAX_PIXELS,
                )
            except (InvalidRequest, TooLarge) as error:
                faults.append((name, str(error).removeprefix("inputs[0]: ")))
            except OSError as error:
                faults.append((name, f"it cannot be read: {error.strerror}"))
            else:
                places.append(name)
                labels.append(classes[path.parent.name] if is_labelled else UNLABELLED)

        return _Rows(
            inputs=inputs,
            places=np.array(places, np.object_),
            truth=np.array(labels, np.int64),
            faults=faults,
            data_digest=digest.hexdigest(),
        )

    def _run(self, rows: _Rows) -> tuple[_Rows, Outputs]:
        """Returns the outputs of each model, and the rows to which all of them have a finite answer."""
        if not len(rows.places):
            return rows, []

        outputs: Outputs = self._models.run(rows.inputs)
        n_rows = len(rows.places)
        is_finite = np.ones(n_rows, np.bool_)
        for model, arrays in zip(self._models.models, outputs, strict=True):
            for array in arrays:
                if array.dtype.kind != "f" or np.isfinite(array).all():
                    continue
                fits = np.isfinite(array).reshape(n_rows, -1).all(axis=1)
                rows.faults += [
                    (
                        rows.places[row : row + 1].tolist()[0],  # a number of Python's
                        f"{model.name} has no finite answer to these values; they are far outside of the ranges "
                        "seen in training",
                    )
                    for row in np.flatnonzero(is_finite & ~fits)
                ]
                is_finite &= fits

        if is_finite.all():
            return rows, outputs
        kept = np.flatnonzero(is_finite)
        return rows.take(kept), [[each[kept] for each in arrays] for arrays in outputs]

    def _write_answers(
        self, task: Task, of: Input, rows: _Rows, outputs: Outputs
    ) -> dict[str, Any]:
        """Writes the answers of a block, and returns their file's name, size and SHA-256."""
        options = self._job.options
        is_image = isinstance(task.block, ImageFiles)
        columns = [
            pl.Series("file", rows.places.tolist(), dtype=pl.String)
            if is_image
            else pl.Series("file", [of.name], dtype=pl.String).new_from_index(
                0, len(rows.places)
            ),
        ]
        if not is_image:
            columns.append(pl.Series("line", rows.places, dtype=pl.Int64))
        for model, arrays in zip(self._models.models, outputs, strict=False):
            columns += _describe_answers(
                model.name, model.classes, arrays, with_all=options.with_probabilities
            )

        frame = pl.DataFrame(columns)
        content = io.BytesIO()
        if options.format == "csv":
            frame.write_csv(content)
        else:
            frame.write_parquet(content, compression="lz4", statistics=False)

        name = f"{name_part(task.number)}.{options.format}"
        view = content.getbuffer()
        write_file(self._job.out / ANSWERS / name, lambda file: file.write(view))

        return {
            "output": name,
            "bytes": len(view),
            "sha256": hashlib.sha256(view).hexdigest(),
        }

    def _summarise(self, of: Input, rows: _Rows, outputs: Outputs) -> dict[str, Any]:
        """Returns the summary of all rows, and of those that can be judged: with a label, and learnt by no model."""
        if not self._models.are_classifiers or not len(rows.places):
            return {"n_unlabelled": 0, "n_learnt": 0}

        labels = np.stack([arrays[0] for arrays in outputs]).T
        n_classes = len(self._models.classes)
        all_rows = summary.Agreement.of(labels, n_classes)
        is_labelled = rows.truth != UNLABELLED
        is_learnt = self._find_learnt(of, rows) & is_labelled
        judged = np.flatnonzero(is_labelled & ~is_learnt)
        document: dict[str, Any] = {
            "n_unlabelled": int((~is_labelled).sum()),
            "n_learnt": int(is_learnt.sum()),
            "agreement": summary.write(all_rows),
        }
        if len(judged):
            probabilities = [_read_as_written(arrays[1][judged]) for arrays in outputs]
            document["judged"] = summary.write(
                summary.Summary.of(labels[judged], rows.truth[judged], probabilities)
            )

        return document

    def _find_learnt(self, of: Input, rows: _Rows) -> NDArray[np.bool_]:
        """Returns which rows some model was learnt from, as far as the models' files say so."""
        if not len(self._learnt):
            return np.zeros(len(rows.places), np.bool_)
        if isinstance(rows.inputs, np.ndarray):
            hashes = hash_rows(rows.inputs)
        else:
            hashes = hash_images([Path(of.path, name) for name in rows.places])
        return np.isin(hashes, self._learnt)


def _describe_answers(
    name: str, classes: tuple[str, ...], arrays: list[NDArray[Any]], *, with_all: bool
) -> list[pl.Series]:
    """Returns a model's columns: what it predicts, and of a classifier with which probability."""
    if not classes:
        return [pl.Series(name, arrays[0])]

    label, probabilities = arrays
    names = list(classes)
    named = pl.Series(name, names, dtype=pl.Enum(names)).gather(label)
    if not with_all:
        confidence = probabilities[np.arange(len(label)), label]
        return [named, pl.Series(f"{name}.probability", confidence)]

    return [
        named,
        *(
            pl.Series(f"{name}.probability.{each}", probabilities[:, place])
            for place, each in enumerate(classes)
        ),
    ]


def _read_as_written(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns probabilities as an answer writes them, so that a server's figures are the same.

    By way of polars' texts a number takes 0.1 to 0.3 us, by way of JSON 0.6.
    """
    texts = pl.Series(probabilities.ravel()).cast(pl.String)
    numbers: NDArray[np.float64] = texts.cast(pl.Float64).to_numpy()
    return numbers.reshape(probabilities.shape)
