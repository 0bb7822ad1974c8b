"""A scorer takes one block after the other: it reads it, asks the models, and writes its answers and its summary."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cli.places import write_atomically
from evaluation.image_hashes import hash_images
from row_records import hash_rows
from scoring import summary
from scoring.job import ImageFiles, Input, Job, Task, name_part
from scoring.models import LoadedModels
from scoring.row_reader import UNLABELLED, BlockRows, RowReader
from service.contract import codec
from service.models.content import ModelContent

ANSWERS, SUMMARIES = "predictions", "summaries"
"""The folders of the answers and of the summaries, one file of each for a block."""
NOT_FINITE = "has no finite answer to these values; they are far outside of the ranges seen in training"
FILE, LINE = "file", "line"
"""Columns that say where a row stands."""
Outputs = list[list[NDArray[Any]]]


class Scorer:
    """A scorer has the models of a job in its process; the same block gives the same files each time."""

    def __init__(self, job: Job, contents: dict[str, ModelContent]) -> None:
        self._job = job
        self._models = LoadedModels.load(job.models, contents)
        self._reader = RowReader(
            self._models, label=job.options.label, beside=job.options.columns
        )
        self._learnt = np.empty(0, np.uint64)
        if job.options.label is not None and not job.options.keep_learnt:
            self._learnt = self._models.collect_learnt()

    def score(self, task: Task) -> dict[str, int]:
        """Writes a block's answers, then its summary, which says that the block is done; returns what it counted."""
        source = self._job.inputs[task.input]
        rows, outputs = self._run(self._reader.read(source, task.block))
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
        write_atomically(path, lambda file: file.write(content))

        return {"rows": len(rows.places), "set_aside": len(rows.faults)}

    def _run(self, rows: BlockRows) -> tuple[BlockRows, Outputs]:
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
        self, task: Task, source: Input, rows: BlockRows, outputs: Outputs
    ) -> dict[str, Any]:
        """Writes the answers of a block, and returns their file's name, size and SHA-256."""
        options = self._job.options
        if isinstance(task.block, ImageFiles):
            columns = [pl.Series(FILE, rows.places.tolist(), dtype=pl.String)]
        else:
            name_of_file = pl.Series(FILE, [source.name], dtype=pl.String)
            columns = [
                name_of_file.new_from_index(0, len(rows.places)),
                pl.Series(LINE, rows.places, dtype=pl.Int64),
                *rows.beside,
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
        write_atomically(self._job.out / ANSWERS / name, lambda file: file.write(view))

        return {
            "output": name,
            "bytes": len(view),
            "sha256": hashlib.sha256(view).hexdigest(),
        }

    def _summarise(
        self, source: Input, rows: BlockRows, outputs: Outputs
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

    def _find_learnt(self, source: Input, rows: BlockRows) -> NDArray[np.bool_]:
        """Returns which rows some model was learnt from, as far as the models' files say so."""
        if not len(self._learnt):
            return np.zeros(len(rows.places), np.bool_)

        if isinstance(rows.inputs, np.ndarray):
            hashes = hash_rows(rows.inputs)
        else:
            files = [Path(source.path, name) for name in rows.places]
            hashes = hash_images(files).hashes

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
    values = probabilities.T
    if not with_all:
        values = probabilities[np.arange(len(label)), label][np.newaxis]

    columns = list_columns(name, classes, with_all=with_all)[1:]
    shown = [
        pl.Series(column, each) for column, each in zip(columns, values, strict=True)
    ]

    return [named, *shown]


def list_columns(name: str, classes: tuple[str, ...], *, with_all: bool) -> list[str]:
    """Returns the names of a model's columns; `with_all` has the probability of each class."""
    if not classes:
        return [name]
    if not with_all:
        return [name, f"{name}.probability"]
    return [name, *(f"{name}.probability.{each}" for each in classes)]


def _read_as_written(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns probabilities as an answer writes them, so that a server's figures are the same.

    By way of polars' texts a number takes 0.1 to 0.3 us, by way of JSON 0.6.
    """
    texts = pl.Series(probabilities.ravel()).cast(pl.String)
    numbers: NDArray[np.float64] = texts.cast(pl.Float64).to_numpy()
    return numbers.reshape(probabilities.shape)
