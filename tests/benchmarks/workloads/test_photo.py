"""The photograph is a file as cameras make them."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from benchmarks.workloads.photo import make_photo


def test_the_photograph_is_a_jpeg_of_its_size() -> None:
    """The photograph has 500 x 375 pixels and a file as large as those of cameras."""
    content = make_photo()
    with Image.open(BytesIO(content)) as image:
        assert (image.format, image.size) == ("JPEG", (500, 375))
    assert 20_000 < len(content) < 80_000
