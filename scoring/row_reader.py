"""A block's rows are read as models take them, with their labels; a row that cannot be asked about is set aside."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evaluation.image_folders import find_class, name_folders
from model_card import FeatureInput
from scoring.category_codes import MISSING_CODE, UNKNOWN, code_names
from scoring.date_parts import Faults
from scoring.features import encode, find_columns
from scoring.job import ImageFiles, Input
from scoring.models import LoadedModels
from service.errors import EvaluationError, InvalidRequest, TooLarge
from service.models.images.media_types import ImageFile
from service.models.images.rows import decode_rows
from service.models.model import Inputs
from tables.blocks import Block, read_block
from tables.blocks import BlockRows as Rows
from tables.reader import UnreadableTableError

MAX_PIXELS = 2_000_000_000
"""Of one image: here nobody sends them from outside."""
UNLABELLED = -1


@dataclass(kw_only=True)
class BlockRows:
    """A block has these rows: `places`, lines or names, and `truth`, -1 where a row has no label, are `(n_rows,)`.

    `faults` has the place and the reason of each row that is set aside. `beside` has the columns that are written
    beside the answers, of images none.
    """

    inputs: Inputs
    places: NDArray[Any]
    truth: NDArray[np.int64]
    faults: list[tuple[Any, str]]
    beside: list[pl.Series] = field(default_factory=list)
    data_digest: str | None = None

    def take(self, kept: NDArray[np.int64]) -> BlockRows:
        """Returns the rows of these indices."""
        return replace(
            self,
            inputs=_take_inputs(self.inputs, kept),
            places=self.places[kept],
            truth=self.truth[kept],
            beside=[column[kept] for column in self.beside],
        )


class RowReader:
    """A reader knows how the models of a task take their rows, and where labels are: in the column `label`.

    `beside` are the columns that are written beside the answers.
    """

    def __init__(
        self, models: LoadedModels, *, label: str | None, beside: Sequence[str] = ()
    ) -> None:
        self._models = models
        self._label = label
        self._beside = list(beside)

    def read(self, source: Input, block: Block | ImageFiles) -> BlockRows:
        """Returns the rows of a block of a table, or of images."""
        if isinstance(block, ImageFiles):
            return self._read_images(source, block)
        return self._read_table(source, block)

    def _read_table(self, source: Input, block: Block) -> BlockRows:
        layout = source.layout
        assert layout is not None
        card = self._models.card
        assert isinstance(card.input, FeatureInput)
        features = card.input.features
        label = self._label
        columns = find_columns(layout.names, features) or []
        as_written = self._beside if label is None else [*self._beside, label]
        columns += [each for each in as_written if each not in columns]

        numbers = {each.name for each in features if not each.values}
        numbers &= set(layout.names)
        numbers -= set(as_written)
        found = _read_unchanged(source, block, columns, numbers)

        encoded = encode(found.frame, features, layout.marks)
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

        return BlockRows(
            inputs=inputs,
            places=found.lines[kept],
            truth=truth[kept],
            faults=all_faults,
            beside=[found.frame[name][kept] for name in self._beside],
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

    def _read_images(self, source: Input, block: ImageFiles) -> BlockRows:
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
                label = self._find_label(source, name)
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

        return BlockRows(
            inputs=inputs,
            places=np.array(places, np.object_),
            truth=np.array(labels, np.int64),
            faults=faults,
            data_digest=digest.hexdigest(),
        )

    def _find_label(self, source: Input, name: str) -> int:
        """Returns the class of an image's folder, where images have labels; raises InvalidRequest for no class.

        That is the first one below the input's folder that is called as a class, as judging has it, or else that
        folder itself.
        """
        if self._label is None:
            return UNLABELLED

        classes = self._models.classes
        folders = [*Path(name).parts[:-1], Path(source.path).name]
        found = find_class(folders, name_folders(classes))
        if found is None:
            raise InvalidRequest(
                f"the folder {folders[-2 if len(folders) > 1 else -1]!r} is no class of {self._models.card.task}"
            )

        return classes.index(found)


def _read_unchanged(
    source: Input, block: Block, columns: list[str], numbers: set[str]
) -> Rows:
    """Returns a block of a table that is still as it was when it was cut; raises EvaluationError, or OSError."""
    path = Path(source.path)
    assert source.layout is not None
    assert source.state is not None
    try:
        found = read_block(path, source.layout, block, columns, numbers=numbers)
    except UnreadableTableError as error:
        source.state.check(path, source.name)
        raise EvaluationError(str(error)) from None
    source.state.check(path, source.name)

    return found


def _take_inputs(inputs: Inputs, kept: NDArray[np.int64]) -> Inputs:
    if isinstance(inputs, np.ndarray):
        return inputs[kept]

    return [inputs[index] for index in kept]
