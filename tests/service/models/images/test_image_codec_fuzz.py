"""Valid image files that were changed at random get never a 5xx, kill no worker and take bounded memory."""

from __future__ import annotations

import random
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.clients import find_workers
from tests.support.server import Server, serve
from tests.support.tiny_models import write_image_model

MAX_MIB = 400
FORMATS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "GIF": "image/gif",
}
NUMBERS = (
    b"\x00\x00",
    b"\xff\xff",
    b"\x7f\xff",
    b"\x00\x01",
    b"\xff\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\x00" * 8,
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("fuzzed")
    write_image_model(folder)

    with serve(
        tmp_path_factory.mktemp("home"),
        VEREDICTO_MODELS=folder,
        VEREDICTO_MAX_PIXELS=4_000_000,
    ) as running:
        yield running


def seeds() -> list[tuple[str, bytes]]:
    """The seeds are files of all formats and of several modes, of some kilobytes each."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((96, 72))
    exif = Image.Exif()
    exif[0x0112] = 6
    variants = [
        *((kind, image, {}) for kind in FORMATS),
        ("JPEG", image.convert("CMYK"), {}),
        ("JPEG", image.convert("L"), {"progressive": True, "exif": exif.tobytes()}),
        ("PNG", image.convert("P"), {"transparency": 3}),
        ("PNG", image.convert("RGBA"), {"exif": exif.tobytes()}),
        ("PNG", Image.fromarray(noise[:, :, 0].astype(np.uint16) * 257), {}),
        ("WEBP", image.convert("RGBA"), {"lossless": True}),
        (
            "GIF",
            image.convert("P"),
            {"save_all": True, "append_images": [image.convert("P")] * 2},
        ),
    ]
    files = []

    for kind, variant, options in variants:
        file = BytesIO()
        variant.save(file, format=kind, **options)
        files.append((FORMATS[kind], file.getvalue()))

    return files


def mutate(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """Makes a few changes of one sort, mostly in the header, where sizes and lengths are."""
    data = bytearray(content)
    reach = len(data) if chance.random() < 0.5 else min(len(data), 200)
    sort = chance.randrange(6)

    for _ in range(chance.choice((1, 1, 2, 8))):
        place = chance.randrange(reach)
        if sort == 0:
            data[place % len(data)] ^= 1 << chance.randrange(8)
        elif sort == 1:
            data[place : place + 4] = chance.choice(NUMBERS)
        elif sort == 2:
            data[place : place + chance.randrange(1, 64)] = b""
        elif sort == 3:
            start = chance.randrange(len(other))
            data[place:place] = other[start : start + chance.randrange(1, 400)]
        elif sort == 4:
            data[place : place + 8] = chance.randbytes(8)
        else:
            return bytes(data[:place])

        data = data or bytearray(b"\x00")
        reach = max(1, min(reach, len(data)))

    return bytes(data)


def memory_mib(server: Server) -> dict[int, float]:
    """Returns the resident memory in MiB of the supervisor and of its workers, by their process ids."""
    return {
        pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20
        for pid in (server.process.pid, *find_workers(server))
    }


def send_mutations(server: Server, count: int, seed: int) -> Counter[int]:
    chance = random.Random(seed)
    files = seeds()
    statuses: Counter[int] = Counter()

    for number in range(count):
        media_type, content = files[number % len(files)]
        body = mutate(content, chance.choice(files)[1], chance)
        if number % 10:
            response = server.post_raw(
                "/predict_proba?model=hue-first", body, media_type
            )
        else:
            rows = [{"b64": b64encode(body).decode()}]
            response = server.post(
                "/predict_proba", {"model": "hue-first", "inputs": rows}
            )

        statuses[response.status_code] += 1
        assert response.status_code in (200, 400, 413), (
            response.status_code,
            response.text,
            body[:64],
        )
        assert response.status_code == 200 or list(response.json()) == ["error"]

    return statuses


def check(server: Server, count: int, seed: int) -> None:
    before = memory_mib(server)
    statuses = send_mutations(server, count, seed)
    after = memory_mib(server)
    assert before.keys() == after.keys()
    assert sum(after.values()) < MAX_MIB
    assert statuses[200] > count / 20
    assert statuses[400] > count / 4


def test_two_thousand_mutations(fuzzed: Server) -> None:
    """Some of 2,000 mutations are still images, many are not, and the server answers all."""
    check(fuzzed, 2_000, seed=0)


@pytest.mark.soak
def test_twenty_thousand_mutations(fuzzed: Server) -> None:
    """Twenty thousand mutations are answered or refused, and memory stays below its limit: `pytest -m soak`."""
    check(fuzzed, 20_000, seed=1)
