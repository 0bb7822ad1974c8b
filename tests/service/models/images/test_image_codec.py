"""Image files of every format and mode become upright RGB, and a file that is no image is refused."""

from __future__ import annotations

import re
import struct
import zlib
from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from service.errors import InvalidRequest, TooLarge
from service.models.images.budget import PixelBudget
from service.models.images.image_codec import decode
from tests.support.image_files import encode

REFUSED_AS_SHORT = (
    "inputs[0]: the image cannot be decoded: the file ends before its image does"
)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")


def read(
    content: bytes,
    *,
    media_type: str = "",
    max_pixels: int = 1_000_000,
    min_px: int = 64,
) -> np.ndarray:
    budget = PixelBudget(max_pixels)
    return decode(
        content,
        where="inputs[0]",
        media_type=media_type,
        budget=budget,
        min_px=min_px,
    )


def gradient(width: int = 40, height: int = 24) -> Image.Image:
    """The image is RGB and smooth, and differs in each channel and corner."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (x * 255 // (width - 1), y * 255 // (height - 1), np.full_like(x, 90))
    return Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_is_decoded(kind: str) -> None:
    """Every format is decoded, and those without loss exactly."""
    image = gradient()
    pixels = read(encode(image, kind))

    assert pixels.dtype == np.uint8
    assert pixels.shape == (24, 40, 3)

    if kind in ("PNG", "BMP"):
        assert np.array_equal(pixels, np.asarray(image))

    assert np.abs(pixels.astype(int) - np.asarray(image)).mean() < 8


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK"])
def test_each_mode_becomes_rgb(mode: str) -> None:
    """Every mode becomes the RGB that Pillow converts it to."""
    image = gradient().convert(mode)
    content = encode(image, "JPEG" if mode == "CMYK" else "PNG")

    assert np.array_equal(
        read(content), np.asarray(Image.open(BytesIO(content)).convert("RGB"))
    )


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_lies_on_white(mode: str) -> None:
    """Transparency lies on white, so that half transparent black is grey."""
    image = Image.new(mode, (2, 1), 0)
    image.putpixel((1, 0), (0, 0, 0, 128) if mode == "RGBA" else (0, 128))

    assert read(encode(image))[0].tolist() == [[255] * 3, [127] * 3]


def test_a_transparent_palette_colour_is_white() -> None:
    """A transparent colour of a palette becomes white, in GIF and in PNG."""
    image = Image.new("P", (1, 1), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    for kind in ("PNG", "GIF"):
        assert read(encode(image, kind, transparency=0)).tolist() == [[[255, 255, 255]]]


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    """Half of the largest 16-bit value becomes half of 255."""
    content = encode(Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16)))

    assert read(content)[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_upright(orientation: int) -> None:
    """An image is turned as its EXIF orientation says."""
    image = gradient()
    exif = Image.Exif()
    exif[0x0112] = orientation
    sideways = {3: 3, 6: 1, 8: 3, 5: 1, 7: 1}
    pixels = read(encode(image, "PNG", exif=exif.tobytes()))

    assert pixels.shape == ((40, 24, 3) if orientation > 4 else (24, 40, 3))

    if orientation == 3:
        assert np.array_equal(pixels, np.rot90(np.asarray(image), 2))

    if orientation == 6:
        assert np.array_equal(pixels, np.rot90(np.asarray(image), -sideways[6]))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_broken_orientation_does_not_matter() -> None:
    """An image whose EXIF orientation is broken is decoded all the same."""
    content = encode(gradient(), "JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff")

    assert read(content).shape == (24, 40, 3)


def test_a_large_jpeg_is_decoded_smaller() -> None:
    """A large JPEG is halved while both sides stay long enough, and a small one is not."""
    content = encode(gradient(1600, 800), "JPEG")

    assert read(content, max_pixels=2_000_000, min_px=64).shape == (100, 200, 3)
    assert read(content, max_pixels=2_000_000, min_px=300).shape == (400, 800, 3)
    assert read(content, max_pixels=2_000_000, min_px=500).shape == (800, 1600, 3)


@pytest.mark.parametrize("min_px", [16, 64, 1000])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 50, "subsampling": 1}],
)
def test_a_jpegs_pixels_are_pillows(
    options: dict[str, Any], mode: str, min_px: int
) -> None:
    """The pixels are Pillow's to the last bit, whichever library decodes them and at whatever scale."""
    noise = np.random.default_rng(0).integers(0, 256, (301, 243, 3), dtype=np.uint8)
    content = encode(Image.fromarray(noise).convert(mode), "JPEG", **options)
    with Image.open(BytesIO(content)) as image:
        image.draft(None, (min_px, min_px))
        expected = np.asarray(image.convert("RGB"))

    assert np.array_equal(read(content, max_pixels=100_000, min_px=min_px), expected)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_needs_no_end_marker(mode: str, orientation: int) -> None:
    """A JPEG that lacks only its end has the pixels of the whole; one that lacks pixels is refused, never made grey."""
    noise = np.random.default_rng(0).integers(0, 256, (301, 243, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(noise).convert(mode)
    content = encode(picture, "JPEG", exif=exif.tobytes())
    whole = read(content)
    refused = []

    for n_missing in (*range(1, 12), 100, 5000, len(content) // 2):
        try:
            pixels = read(content[:-n_missing])
        except InvalidRequest as error:
            refused.append((n_missing, str(error)))
        else:
            assert np.array_equal(pixels, whole)

    assert len(refused) >= 10
    assert {text for _, text in refused} == {REFUSED_AS_SHORT}
    assert min(refused)[0] > 2


def test_of_a_progressive_jpeg_without_its_end_nobody_can_tell() -> None:
    """A progressive JPEG without its end may lack its finer scans, and is refused as all that is cut off."""
    content = encode(gradient(), "JPEG", progressive=True)
    with pytest.raises(InvalidRequest, match=f"^{re.escape(REFUSED_AS_SHORT)}$"):
        read(content[:-2])


def test_a_jpeg_may_have_anything_behind_it_and_nothing_ahead() -> None:
    """Bytes behind a picture are none of it, as of files with a second picture; bytes ahead make it no JPEG."""
    content = encode(gradient(), "JPEG")

    assert np.array_equal(read(content + b"\0\xff\xd8 any"), read(content))
    with pytest.raises(InvalidRequest, match=r"got \d+ bytes that begin with b'\\n"):
        read(b"\n" + content)


def test_a_jpeg_of_two_sizes_is_not_decoded_at_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A JPEG with two sizes is decoded at the size whose pixels were counted, which is Pillow's."""
    decoded: list[bytes] = []
    monkeypatch.setattr(
        simplejpeg, "decode_jpeg", lambda content, **_: decoded.append(content)
    )
    content = encode(gradient(), "JPEG")
    start = content.index(b"\xff\xc0")
    end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    huge = (
        content[start : start + 5]
        + struct.pack(">HH", 60_000, 60_000)
        + content[start + 9 : end]
    )
    for place in (start, end):
        with pytest.raises((InvalidRequest, TooLarge)):
            read(content[:place] + huge + content[place:], max_pixels=1000)

    assert not decoded


def test_an_image_over_the_limit_is_not_decoded() -> None:
    """An image over the limit is refused with the limit and its setting."""
    with pytest.raises(TooLarge) as refusal:
        read(encode(gradient(100, 50)), max_pixels=4999)

    assert str(refusal.value) == (
        "inputs[0]: 5000 pixels are over the limit of 4999 for the images of a request (VEREDICTO_MAX_PIXELS)"
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    return (
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
    )


def test_a_bomb_is_refused_by_its_header() -> None:
    """A file of a few bytes that claims 60,000 x 60,000 pixels is refused by its header."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
    )

    with pytest.raises(
        TooLarge, match=r"^inputs\[0\]: 3600000000 pixels are over the limit"
    ):
        read(content)


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"tEXt", b"iTXt"])
def test_what_lies_beside_the_pixels_is_passed_over(name: bytes) -> None:
    """A PNG with a text or a profile of 80 MB, written as a kilobyte or whole, decodes as without it."""
    packed = zlib.compress(bytes(80_000_000))
    heads = {b"iTXt": b"Comment\0\1\0\0\0", b"tEXt": b"Comment\0"}
    beside = chunk(name, heads.get(name, b"Comment\0\0") + packed)
    content = encode(gradient())

    found = read(content[:33] + beside + content[33:])

    assert np.array_equal(found, read(content))


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "nothing"),
        (b"hello", "5 bytes that begin with b'hello'"),
        (
            b"\0\0\0\x18ftypheic" + bytes(99),
            "a HEIC file, as telephones write it: convert it",
        ),
        (b"\0\0\0\x20ftypavif" + bytes(99), "an AVIF file: convert it"),
        (encode(gradient(), "TIFF"), "a TIFF file: convert it"),
        (b"%PDF-1.7", "a PDF file: convert it"),
        (b"<svg/>", "text in angle brackets, as SVG and HTML are: convert it"),
        (
            b64encode(encode(gradient(), "JPEG")),
            "an image in base64 once more: convert it",
        ),
        # The width and the height of these are 0, or missing.
        (
            encode(gradient())[:16] + bytes(8) + encode(gradient())[24:],
            "a PNG file whose head is broken",
        ),
        (b"\xff\xd8\xff\xd9", "a JPEG file whose head is broken"),
        (b"GIF89a", "a GIF file whose head is broken"),
        (b"RIFF\x04\0\0\0WEBP", "a WebP file whose head is broken"),
    ],
    ids=[
        *("nothing", "text", "heic", "avif", "tiff", "pdf", "svg", "base64"),
        *("png", "jpeg", "gif", "webp"),
    ],
)
def test_what_is_no_image_is_refused(content: bytes, got: str) -> None:
    """A file that is no image is refused with the formats that would work."""
    with pytest.raises(InvalidRequest) as refusal:
        read(content)

    assert (
        str(refusal.value)
        == f"inputs[0]: expected a JPEG, PNG, WebP, BMP or GIF file, got {got}"
    )


def test_other_formats_of_pillow_are_not_taken() -> None:
    """TIFF and other formats of Pillow are refused, since their decoders have more to attack."""
    with pytest.raises(
        InvalidRequest, match="expected a JPEG, PNG, WebP, BMP or GIF file"
    ):
        read(encode(gradient(), "TIFF"))


@pytest.mark.parametrize("kind", FORMATS)
def test_half_a_file_is_refused(kind: str) -> None:
    """A cut-off file is refused, since nothing is guessed of the rest."""
    content = encode(gradient(), kind)
    with pytest.raises(InvalidRequest, match=r"^inputs\[0\]: "):
        read(content[: len(content) // 2])


def test_a_lying_media_type_is_refused() -> None:
    """A file of another format than its media type is refused with the names of both."""
    with pytest.raises(InvalidRequest) as refusal:
        read(encode(gradient()), media_type="image/jpeg")

    assert (
        str(refusal.value)
        == "inputs[0]: its Content-Type is image/jpeg, its bytes are those of a PNG file"
    )
