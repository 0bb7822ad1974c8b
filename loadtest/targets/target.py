"""A load goes to a model or a task of a server, in one of its protocols, or to any address with a body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

from loadtest.sending import http_sender
from loadtest.sending.connection import Address
from loadtest.sending.pacing import Pacing, Progress
from loadtest.sending.samples import Samples
from loadtest.targets.options import GRPC, PREDICT, V2, TargetOptions
from loadtest.targets.payloads import (
    find_tensors,
    make_inferences,
    make_predictions,
    read_bodies,
)
from loadtest.targets.requests import Request
from loadtest.targets.server import Server, split_url
from service.errors import LoadTestError

URL_CHARACTERS = "/%:@!$&'()*+,;=?~[]"
"""These stand in an address as they are; what cannot is sent as bytes in percent signs."""

OnProgress = Callable[[Progress], None]


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
        return _make_http(options, server, "http", *read_bodies(options, path))

    card = _find_card(options, server)
    protocol = options.protocol or (V2 if card is None else PREDICT)
    if protocol == PREDICT:
        if card is None:
            raise LoadTestError(
                f"{server.base}: unknown model {options.model!r}; GET /models lists what there is"
            )
        return _make_http(options, server, protocol, *make_predictions(options, card))

    return _make_http(
        options, server, protocol, *make_inferences(options, server, card, protocol)
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
