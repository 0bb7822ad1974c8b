"""How a workload is asked for, and how the answer is read: one dialect for each way that a server speaks."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.workloads import Workload

HEADER_LENGTH = "Inference-Header-Content-Length"
JSON = "application/json"
BOUNDARY = "benchmark-boundary"


@dataclass(frozen=True, kw_only=True)
class Request:
    path: str
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_headers(self) -> dict[str, str]:
        return {"Content-Type": self.content_type, **self.headers}


@dataclass(frozen=True)
class Dialect:
    """`read` takes an answer's body and headers (in lower case) and gives class names, or class indices."""

    ask: Callable[[Workload], Request]
    read: Callable[[bytes, Mapping[str, str]], list[Any]]

    def is_right(
        self, workload: Workload, body: bytes, headers: Mapping[str, str]
    ) -> bool:
        """Whether the answer has the label of every row."""
        return self.read(body, headers) in (workload.labels, workload.predictions)


def as_numbers(array: np.ndarray) -> list[Any]:
    """Nested lists with the fewest digits that are these float32 again."""
    if array.ndim > 1:
        return [as_numbers(each) for each in array]
    return [float(str(value)) for value in array]


def _read_predictions(body: bytes, _: Mapping[str, str]) -> list[Any]:
    predictions: list[Any] = json.loads(body)["predictions"]
    return predictions


def _read_list(body: bytes, _: Mapping[str, str]) -> list[Any]:
    labels: list[Any] = json.loads(body)
    return labels


def _read_consensus(body: bytes, _: Mapping[str, str]) -> list[Any]:
    predictions: list[Any] = json.loads(body)["consensus"]["predictions"]
    return predictions


def _read_tensor(body: bytes, _: Mapping[str, str]) -> list[Any]:
    labels: list[Any] = json.loads(body)["outputs"][0]["data"]
    return labels


def _read_bytes(body: bytes, headers: Mapping[str, str]) -> list[Any]:
    start = int(headers[HEADER_LENGTH.lower()])
    labels: list[Any] = np.frombuffer(body, np.int64, offset=start).tolist()
    return labels


def _ask_json(workload: Workload) -> Request:
    body = {"model": workload.model, "inputs": as_numbers(workload.inputs)}
    return Request(path="/predict", body=json.dumps(body).encode())


def _ask_compare(workload: Workload) -> Request:
    body = {"task": workload.model, "inputs": as_numbers(workload.inputs)}
    return Request(path="/compare", body=json.dumps(body).encode())


def _ask_photo(workload: Workload, path: str = "/predict") -> Request:
    return Request(
        path=f"{path}?model={workload.model}",
        body=workload.photo,
        content_type="image/jpeg",
    )


def _ask_binary(workload: Workload) -> Request:
    content = workload.inputs.tobytes()
    tensor = {
        "name": "features",
        "shape": workload.inputs.shape,
        "datatype": "FP32",
        "parameters": {"binary_data_size": len(content)},
    }
    head = json.dumps(
        {
            "inputs": [tensor],
            "outputs": [{"name": "label", "parameters": {"binary_data": True}}],
        }
    )

    return Request(
        path=f"/v2/models/{workload.model}/infer",
        body=head.encode() + content,
        content_type="application/octet-stream",
        headers={HEADER_LENGTH: str(len(head))},
    )


def _ask_tensor(workload: Workload) -> Request:
    tensor = {
        "name": "features",
        "shape": workload.inputs.shape,
        "datatype": "FP32",
        "data": as_numbers(workload.inputs.reshape(-1)),
    }
    body = {"inputs": [tensor], "outputs": [{"name": "label"}]}
    return Request(
        path=f"/v2/models/{workload.model}/infer", body=json.dumps(body).encode()
    )


def _ask_tensor_photo(workload: Workload) -> Request:
    """An image file as the protocol's JSON has bytes, in base64."""
    tensor = {
        "name": "pixels",
        "shape": [1],
        "datatype": "BYTES",
        "parameters": {"content_type": "base64"},
        "data": [b64encode(workload.photo).decode()],
    }
    body = {"inputs": [tensor], "outputs": [{"name": "label"}]}
    return Request(
        path=f"/v2/models/{workload.model}/infer", body=json.dumps(body).encode()
    )


def _ask_form(workload: Workload, path: str, name: str) -> Request:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="photo.jpg"\r\n'
    body = (
        f"{head}Content-Type: image/jpeg\r\n\r\n".encode()
        + workload.photo
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    return Request(
        path=path, body=body, content_type=f"multipart/form-data; boundary={BOUNDARY}"
    )


def _ask_method(workload: Workload) -> Request:
    """A method of its own for each model."""
    name = workload.model.replace("-", "_")
    return Request(
        path=f"/{name}",
        body=json.dumps({"inputs": as_numbers(workload.inputs)}).encode(),
    )


NATIVE = Dialect(_ask_json, _read_predictions)
COMPARE = Dialect(_ask_compare, _read_consensus)
PHOTO = Dialect(_ask_photo, _read_predictions)
PHOTO_ROUTE = Dialect(
    lambda workload: _ask_photo(workload, "/predict_photo"), _read_predictions
)
PHOTO_FORM = Dialect(
    lambda workload: _ask_form(workload, "/predict_photo", "image"), _read_predictions
)
PHOTO_UPLOAD = Dialect(
    lambda workload: _ask_form(workload, "/predict", "image"), _read_predictions
)
PHOTO_FORM_LABELS = Dialect(
    lambda workload: _ask_form(workload, "/photo", "images"), _read_list
)
BINARY = Dialect(_ask_binary, _read_bytes)
TENSOR = Dialect(_ask_tensor, _read_tensor)
TENSOR_PHOTO = Dialect(_ask_tensor_photo, _read_tensor)
METHOD = Dialect(_ask_method, _read_list)
