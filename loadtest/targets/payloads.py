"""Payloads are the requests that a load sends over and over: of files, of a card's example, or made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.targets import inputs, requests
from loadtest.targets.inputs import Image, Tensor
from loadtest.targets.options import V2_BINARY, TargetOptions
from loadtest.targets.requests import Request
from loadtest.targets.server import Server
from service.errors import LoadTestError


def read_bodies(options: TargetOptions, path: str) -> tuple[list[Request], str]:
    """Returns requests to any address: one with the body, one for each image, or one without a body."""
    if options.data is not None:
        if not options.data.is_dir():
            raise LoadTestError(
                "--data: a table goes with --model or --task; for any address give --body, or a folder of images"
            )
        images = inputs.read_images(options.data)
        made = [
            Request(path=path, body=each.content, content_type=each.content_type)
            for each in images
        ]
        return made, f"{len(images)} images of {options.data.name}"

    if options.body is None:
        method = options.method or "GET"
        return [Request(path=path, method=method)], "no body"

    body = options.body.read_bytes()
    request = Request(
        path=path,
        body=body,
        content_type=options.content_type,
        method=options.method or "POST",
    )

    return [request], f"{options.body.name}, {len(body):,} bytes"


def make_predictions(
    options: TargetOptions, card: Mapping[str, Any]
) -> tuple[list[Request], str]:
    """Returns calls of `/predict`, with what they hold."""
    subject = {"model": options.model} if options.model else {"task": str(options.task)}
    kind = card["input"]["type"]
    if kind == "image":
        images, said = _find_images(options, card)
        return [requests.predict_image(subject, each) for each in images], said
    if kind != "features":
        raise LoadTestError(
            f"{card['name']}: a model whose input is {kind} has no call /predict; try --protocol v2"
        )

    if options.data is None:
        rows = [card["input"]["example"]]
        said = "the card's example"
    else:
        _check_is_table(options.data, card["name"])
        rows = inputs.read_rows(
            options.data, [each["name"] for each in card["input"]["features"]]
        )
        said = f"{len(rows)} rows of {options.data.name}"

    batches = _cut(rows, options.n_rows)
    return [requests.predict_rows(subject, each) for each in batches], said


def _cut(rows: Sequence[Any], n_rows: int) -> list[list[Any]]:
    """Returns batches of so many rows, which start over at the end."""
    starts = range(0, len(rows), n_rows)
    return [
        [rows[(start + index) % len(rows)] for index in range(n_rows)]
        for start in starts
    ]


def _find_images(
    options: TargetOptions, card: Mapping[str, Any]
) -> tuple[list[Image], str]:
    if options.data is not None:
        if not options.data.is_dir():
            raise LoadTestError(
                f"--data: {card['name']} takes a folder of images, got the file {options.data.name}"
            )
        images = inputs.read_images(options.data)
        return images, f"{len(images)} images of {options.data.name}"

    content = inputs.encode_png(inputs.draw_picture(card))
    image = Image(content=content, content_type="image/png")

    return [image], f"the card's picture, a PNG of {len(content):,} bytes"


def make_inferences(
    options: TargetOptions,
    server: Server,
    card: Mapping[str, Any] | None,
    protocol: str,
) -> tuple[list[Request], str]:
    """Returns inferences of the Open Inference Protocol over HTTP, with what they hold."""
    if options.model is None:
        raise LoadTestError(f"--protocol {protocol} expects --model, got --task alone")

    described = server.find_inputs(options.model)
    if described is None:
        raise LoadTestError(
            f"{server.base}: unknown model {options.model!r}, neither at /models nor at /v2/models"
        )

    batches, said = find_tensors(options, described, card)
    make = requests.infer_binary if protocol == V2_BINARY else requests.infer_json

    return [make(options.model, each) for each in batches], said


def find_tensors(
    options: TargetOptions,
    described: Sequence[Mapping[str, Any]],
    card: Mapping[str, Any] | None,
) -> tuple[list[list[Tensor]], str]:
    """Returns for each request its tensors: of the table, of the card's self-check, or made up."""
    if options.data is not None:
        _check_is_table(options.data, str(options.model))
        return _read_tensors(options, options.data, described)
    if card is None or options.shapes:
        made = inputs.make_tensors(described, options.shapes, n_rows=options.n_rows)
        return [made], "values made up"

    dtype = inputs.DTYPES[described[0]["datatype"]]
    values: NDArray[Any] = np.array(card["self_check"]["input"], dtype=dtype)
    if card["input"]["type"] == "image":
        values = inputs.draw_picture(card)[np.newaxis]

    rows = np.resize(values, (options.n_rows, *values.shape[1:]))

    return [[_tensor(described[0], rows)]], "the card's self-check"


def _read_tensors(
    options: TargetOptions, path: Path, described: Sequence[Mapping[str, Any]]
) -> tuple[list[list[Tensor]], str]:
    shape = described[0]["shape"]
    if len(described) != 1 or len(shape) != 2 or int(shape[1]) < 1:
        raise LoadTestError(
            f"--data: {options.model} takes no single table of numbers; give the request with --body"
        )

    matrix = inputs.read_matrix(path, int(shape[1]))
    values: NDArray[Any] = matrix.astype(inputs.DTYPES[described[0]["datatype"]])
    numbers = np.arange(options.n_rows)
    batches = [
        [_tensor(described[0], values.take(start + numbers, axis=0, mode="wrap"))]
        for start in range(0, len(values), options.n_rows)
    ]

    return batches, f"{len(matrix)} rows of {path.name}"


def _tensor(described: Mapping[str, Any], values: NDArray[Any]) -> Tensor:
    return Tensor(
        name=described["name"],
        datatype=described["datatype"],
        values=np.ascontiguousarray(values),
    )


def _check_is_table(path: Path, name: str) -> None:
    if path.is_dir():
        raise LoadTestError(
            f"--data: {name} takes a table, CSV or Parquet, got the folder {path.name}"
        )
