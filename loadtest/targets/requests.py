"""This module makes requests: Veredicto's own calls, and those of the Open Inference Protocol as JSON and as binary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from loadtest.targets.inputs import Image, Tensor

JSON = "application/json"


@dataclass(frozen=True, kw_only=True)
class Request:
    """This is a request over HTTP; `headers` has what is peculiar to it."""

    path: str
    body: bytes = b""
    content_type: str = JSON
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, host: str, headers: Mapping[str, str]) -> bytes:
        """Returns the whole request as it goes over the wire; what a caller gives goes over what is usual."""
        usual = {"Host": host, "Accept": "*/*"}
        if self.body or self.method != "GET":
            usual["Content-Type"] = self.content_type
            usual["Content-Length"] = str(len(self.body))

        lines = [f"{self.method} {self.path} HTTP/1.1"]
        for name, text in _join(usual, self.headers, headers):
            lines.append(f"{name}: {text}")
        head = "\r\n".join(lines).encode("latin-1")

        return head + b"\r\n\r\n" + self.body


def _join(*given: Mapping[str, str]) -> list[tuple[str, str]]:
    """Returns headers, of which a later one replaces an earlier one of the same name, whatever its case."""
    found = {}
    for headers in given:
        for name, text in headers.items():
            found[name.lower()] = (name, text)

    return list(found.values())


def predict_rows(subject: Mapping[str, str], rows: Sequence[Any]) -> Request:
    """Returns the call `/predict` for rows of a model or of a task."""
    body = _encode({**subject, "inputs": list(rows)})
    return Request(path="/predict", body=body)


def predict_image(subject: Mapping[str, str], image: Image) -> Request:
    """Returns the call `/predict` whose body is an image."""
    return Request(
        path=f"/predict?{urlencode(subject)}",
        body=image.content,
        content_type=image.content_type,
    )


def infer_json(model: str, tensors: Sequence[Tensor]) -> Request:
    """Returns an inference of the protocol with its tensors as JSON."""
    inputs = []
    for tensor in tensors:
        data = tensor.values.ravel().tolist()
        inputs.append(_describe(tensor) | {"data": data})

    return Request(path=_infer_path(model), body=_encode({"inputs": inputs}))


def infer_binary(model: str, tensors: Sequence[Tensor]) -> Request:
    """Returns an inference with tensors, there and back, as Triton's extension for binary data has them."""
    raw = [each.raw for each in tensors]
    inputs = []
    for tensor, content in zip(tensors, raw, strict=True):
        parameters = {"binary_data_size": len(content)}
        inputs.append(_describe(tensor) | {"parameters": parameters})
    head = _encode({"inputs": inputs, "parameters": {"binary_data_output": True}})

    return Request(
        path=_infer_path(model),
        body=head + b"".join(raw),
        content_type="application/octet-stream",
        headers={"Inference-Header-Content-Length": str(len(head))},
    )


def infer_fields(model: str, tensors: Sequence[Tensor]) -> dict[str, Any]:
    """Returns the fields of gRPC's `ModelInferRequest`, with the tensors' raw contents."""
    return {
        "model_name": model,
        "inputs": [_describe(each) for each in tensors],
        "raw_input_contents": [each.raw for each in tensors],
    }


def _encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _describe(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "datatype": tensor.datatype,
        "shape": list(tensor.values.shape),
    }


def _infer_path(model: str) -> str:
    return f"/v2/models/{quote(model)}/infer"
