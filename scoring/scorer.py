"""A scorer takes one block after the other: it reads it, asks the models, and writes its answers and its summary."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
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
NOT_FINITE = "has no finite answer to these values; they are far outside of the ranges seen in training"
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
        return replace(
            self,
            inputs=_take_inputs(self.inputs, kept),
            places=self.places[kept],
            truth=self.truth[kept],
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
        source = self._job.inputs[task.input]
        if isinstance(task.block, ImageFiles):
            rows = self._read_images(source, task.block)
        else:
            rows = self._read_table(source, task.block)

        rows, outputs = self._run(rows)
        document = {
            "block": task.number,
            "input": source.name,
            "rows": len(rows.places),
            "set_aside": sorted(rows.faults),
        }
        document |= self._write_answers(task, source, rows, outputs)
        if rows.data_digest is not None:
            document["data"] = rows.data_digest
        document |= self._summarise(source, rows, outputs)

        path = self._job.out / SUMMARIES / f"{name_part(task.number)}.json"
        content = codec.encode(document)
        write_file(path, lambda file: file.write(content))

        return {"rows": len(rows.places), "set_aside": len(rows.faults)}

    def _read_table(self, source: Input, block: Block) -> _Rows:
        layout = source.layout
        assert layout is not None
        card = self._models.card
        assert isinstance(card.input, FeatureInput)
        features = card.input.features
        label = self._job.options.label
        columns = find_columns(layout.names, features) or []
        if label is not None and label not in columns:
            columns.append(label)

        numbers = {each.name for each in features if not each.values}
        numbers &= set(layout.names)
        if label is not None:
            numbers.discard(label)
        found = read_block(Path(source.path), layout, block, columns, numbers=numbers)

        encoded = encode(found.frame, features, layout.mark)
        truth = np.full(found.frame.height, UNLABELLED)
        faults = encoded.faults
        if label is not None:
            truth = self._read_truth(found.frame[label], faults)

        is_kept = ~np.isin(encoded.kept, np.fromiter(faults, np.int64))
        kept = encoded.kept[is_kept]
        inputs = encoded.features if is_kept.all() else encoded.features[is_kept]
        all_faults: list[tuple[Any, str]] = list(found.faults)
        for row, reason in faults.items():
            all_faults.append((int(found.lines[row]), reason))

        return _Rows(
            inputs=inputs,
            places=found.lines[kept],
            truth=truth[kept],
            faults=all_faults,
        )

    def _read_truth(self, column: pl.Series, faults: Faults) -> NDArray[np.int64]:
        """Returns the true classes; a label that is no class is a fault of its row."""
        classes = self._models.classes
        task = self._models.card.task
        known = ", ".join(classes[:20])
        if len(classes) > 20:
            known += ", ..."

        codes = code_names(column, classes)
        for row in np.flatnonzero(codes == UNKNOWN).tolist():
            got = str(column[row])[:100]
            reason = f"column {column.name!r} expects a class of {task}, got {got!r}; classes: {known}"
            faults.setdefault(row, reason)

        return np.where(codes == MISSING_CODE, UNLABELLED, codes)

    def _read_images(self, source: Input, block: ImageFiles) -> _Rows:
        """Decodes images as the service does; one that cannot be decoded is set aside."""
        digest = hashlib.sha256()
        places = []
        inputs = []
        labels = []
        faults: list[tuple[Any, str]] = []

        for name in block.names:
            path = Path(source.path, name)
            try:
                content = path.read_bytes()
                file_digest = hashlib.sha256(content).hexdigest()
                digest.update(f"{name}\0{file_digest}\n".encode())
                label = self._find_label(path)
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
                labels.append(label)

        return _Rows(
            inputs=inputs,
            places=np.array(places, np.object_),
            truth=np.array(labels, np.int64),
            faults=faults,
            data_digest=digest.hexdigest(),
        )

    def _find_label(self, path: Path) -> int:
        """Returns the class of an image's folder, where images have labels; raises InvalidRequest for no class."""
        if self._job.options.label is None:
            return UNLABELLED

        folder = path.parent.name
        if folder not in self._models.classes:
            raise InvalidRequest(
                f"the folder {folder!r} is no class of {self._models.card.task}"
            )

        return self._models.classes.index(folder)

    def _run(self, rows: _Rows) -> tuple[_Rows, Outputs]:
        """Returns the outputs of each model, and the rows to which all of them have a finite answer."""
        if not len(rows.places):
            return rows, []

        outputs: Outputs = self._models.run(rows.inputs)
        n_rows = len(rows.places)
        is_finite = np.ones(n_rows, np.bool_)

        for model, arrays in zip(self._models.models, outputs, strict=True):
            reason = f"{model.name} {NOT_FINITE}"
            for array in arrays:
                if array.dtype.kind != "f" or np.isfinite(array).all():
                    continue

                fits = np.isfinite(array).reshape(n_rows, -1).all(axis=1)
                places = rows.places[is_finite & ~fits].tolist()
                rows.faults += [(place, reason) for place in places]
                is_finite &= fits

        if is_finite.all():
            return rows, outputs

        kept = np.flatnonzero(is_finite)
        left = [[each[kept] for each in arrays] for arrays in outputs]

        return rows.take(kept), left

    def _write_answers(
        self, task: Task, source: Input, rows: _Rows, outputs: Outputs
    ) -> dict[str, Any]:
        """Writes the answers of a block, and returns their file's name, size and SHA-256."""
        options = self._job.options
        if isinstance(task.block, ImageFiles):
            columns = [pl.Series("file", rows.places.tolist(), dtype=pl.String)]
        else:
            name_of_file = pl.Series("file", [source.name], dtype=pl.String)
            columns = [
                name_of_file.new_from_index(0, len(rows.places)),
                pl.Series("line", rows.places, dtype=pl.Int64),
            ]

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

    def _summarise(
        self, source: Input, rows: _Rows, outputs: Outputs
    ) -> dict[str, Any]:
        """Returns the summary of all rows, and of those that can be judged: with a label, and learnt by no model."""
        if not self._models.are_classifiers or not len(rows.places):
            return {"n_unlabelled": 0, "n_learnt": 0}

        labels = np.stack([arrays[0] for arrays in outputs]).T
        n_classes = len(self._models.classes)
        all_rows = summary.Agreement.of(labels, n_classes)
        is_labelled = rows.truth != UNLABELLED
        is_learnt = is_labelled & self._find_learnt(source, rows)
        judged = np.flatnonzero(is_labelled & ~is_learnt)
        document: dict[str, Any] = {
            "n_unlabelled": int((~is_labelled).sum()),
            "n_learnt": int(is_learnt.sum()),
            "agreement": summary.write(all_rows),
        }
        if len(judged):
            probabilities = [_read_as_written(arrays[1][judged]) for arrays in outputs]
            of_judged = summary.Summary.of(
                labels[judged], rows.truth[judged], probabilities
            )
            document["judged"] = summary.write(of_judged)

        return document

    def _find_learnt(self, source: Input, rows: _Rows) -> NDArray[np.bool_]:
        """Returns which rows some model was learnt from, as far as the models' files say so."""
        if not len(self._learnt):
            return np.zeros(len(rows.places), np.bool_)

        if isinstance(rows.inputs, np.ndarray):
            hashes = hash_rows(rows.inputs)
        else:
            hashes = hash_images([Path(source.path, name) for name in rows.places])

        return np.isin(hashes, self._learnt)


def _take_inputs(inputs: Inputs, kept: NDArray[np.int64]) -> Inputs:
    if isinstance(inputs, np.ndarray):
        return inputs[kept]

    return [inputs[index] for index in kept]


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

    columns = [named]
    for place, each in enumerate(classes):
        columns.append(pl.Series(f"{name}.probability.{each}", probabilities[:, place]))

    return columns


def _read_as_written(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns probabilities as an answer writes them, so that a server's figures are the same.

    By way of polars' texts a number takes 0.1 to 0.3 us, by way of JSON 0.6.
    """
    texts = pl.Series(probabilities.ravel()).cast(pl.String)
    numbers: NDArray[np.float64] = texts.cast(pl.Float64).to_numpy()
    return numbers.reshape(probabilities.shape)
