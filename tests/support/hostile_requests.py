"""Hostile requests are made here by a seeded generator: valid ones of every route, broken in ways that broke others.

The models are those that `write_hostile_models` writes.
"""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image

from service.grpc import messages
from tests.support.decoders import PIECES
from tests.support.graphs import write_identity, write_simple
from tests.support.hostile_parts import CHUNKS, FIELDS, LINES, METHODS, PREFACE, VIEWS
from tests.support.image_files import encode
from tests.support.tiny_models import (
    tiny_card,
    write_image_model,
    write_kind,
    write_tiny,
)

JSON = "application/json"
BINARY = "application/octet-stream"
Transport = Literal["http", "wire", "grpc", "frames"]


class Hostile(NamedTuple):
    """`wire` and `frames` are bytes to HTTP's and gRPC's port; the others are well framed, and must be answered."""

    transport: Transport
    content: bytes
    method: str = ""


class Valid(NamedTuple):
    """A Valid request over HTTP is what hostile ones are made from."""

    line: bytes
    fields: tuple[bytes, ...] = ()
    body: bytes = b""


def write_hostile_models(folder: Path) -> Path:
    """Writes a model of each kind, and graphs without cards."""
    folder.mkdir()
    for family, sign in (("first", 1.0), ("second", -1.0)):
        write_tiny(folder, tiny_card(family=family), sign=sign)
        write_image_model(folder, family=family)
    for kind in ("regressor", "clusterer", "transformer", "generator"):
        write_kind(folder, kind)

    write_simple(folder)
    write_identity(folder, "texts", 8, ["n", 2])  # of strings

    return folder


class HostileRequests:
    """The requests of one seed come always in the same order."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._valid = make_valid()
        self._messages = make_messages()

    def make(self) -> Hostile:
        """Returns the next request."""
        makers = (
            self._break_body,
            self._break_head,
            self._break_wire,
            self._break_message,
            self._break_frames,
        )
        (maker,) = self._chance.choices(makers, (50, 15, 20, 12, 3))
        return maker()

    def _break_body(self) -> Hostile:
        """The body is changed, and its length is right."""
        valid = self._chance.choice([each for each in self._valid if each.body])
        return Hostile("http", write(valid._replace(body=self._mutate(valid.body))))

    def _break_head(self) -> Hostile:
        """A head of fields that nobody sends is complete, if perhaps not the body that it promises."""
        valid = self._chance.choice(self._valid)
        fields = (
            *valid.fields,
            *self._chance.sample(FIELDS, self._chance.randint(1, 3)),
        )
        if self._chance.random() < 0.3:
            valid = valid._replace(line=self._chance.choice(LINES))

        return Hostile("wire", write(valid._replace(fields=fields)))

    def _break_wire(self) -> Hostile:
        """The bytes of a request are cut, changed anywhere, doubled, or chunks that are none."""
        content = write(self._chance.choice(self._valid))
        ways = (self._cut, self._mutate, self._repeat, self._precede, self._make_chunks)
        way = self._chance.choice(ways)

        return Hostile("wire", way(content))

    def _cut(self, content: bytes) -> bytes:
        return content[: self._chance.randrange(len(content))]

    def _repeat(self, content: bytes) -> bytes:
        return content * self._chance.randint(2, 40)

    def _precede(self, content: bytes) -> bytes:
        return self._chance.choice(LINES) + b"\r\n\r\n" + content

    def _make_chunks(self, _content: bytes) -> bytes:
        """Returns chunks that contradict each other, in place of a request."""
        head = (
            b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        chunks = self._chance.choices(CHUNKS, k=self._chance.randint(1, 3))
        return head + b"".join(chunks)

    def _break_message(self) -> Hostile:
        """A message is changed, or goes to a method that takes another."""
        content = self._chance.choice(self._messages)
        if self._chance.random() < 0.9:
            content = self._mutate(content)
        method = self._chance.choice(("ModelInfer", self._chance.choice(METHODS)))

        return Hostile("grpc", content, method)

    def _break_frames(self) -> Hostile:
        """Frames of HTTP/2 follow each other that no client sends."""
        frames = [self._make_frame() for _ in range(self._chance.randint(1, 8))]
        start = self._chance.choice((PREFACE, PREFACE, PREFACE[:10], b""))
        return Hostile("frames", start + b"".join(frames))

    def _make_frame(self) -> bytes:
        content = self._chance.randbytes(self._chance.choice((0, 1, 4, 8, 9, 50)))
        length = self._chance.choice((len(content), len(content) + 1, 2**24 - 1))
        head = length.to_bytes(3, "big") + bytes(
            (self._chance.randrange(12), self._chance.randrange(256))
        )
        stream = self._chance.choice((0, 1, 2, 3, 2**31 - 1, 2**32 - 1))
        return head + stream.to_bytes(4, "big") + content

    def _mutate(self, content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(self._chance.randint(1, 4)):
            start = self._chance.randrange(len(changed) + 1)
            end = start + self._chance.choice((0, 0, 1, 2, 8, 40))
            new = (
                self._chance.choice(PIECES),
                self._chance.randbytes(self._chance.randint(0, 4)),
                bytes(changed[start:end]) * self._chance.choice((2, 50)),
                b"",
            )
            changed[start:end] = self._chance.choice(new)

        return bytes(changed)


def write(request: Valid) -> bytes:
    """Returns a request over HTTP as bytes, with the length of its body."""
    lines = [request.line, b"Host: x", *request.fields]
    if request.body:
        lines.append(b"Content-Length: %d" % len(request.body))

    return b"\r\n".join([*lines, b"", b""]) + request.body


def make_valid() -> list[Valid]:
    """Returns valid requests of every route over HTTP."""
    views = [Valid(b"GET %s HTTP/1.1" % path.encode()) for path in VIEWS]
    return [*views, *make_calls(), *make_images(), *make_inferences()]


def post(path: str, body: bytes, media_type: str = JSON, *fields: bytes) -> Valid:
    line = f"POST {path} HTTP/1.1".encode()
    return Valid(line, (f"Content-Type: {media_type}".encode(), *fields), body)


def make_calls() -> list[Valid]:
    """Returns requests of all calls in JSON."""
    rows: Any = [[0.5, "red"], {"size": 1, "colour": "green"}]
    calls = {
        "/predict": {"model": "colour-first", "inputs": rows, "min_probability": 0.6},
        "/predict?": {"task": "colour", "inputs": rows},
        "/predict_proba": {"model": "colour-first", "inputs": rows, "top": 1},
        "/predict_proba?top=2": {"model": "colour-second", "inputs": rows},
        "/compare": {"task": "colour", "inputs": rows, "labels": ["yes", "no"]},
        "/transform": {"model": "tiny-transformer", "inputs": [[1, None], [2, 3]]},
        "/explain": {"model": "colour-first", "inputs": rows[:1], "class": "yes"},
        "/generate": {"model": "tiny-generator", "count": 2, "seed": 3},
        "/feedback": {"id": "AAAAAAAAAAAAAAAA/0", "label": "yes"},
        "/predict#": {"model": "tiny-regressor", "inputs": [[1, 2], [3, 4]]},
        "/predict?x": {"model": "tiny-clusterer", "inputs": [[1, 2]]},
    }
    return [
        post(path.rstrip("?#"), json.dumps(body).encode())
        for path, body in calls.items()
    ]


def make_images() -> list[Valid]:
    """Returns requests with image files, in all ways and formats."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    kinds = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
    files = {kind: encode(Image.fromarray(noise), kind) for kind in kinds}
    made = [
        post("/predict?model=hue-first", file, f"image/{kind.lower()}")
        for kind, file in files.items()
    ]
    part = b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    head = b'--B\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    form = part % (b"task", b"hue") + head + files["PNG"] + b"\r\n--B--\r\n"
    for path in ("/compare", "/predict_proba"):
        made.append(post(path, form, "multipart/form-data; boundary=B"))

    return made


def make_inferences() -> list[Valid]:
    """Returns requests of the protocol: JSON, tensors as bytes, one raw input, packed, and the index."""
    rows = {"name": "features", "shape": [1, 2], "datatype": "FP32", "data": [[1, 2]]}
    texts = {"name": "x", "shape": [1, 2], "datatype": "BYTES", "data": ["a", "b"]}
    asked = [{"name": "label", "parameters": {"classification": 1}}]
    plain = json.dumps({"id": "1", "inputs": [rows], "outputs": asked}).encode()
    binary = rows | {"parameters": {"binary_data_size": 8}}
    del binary["data"]
    head = json.dumps({"inputs": [binary], "parameters": {"binary_data_output": True}})
    length = b"Inference-Header-Content-Length: %d"
    path = "/v2/models/colour-first/infer"
    return [
        post(path, plain),
        post("/v2/models/texts/infer", json.dumps({"inputs": [texts]}).encode()),
        post(path, head.encode() + b"\0" * 8, BINARY, length % len(head)),
        post(path, b"\0" * 8, BINARY, length % 0),
        post(path, gzip.compress(plain, mtime=0), JSON, b"Content-Encoding: gzip"),
        post(f"{path.removesuffix('/infer')}/versions/1/infer", plain),
        post("/v2/repository/index", b'{"ready": true}'),
    ]


def make_messages() -> list[bytes]:
    """Returns messages of gRPC: typed, raw and short ones."""
    rows = {"name": "features", "datatype": "FP32", "shape": [1, 2]}
    typed = rows | {"contents": {"fp32_contents": [1.0, 2.0]}}
    infer = [
        {"model_name": "colour-first", "id": "1", "inputs": [typed]},
        {
            "model_name": "colour-first",
            "inputs": [rows],
            "raw_input_contents": [b"\0" * 8],
        },
    ]
    named = messages.encode("ModelMetadataRequest", {"name": "simple", "version": "1"})
    return [*(messages.encode("ModelInferRequest", each) for each in infer), named, b""]
