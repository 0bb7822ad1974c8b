"""A test sends what this module finds: the card's example, rows, image files, or tensors made up by metadata."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from service.errors import LoadTestError

if TYPE_CHECKING:
    import polars as pl

IMAGE_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
}
MAX_ROWS = 10_000
"""A table gives so many rows at most, which are sent in turn."""
MAX_IMAGE_BYTES = 256_000_000
"""All images of a folder together have so many bytes at most, which are kept in memory."""
OPEN_AXIS = 32
"""An axis that a model leaves open has this length, but for the first, which counts rows."""
DTYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
    "BYTES": np.object_,
}


@dataclass(frozen=True, kw_only=True)
class Image:
    """These are the bytes of an image file, and the content type that they are sent with."""

    content: bytes
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """This is an input of the Open Inference Protocol."""

    name: str
    datatype: str
    values: NDArray[Any]

    @property
    def raw(self) -> bytes:
        """Returns the values as the protocol's binary form has them."""
        if self.datatype != "BYTES":
            return self.values.tobytes()

        texts = [str(each).encode() for each in self.values.ravel()]
        return b"".join(struct.pack("<I", len(each)) + each for each in texts)


def read_images(folder: Path) -> list[Image]:
    """Returns all images of a folder and of the folders in it, in the order of their names."""
    paths = sorted(
        each
        for each in folder.rglob("*")
        if each.suffix.lower() in IMAGE_TYPES and not each.name.startswith(".")
    )
    images = list[Image]()
    n_bytes = 0
    for path in paths:
        n_bytes += path.stat().st_size
        if n_bytes > MAX_IMAGE_BYTES:
            break
        images.append(
            Image(
                content=path.read_bytes(),
                content_type=IMAGE_TYPES[path.suffix.lower()],
            )
        )

    if not images:
        raise LoadTestError(
            f"--data: {folder.name}: expected a folder of images ({', '.join(IMAGE_TYPES)}), got none"
        )

    return images


def read_rows(path: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Returns the rows of a table as requests have them: the columns that are features, and parts of dates, by name."""
    frame = _read_table(path, names)
    missing = [name for name in names if name not in frame.columns]
    if missing:
        shown = ", ".join(map(repr, missing[:5]))
        if len(missing) > 5:
            shown += ", ..."

        raise LoadTestError(
            f"--data: {path.name}: expected a column for each feature, missing: {shown}"
        )

    return frame.select(names).to_dicts()


def read_matrix(path: Path, n_columns: int) -> NDArray[np.float32]:
    """Returns the first so many columns of numbers of a table, `(n_rows, n_columns)`."""
    frame = _read_table(path)
    numeric = [each for each in frame if each.dtype.is_numeric()]
    for each in numeric[:n_columns]:
        if each.null_count():
            raise LoadTestError(
                f"--data: {path.name}: expected a number in each cell of {each.name!r}, got {each.null_count()} empty"
            )
    if len(numeric) < n_columns:
        raise LoadTestError(
            f"--data: {path.name}: the model takes {n_columns} numbers a row, got {len(numeric)} columns of numbers"
        )

    columns = [each.to_numpy() for each in numeric[:n_columns]]
    matrix: NDArray[np.float32] = np.stack(columns, axis=1).astype(np.float32)

    return matrix


def _read_table(path: Path, names: Sequence[str] = ()) -> pl.DataFrame:
    from tables.reader import UnreadableTableError, add_date_parts, read_table

    try:
        return add_date_parts(read_table(path), names).frame.head(MAX_ROWS)
    except UnreadableTableError as error:
        raise LoadTestError(f"--data: {error}") from None


def draw_picture(card: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Returns the picture of an image model's self-check, enlarged to the size that the model takes."""
    pixels = np.array(card["self_check"]["input"], dtype=np.uint8)[0]
    height, width = card["input"]["height"], card["input"]["width"]
    times_y = math.ceil(height / pixels.shape[0])
    times_x = math.ceil(width / pixels.shape[1])
    rows: NDArray[np.uint8] = pixels.repeat(times_y, axis=0)[:height]

    return rows.repeat(times_x, axis=1)[:, :width]


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Returns pixels `(height, width, 3)` as the bytes of a PNG file."""
    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(lines)),
            (b"IEND", b""),
        )
    )


def make_tensors(
    inputs: Sequence[Mapping[str, Any]],
    shapes: Mapping[str, tuple[int, ...]],
    *,
    n_rows: int,
) -> list[Tensor]:
    """Returns tensors for a model's metadata, of ones or of seeded pixels; axes that it leaves open are of `shapes`."""
    generator = np.random.default_rng(0)
    unknown = sorted(set(shapes) - {each["name"] for each in inputs})
    if unknown:
        known = ", ".join(each["name"] for each in inputs)
        raise LoadTestError(f"--shape: unknown input {unknown[0]!r}; inputs: {known}")

    return [
        _make_tensor(each, shapes.get(each["name"]), n_rows, generator)
        for each in inputs
    ]


def _close_axes(axes: Sequence[int], n_rows: int) -> tuple[int, ...]:
    """Returns a shape with a length for each open axis: the number of rows for the first one, else OPEN_AXIS."""
    lengths = [length if length > 0 else OPEN_AXIS for length in axes]
    if axes and axes[0] <= 0:
        lengths[0] = n_rows

    return tuple(lengths)


def _make_tensor(
    described: Mapping[str, Any],
    shape: tuple[int, ...] | None,
    n_rows: int,
    generator: np.random.Generator,
) -> Tensor:
    datatype = described["datatype"]
    if datatype not in DTYPES:
        raise LoadTestError(
            f"{described['name']}: a test makes up tensors of {', '.join(DTYPES)}, got {datatype}; "
            "give the request with --body"
        )

    axes = [int(each) for each in described["shape"]]
    wanted = shape or _close_axes(axes, n_rows)
    if datatype == "BYTES":
        values: NDArray[Any] = np.full(wanted, "text", dtype=np.object_)
    elif datatype == "UINT8":
        values = generator.integers(0, 256, wanted, dtype=np.uint8)
    else:  # a number may stand for a category: a whole one is more often allowed than a fraction
        values = np.ones(wanted, dtype=DTYPES[datatype])

    return Tensor(name=described["name"], datatype=datatype, values=values)
