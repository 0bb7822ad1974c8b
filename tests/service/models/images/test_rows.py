"""Rows that are images: files, base64 in JSON, and arrays of pixels."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.errors import InvalidRequest, TooLarge
from service.models.images.image_codec import Pixels
from service.models.images.media_types import ImageFile
from service.models.images.rows import are_files, decode_rows, has_encoded_image, split
from tests.support.image_files import encode

MODEL = "hue-first"
WIDTH_PX = 6
HEIGHT_PX = 4
N_PIXELS = WIDTH_PX * HEIGHT_PX
EXPECTED = 'hue-first takes images: expected {"b64": "<base64 of a JPEG, PNG, WebP, BMP or GIF file>"}'


def paint(colour: str) -> bytes:
    """Returns a PNG of one colour."""
    return encode(Image.new("RGB", (WIDTH_PX, HEIGHT_PX), colour))


def in_base64(content: bytes) -> dict[str, str]:
    return {"b64": b64encode(content).decode()}


def read(rows: Any, *, max_pixels: int = 1000) -> list[Pixels]:
    return decode_rows(rows, model=MODEL, size_px=8, max_pixels=max_pixels)


def refuse(error: type[Exception], text: str) -> Any:
    """Returns the context in which exactly this text is the refusal."""
    return pytest.raises(error, match=f"^{re.escape(text)}$")


def test_files_and_base64_are_the_same_images() -> None:
    """Each row becomes RGB `(height, width, 3)`, in the order of the rows."""
    contents = [paint("red"), paint("blue")]
    files = read([ImageFile(content, "image/png") for content in contents])
    encoded = read([in_base64(content) for content in contents])

    for found in (files, encoded):
        assert [image.shape for image in found] == [(HEIGHT_PX, WIDTH_PX, 3)] * 2
        assert found[0][0, 0].tolist() == [255, 0, 0]
        assert found[1][0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("rows", "files", "encoded"),
    [
        ([ImageFile(b"", "")], True, False),
        ([{"b64": ""}], False, True),
        ([[1.0, 2.0], {"b64": ""}], False, True),
        ([{"x": 1.0}], False, False),
        ([], False, False),
        (np.zeros((1, 2)), False, False),
    ],
    ids=["files", "base64", "mixed", "named", "none", "matrix"],
)
def test_the_form_of_the_rows_is_found(
    rows: Any, *, files: bool, encoded: bool
) -> None:
    """The first row tells files from JSON; a row of JSON that may be an image is found among others."""
    assert are_files(rows) is files
    assert has_encoded_image(rows) is encoded


@pytest.mark.parametrize(
    ("row", "got"),
    [
        ([1.0, 2.0, 3.0], "a list of 3 values"),
        ({}, "an object with nothing"),
        ({"b64": 7.0}, "an object with 'b64'"),
        ({"b64": "", "size": 1.0}, "an object with 'b64', 'size'"),
        (
            {str(number): 1.0 for number in range(9)},
            "an object with '0', '1', '2', '3', '4'",
        ),
    ],
)
def test_a_row_that_is_no_image_is_refused(row: Any, got: str) -> None:
    """The refusal names the row, what the model takes and what came."""
    with refuse(InvalidRequest, f"inputs[1]: {EXPECTED}, got {got}"):
        read([in_base64(paint("red")), row])


@pytest.mark.parametrize("text", ["a", "a b=", "*", "YQ==YQ=="])
def test_text_that_is_not_base64_is_refused(text: str) -> None:
    """Signs that base64 does not have are not passed over."""
    with pytest.raises(InvalidRequest, match=r"^inputs\[0\]: 'b64' is not base64: "):
        read([{"b64": text}])


def test_no_rows_are_refused() -> None:
    """A request without an image is refused."""
    with refuse(InvalidRequest, "inputs: expected at least one image, got none"):
        read([])


def test_a_file_of_another_type_than_it_says_is_refused() -> None:
    """The bytes decide what a file is; who says otherwise made a mistake."""
    with refuse(
        InvalidRequest,
        "inputs[0]: its Content-Type is image/jpeg, its bytes are those of a PNG file",
    ):
        read([ImageFile(paint("red"), "image/jpeg")])


def test_pixels_are_limited_for_all_images_together() -> None:
    """Images that just fit are decoded; the refusal counts the pixels of all."""
    rows = [in_base64(paint("red"))] * 2
    assert len(read(rows, max_pixels=2 * N_PIXELS)) == 2
    with refuse(
        TooLarge,
        f"inputs: {2 * N_PIXELS} pixels are over the limit of {2 * N_PIXELS - 1} for the images of a request "
        "(VEREDICTO_MAX_PIXELS)",
    ):
        read(rows, max_pixels=2 * N_PIXELS - 1)


def test_an_array_is_split_into_its_images() -> None:
    """Pixels `(n_images, height, width, 3)` make one image each, as many as the limit allows."""
    pixels = np.arange(2 * N_PIXELS * 3, dtype=np.uint8)
    pixels = pixels.reshape(2, HEIGHT_PX, WIDTH_PX, 3)
    found = split(pixels, max_pixels=2 * N_PIXELS)
    assert np.array_equal(np.stack(found), pixels)

    with refuse(
        TooLarge,
        f"inputs: {2 * N_PIXELS} pixels are over the limit of {2 * N_PIXELS - 1} for the images of a request "
        "(VEREDICTO_MAX_PIXELS)",
    ):
        split(pixels, max_pixels=2 * N_PIXELS - 1)


@pytest.mark.parametrize("shape", [(0, 4, 6, 3), (2, 0, 6, 3), (2, 4, 0, 3)])
def test_an_array_without_pixels_is_refused(shape: tuple[int, ...]) -> None:
    """Whichever of the axes is empty, the refusal shows the shape."""
    with refuse(
        InvalidRequest,
        f"expected images of at least one pixel, got shape {list(shape)}",
    ):
        split(np.zeros(shape, dtype=np.uint8), max_pixels=1000)
