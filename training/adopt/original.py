"""This module asks the foreign file itself, unchanged, in onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.adopt.foreign import ForeignGraph
from training.adopt.refusal import AdoptionError
from training.graph import ROWS_AT_A_TIME

Feed = dict[str, NDArray[Any]]
Answers = dict[str, NDArray[Any]]
"""Answers hold each output by name, `(n_rows, ...)`; maps of class names are one column for each of the keys."""


class OriginalModel:
    """An original model is the foreign file in a session of its own, with its weights beside it where they are."""

    def __init__(self, path: Path, foreign: ForeignGraph) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._foreign = foreign
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no base class
            raise AdoptionError(
                f"{path.name}: onnxruntime does not load it ({first_line(error)}): export it anew, with an opset that "
                "onnxruntime knows"
            ) from error

        self.rows_at_a_time = _find_fixed_rows(foreign) or ROWS_AT_A_TIME

    def ask(self, feed: Feed) -> Answers:
        """Returns the answers to all rows; raises AdoptionError where it does not run on them."""
        n_rows = len(next(iter(feed.values())))
        try:
            parts = [
                self._ask_part(feed, start, n_rows)
                for start in range(0, n_rows, self.rows_at_a_time)
            ]
        except Exception as error:
            raise AdoptionError(
                f"{self._foreign.file_name}: it does not run on the rows of the data ({first_line(error)}): check that "
                "columns and their order are those that it has learnt, and set them with --features"
            ) from error

        return {
            name: np.concatenate([each[name] for each in parts]) for name in parts[0]
        }

    def can_answer(self, feed: Feed) -> bool:
        """Tells if it answers these rows, each number of it finite."""
        try:
            answers = self.ask(feed)
        except AdoptionError:
            return False
        return all(
            bool(np.isfinite(each.astype(np.float64)).all())
            for each in answers.values()
            if each.dtype.kind == "f"
        )

    def _ask_part(self, feed: Feed, start: int, n_rows: int) -> Answers:
        """Returns the answers to the next rows; rows that a fixed number of them lacks are the last one again."""
        stop = min(start + self.rows_at_a_time, n_rows)
        wanted = np.arange(start, start + self.rows_at_a_time)
        rows = (
            np.minimum(wanted, n_rows - 1)
            if _find_fixed_rows(self._foreign)
            else wanted[: stop - start]
        )
        names = [each.name for each in self._foreign.outputs]
        found = self._session.run(
            names, {key: each[rows] for key, each in feed.items()}
        )
        answers = {
            name: self._to_array(name, value)
            for name, value in zip(names, found, strict=True)
        }

        return {
            name: each[: stop - start] if each.ndim and len(each) == len(rows) else each
            for name, each in answers.items()
        }

    def _to_array(self, name: str, value: Any) -> NDArray[Any]:
        keys = self._foreign.zip_maps.get(name)
        if keys is None:
            return np.atleast_1d(np.asarray(value))
        return np.array([[row[key] for key in keys] for row in value], dtype=np.float32)


def first_line(error: Exception) -> str:
    """Returns the first 200 characters of an error's text in one line."""
    return " ".join(str(error).split())[:200]


def _find_fixed_rows(foreign: ForeignGraph) -> int | None:
    """Returns how many rows every run must have, None where the number is free."""
    fixed = [each.axes[0] for each in foreign.inputs if each.axes]
    return next((each for each in fixed if each is not None), None)
