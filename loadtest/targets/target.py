"""A load goes to a model or a task of a server, in one of its protocols, or to any address with a body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from loadtest.sending import http_sender
from loadtest.sending.connection import Address
from loadtest.sending.pacing import Pacing, Progress
from loadtest.sending.samples import Samples
from loadtest.targets import inputs, requests
from loadtest.targets.inputs import Image, Tensor
from loadtest.targets.requests import Request
from loadtest.targets.server import Server, split_url
from service.errors import LoadTestError

PREDICT = "predict"
V2 = "v2"
V2_BINARY = "v2-binary"
GRPC = "grpc"
PROTOCOLS = (PREDICT, V2, V2_BINARY, GRPC)
URL_CHARACTERS = "/%:@!$&'()*+,;=?~[]"
"""These stand in an address as they are; what cannot is sent as bytes in percent signs."""

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """TargetOptions name an address, of it a model, a task or nothing, and what is sent."""

    url: str
    model: str | None = None
    task: str | None = None
    protocol: str | None = None
    data: Path | None = None
    body: Path | None = None
    content_type: str = requests.JSON
    method: str | None = None
    n_rows: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class HttpTarget:
    """These are requests over HTTP, ready to be sent; the server's own figures are those of `server` and `model`."""

    shown: str
    protocol: str
    inputs: str
    address: Address
    messages: Sequence[bytes]
    server: Server
    model: str | None

    def send(
        self, pacing: Pacing, *, timeout_s: float, on_progress: OnProgress | None
    ) -> Samples:
        """Sends requests at this pace, and returns what came of each."""
        return http_sender.send(
            self.address,
            self.messages,
            pacing,
            timeout_s=timeout_s,
            on_progress=on_progress,
        )


@dataclass(frozen=True, kw_only=True)
class GrpcTarget:
    """These are inferences over gRPC, ready to be sent."""

    shown: str
    inputs: str
    host: str
    is_secure: bool
    messages: Sequence[bytes]
    metadata: Mapping[str, str]
    protocol: str = GRPC
    model: str | None = None
    server: Server | None = None

    def send(
        self, pacing: Pacing, *, timeout_s: float, on_progress: OnProgress | None
    ) -> Samples:
        """Sends inferences at this pace, and returns what came of each."""
        from loadtest.sending import grpc_sender

        return grpc_sender.send(
            grpc_sender.Channels(
                host=self.host, is_secure=self.is_secure, metadata=self.metadata
            ),
            self.messages,
            pacing,
            timeout_s=timeout_s,
            on_progress=on_progress,
        )


Target = HttpTarget | GrpcTarget


def find_target(options: TargetOptions) -> Target:
    """Asks the server what it must know of a model, and prepares the requests; raises LoadTestError."""
    parts = split_url(options.url)
    if options.protocol == GRPC or parts.scheme.startswith("grpc"):
        return _find_grpc(options)

    server = Server(options.url, options.headers)
    if options.model is None and options.task is None:
        path = quote(parts.path or "/", safe=URL_CHARACTERS)
        path += f"?{quote(parts.query, safe=URL_CHARACTERS)}" if parts.query else ""
        return _make_http(options, server, "http", *_read_bodies(options, path))

    card = _find_card(options, server)
    protocol = options.protocol or (V2 if card is None else PREDICT)
    if protocol == PREDICT:
        if card is None:
            raise LoadTestError(
                f"{server.base}: unknown model {options.model!r}; GET /models lists what there is"
            )
        return _make_http(options, server, protocol, *_predict(options, card))

    return _make_http(
        options, server, protocol, *_infer(options, server, card, protocol)
    )


def _find_card(options: TargetOptions, server: Server) -> dict[str, Any] | None:
    """Returns the card of the model, or of one of the task, or None where the server has no cards."""
    name = options.model or server.list_models(options.task or "")[0]
    return server.find_card(name)


def _make_http(
    options: TargetOptions,
    server: Server,
    protocol: str,
    made: list[Request],
    said: str,
) -> HttpTarget:
    host = server.base.partition("//")[2]
    if options.model or options.task:
        for each in _choose_tried(made):
            server.try_once(each)

    path = made[0].path.partition("?")[0]

    return HttpTarget(
        shown=f"{made[0].method} {server.base}{path}",
        protocol=protocol,
        inputs=said,
        address=server.resolve(),
        messages=[each.encode(host, options.headers) for each in made],
        server=server,
        model=options.model,
    )


def _choose_tried(made: Sequence[Request]) -> list[Request]:
    """Returns the first request, and the first with a missing value, which not every model takes."""
    with_missing = (each for each in made[1:] if b"null" in each.body)
    return [made[0], *islice(with_missing, 1)]


def _read_bodies(options: TargetOptions, path: str) -> tuple[list[Request], str]:
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


def _predict(
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


def _infer(
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


def _find_grpc(options: TargetOptions) -> GrpcTarget:
    from loadtest.sending.grpc_sender import Channels
    from loadtest.targets import grpc_model

    if options.model is None:
        raise LoadTestError("gRPC expects --model, got none")

    parts = split_url(options.url)
    channels = Channels(
        host=parts.netloc if parts.port else f"{parts.hostname}:80",
        is_secure=parts.scheme in ("grpcs", "https"),
        metadata={name.lower(): text for name, text in options.headers.items()},
    )
    described = grpc_model.find_inputs(channels, options.model)
    batches, said = find_tensors(options, described, None)
    messages = [grpc_model.encode(options.model, each) for each in batches]
    grpc_model.try_once(channels, messages[0])

    return GrpcTarget(
        shown=f"ModelInfer grpc://{channels.host}",
        inputs=said,
        host=channels.host,
        is_secure=channels.is_secure,
        messages=messages,
        metadata=channels.metadata,
        model=options.model,
    )
