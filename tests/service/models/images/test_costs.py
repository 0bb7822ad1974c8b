"""The cost of an image file is known before it is decoded, and one that costs too much is refused."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from service.contract.limits import MAX_IMAGE_PARTS, MAX_REQUEST_PARTS
from service.errors import InvalidRequest, TooLarge
from service.models.images.budget import MAX_SCANS, PixelBudget
from service.models.images.decoding_memory import MemoryBudget
from service.models.images.headers import count_scans, strip_png
from service.models.images.image_codec import decode
from tests.support.image_files import encode

SETTING = "VEREDICTO_MAX_DECODING_BYTES"


def picture(side: int = 64) -> Image.Image:
    draw = np.random.default_rng(0)
    return Image.fromarray(draw.integers(0, 256, (side, side, 3), dtype=np.uint8))


def read(
    content: bytes, *, media_type: str = "", max_decoding_bytes: int = 2**29
) -> np.ndarray:
    return decode(
        content,
        where="inputs[0]",
        media_type=media_type,
        budget=PixelBudget(1_000_000, max_decoding_bytes),
        min_px=64,
    )


def find_scans(content: bytes) -> list[int]:
    """Returns where each scan of a JPEG begins; 0xff is always followed by 0 in the data of a scan."""
    starts = []
    at = content.find(b"\xff\xda")
    while at >= 0:
        starts.append(at)
        at = content.find(b"\xff\xda", at + 2)
    return starts


def repeat_last_scan(content: bytes, times: int) -> bytes:
    """Returns a JPEG whose last scan comes so many times more."""
    end = content.rindex(b"\xff\xd9")
    last = content[find_scans(content)[-1] : end]
    return content[:end] + last * times + content[end:]


def chunk(name: bytes, data: bytes) -> bytes:
    return (
        struct.pack(">I", len(data))
        + name
        + data
        + struct.pack(">I", zlib.crc32(name + data))
    )


def insert_after_header(png: bytes, extra: bytes) -> bytes:
    """Returns a PNG with more chunks behind its header, which ends at byte 33."""
    return png[:33] + extra + png[33:]


@pytest.mark.parametrize("progressive", [False, True])
def test_scans_are_counted(*, progressive: bool) -> None:
    """The scans of a JPEG are those that its markers begin, and a progressive one keeps them all."""
    content = encode(picture(), "JPEG", progressive=progressive)

    found = count_scans(content)

    assert found.n_scans == len(find_scans(content))
    assert found.n_components == 3
    assert found.keeps_all is progressive


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "options",
    [{}, {"optimize": True}, {"restart_marker_blocks": 2}, {"comment": b"\xff\xd9"}],
)
def test_a_plain_jpeg_says_its_size(mode: str, options: dict[str, Any]) -> None:
    """A baseline JPEG in grey or in colours needs no other reader to know all of it."""
    image = picture().convert(mode).resize((40, 30))

    assert count_scans(encode(image, "JPEG", **options)).plain_size == (40, 30)


def test_what_may_be_more_than_a_plain_jpeg_says_no_size() -> None:
    """An orientation, other colours, a second picture, several scans or frames, no end and 12 bits are for Pillow."""
    plain = encode(picture(), "JPEG")
    frame = plain.index(b"\xff\xc0")
    others = [
        encode(picture(), "JPEG", exif=Image.Exif().tobytes()),
        encode(picture().convert("CMYK"), "JPEG"),
        encode(picture(), "MPO", save_all=True, append_images=[picture()]),
        encode(picture(), "JPEG", progressive=True),
        plain[:-2],
        plain[:frame] + plain[frame : frame + 19] + plain[frame:],
        plain[: frame + 4] + b"\x0c" + plain[frame + 5 :],
        plain[: frame + 5] + b"\0\0" + plain[frame + 7 :],
        b"\xff\xd8\xff\xc0\0\x08\x08",
        plain[:2] + b"\0" + plain[2:],
        plain[:-2] + plain[plain.index(b"\xff\xda") :],
    ]

    assert count_scans(plain).plain_size == (64, 64)
    assert [count_scans(each).plain_size for each in others] == [None] * len(others)


def test_the_pixels_of_a_broken_jpeg_count_once() -> None:
    """A plain JPEG that one reader gives up and another one reads has its pixels counted for one of them."""
    content = encode(picture(), "JPEG")
    scan = find_scans(content)[0] + 100
    broken = content[:scan] + b"\xff\xd0" + content[scan + 2 :]
    with pytest.raises(ValueError, match=r"."):
        simplejpeg.decode_jpeg(broken)

    budget = PixelBudget(64 * 64)
    pixels = decode(broken, where="x", media_type="", budget=budget, min_px=64)
    assert pixels.shape == (64, 64, 3)

    budget = PixelBudget(2 * 64 * 64 - 1)
    decode(broken, where="x", media_type="", budget=budget, min_px=64)
    with pytest.raises(TooLarge, match="inputs: 8192 pixels"):
        decode(broken, where="x", media_type="", budget=budget, min_px=64)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_by_another_name_is_refused(*, progressive: bool) -> None:
    """A JPEG of too many pixels is refused for them, and any other for what its media type says."""
    content = encode(picture(), "JPEG", progressive=progressive)
    budget = PixelBudget(64 * 64 - 1)

    with pytest.raises(TooLarge, match="4096 pixels"):
        decode(content, where="x", media_type="image/png", budget=budget, min_px=64)
    budget = PixelBudget(64 * 64)
    with pytest.raises(InvalidRequest, match="its bytes are those of a JPEG file"):
        decode(content, where="x", media_type="image/png", budget=budget, min_px=64)


def test_a_usual_progressive_jpeg_is_decoded() -> None:
    """A progressive JPEG as programs write it has few scans, and is decoded."""
    content = encode(picture(), "JPEG", progressive=True)

    assert 1 < count_scans(content).n_scans <= MAX_SCANS
    assert read(content).shape == (64, 64, 3)


def test_too_many_scans_are_refused_without_decoding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A JPEG of more scans than the limit is refused with the limit, and its pixels are not read."""
    content = repeat_last_scan(encode(picture(), "JPEG", progressive=True), MAX_SCANS)
    n_scans = count_scans(content).n_scans
    reserved: list[int] = []
    reserve = MemoryBudget.reserve

    def note(self: MemoryBudget, n_bytes: int, where: str) -> object:
        reserved.append(n_bytes)
        return reserve(self, n_bytes, where)

    monkeypatch.setattr(MemoryBudget, "reserve", note)

    with pytest.raises(
        TooLarge, match=rf"a JPEG of {n_scans} scans is over the limit of {MAX_SCANS}"
    ):
        read(content)

    assert n_scans > MAX_SCANS
    assert reserved == []


GIF_HEAD = b"GIF89a\x01\x00\x01\x00\x00\x00\x00"
GIF_IMAGE = b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"


def make_file_of_parts(kind: str, n_parts: int) -> bytes:
    """Returns a small picture whose file has so many parts that say nothing ahead of its pixels."""
    if kind.startswith("GIF"):
        part = {"GIF blocks": b"!\xfe\x01x\x00", "GIF filling": b"\x00"}[kind]
        return GIF_HEAD + part * n_parts + GIF_IMAGE

    content = encode(picture(), kind.partition(" ")[0])
    if kind == "PNG":
        return insert_after_header(content, chunk(b"tEXt", b"a\0b") * n_parts)
    if kind == "WEBP":
        head = struct.pack("<4sI10s", b"VP8X", 10, b"\0\0\0\0\x3f\0\0\x3f\0\0")
        body = head + b"ABCD\0\0\0\0" * n_parts + content[12:]
        return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WEBP") + body

    part = {
        "JPEG comments": b"\xff\xfe\x00\x02",
        "JPEG segments of programs": b"\xff\xe1\x00\x02",
        "JPEG filling": b"\xff",
        "JPEG restarts": b"\xff\xd0",
    }[kind]

    return content[:2] + part * n_parts + content[2:]


KINDS_OF_PARTS = [
    "JPEG comments",
    "JPEG segments of programs",
    "JPEG filling",
    "JPEG restarts",
    "PNG",
    "GIF blocks",
    "GIF filling",
    "WEBP",
]


@pytest.mark.parametrize("kind", KINDS_OF_PARTS)
def test_too_many_parts_are_refused_unread(kind: str) -> None:
    """A file of many parts that say nothing is refused before a decoder takes them one by one, for minutes."""
    with pytest.raises(
        TooLarge, match=f"more than {MAX_IMAGE_PARTS} segments, chunks or"
    ):
        read(make_file_of_parts(kind, 3_000_000))


@pytest.mark.parametrize("part", [b"\xff", b"\xff\x00", b"\xff\xd0"])
def test_a_jpeg_of_filling_alone_is_refused_unread(part: bytes) -> None:
    """A file in which no segment ever begins is as long to look through as one that has one in the end."""
    with pytest.raises(TooLarge, match="segments, chunks or blocks"):
        read(b"\xff\xd8\xff" + part * 1_000_000)


@pytest.mark.parametrize("kind", KINDS_OF_PARTS)
def test_many_parts_are_read(kind: str) -> None:
    """A file has what programs leave in it, more than a usual one."""
    assert read(make_file_of_parts(kind, 1_000)).shape[2] == 3


def test_the_parts_of_a_requests_files_are_counted_together() -> None:
    """A file that has fewer parts than one may have is refused where those before it have taken the request's."""
    content = make_file_of_parts("JPEG comments", 100)
    budget = PixelBudget(1_000_000)
    for _ in range(MAX_REQUEST_PARTS // MAX_IMAGE_PARTS):
        budget.take_parts(MAX_IMAGE_PARTS, "inputs[0]")

    with pytest.raises(TooLarge, match=f"inputs: more than {MAX_REQUEST_PARTS} segm"):
        decode(content, where="inputs[1]", media_type="", budget=budget, min_px=64)


def test_segments_between_scans_are_parts_too() -> None:
    """Scans that stand behind many segments cannot hide there: they are not followed, and the file is refused."""
    content = repeat_last_scan(encode(picture(), "JPEG", progressive=True), 1)
    last = content.rindex(b"\xff\xda")
    hidden = content[:last] + b"\xff\xfe\x00\x02" * 30_000 + content[last:]

    with pytest.raises(TooLarge, match="segments, chunks or blocks"):
        read(hidden)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/jpg", ""])
def test_a_jpeg_with_a_second_picture_is_a_jpeg(media_type: str) -> None:
    """The first picture of an MPO file, as telephones write them, is decoded under JPEG's media type."""
    first = Image.new("RGB", (32, 24), "red")
    content = encode(
        first,
        "MPO",
        save_all=True,
        append_images=[Image.new("RGB", (32, 24), "blue")],
    )

    pixels = read(content, media_type=media_type)

    assert pixels.shape == (24, 32, 3)
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() < 8


def test_a_large_profile_does_not_matter() -> None:
    """A PNG whose colour profile unfolds to megabytes is decoded as if it had none."""
    image = picture()
    profile = b"big\0\0" + zlib.compress(bytes(8_000_000))
    content = insert_after_header(encode(image), chunk(b"iCCP", profile))

    assert np.array_equal(read(content), np.asarray(image))
    assert strip_png(content) == encode(image)


def test_a_transparent_grey_of_16_bits_is_white() -> None:
    """The grey of 16 bits that a PNG calls transparent becomes white, and its neighbours stay."""
    grey = np.array([[1000, 1001], [30_000, 65_535]], np.uint16)
    content = insert_after_header(
        encode(Image.fromarray(grey)), chunk(b"tRNS", struct.pack(">H", 1000))
    )

    found = read(content)[:, :, 0].tolist()

    assert found == [[255, 4], [117, 255]]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "GIF", "JPEG"])
def test_an_image_over_the_memory_for_all_is_refused(kind: str) -> None:
    """An image that takes more memory than there ever is for decoding is refused at once, with the setting's name."""
    content = encode(picture(), kind)

    with pytest.raises(TooLarge, match=rf"over the limit of 1000 \({SETTING}\)"):
        read(content, max_decoding_bytes=1000)


def test_memory_is_given_back() -> None:
    """A budget of one image's memory decodes one after the other, also behind one that fails."""
    content = encode(picture())
    most = 20 * 64 * 64

    for _ in range(3):
        with pytest.raises(Exception, match="the image cannot be decoded"):
            read(content[: len(content) // 2], max_decoding_bytes=most)
        assert read(content, max_decoding_bytes=most).shape == (64, 64, 3)
