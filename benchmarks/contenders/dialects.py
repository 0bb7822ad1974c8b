"""A dialect says how a request for a workload is written, and how the labels are read from the answer."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.workloads.workload import Workload

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
    """A way to ask; `read_labels` takes an answer's body and headers (in lower case) and returns names or indices."""

    make_request: Callable[[Workload], Request]
    read_labels: Callable[[bytes, Mapping[str, str]], list[Any]]

    def is_right(
        self, workload: Workload, body: bytes, headers: Mapping[str, str]
    ) -> bool:
        """Returns True where the answer has the right label of every row."""
        return self.read_labels(body, headers) in (
            workload.labels,
            workload.predictions,
        )


def as_numbers(array: np.ndarray) -> list[Any]:
    """Returns nested lists of numbers with the fewest digits that are these float32 again."""
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


def _make_json_request(workload: Workload) -> Request:
    body = {"model": workload.model, "inputs": as_numbers(workload.inputs)}
    return Request(path="/predict", body=json.dumps(body).encode())


def _make_compare_request(workload: Workload) -> Request:
    body = {"task": workload.model, "inputs": as_numbers(workload.inputs)}
    return Request(path="/compare", body=json.dumps(body).encode())


def _make_photo_request(workload: Workload, path: str = "/predict") -> Request:
    return Request(
        path=f"{path}?model={workload.model}",
        body=workload.photo,
        content_type="image/jpeg",
    )


def _make_binary_request(workload: Workload) -> Request:
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


def _make_tensor_request(workload: Workload) -> Request:
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


def _make_tensor_photo_request(workload: Workload) -> Request:
    """Writes an image file as the Open Inference Protocol has bytes in JSON, in base64."""
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


def _make_form_request(workload: Workload, path: str, name: str) -> Request:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="photo.jpg"\r\n'
    body = (
        f"{head}Content-Type: image/jpeg\r\n\r\n".encode()
        + workload.photo
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    return Request(
        path=path, body=body, content_type=f"multipart/form-data; boundary={BOUNDARY}"
    )


def _make_method_request(workload: Workload) -> Request:
    """Asks for the method that bears the model's name."""
    name = workload.model.replace("-", "_")
    return Request(
        path=f"/{name}",
        body=json.dumps({"inputs": as_numbers(workload.inputs)}).encode(),
    )


NATIVE = Dialect(_make_json_request, _read_predictions)
COMPARE = Dialect(_make_compare_request, _read_consensus)
PHOTO = Dialect(_make_photo_request, _read_predictions)
PHOTO_ROUTE = Dialect(
    lambda workload: _make_photo_request(workload, "/predict_photo"), _read_predictions
)
PHOTO_FORM = Dialect(
    lambda workload: _make_form_request(workload, "/predict_photo", "image"),
    _read_predictions,
)
PHOTO_UPLOAD = Dialect(
    lambda workload: _make_form_request(workload, "/predict", "image"),
    _read_predictions,
)
PHOTO_FORM_LABELS = Dialect(
    lambda workload: _make_form_request(workload, "/photo", "images"), _read_list
)
BINARY = Dialect(_make_binary_request, _read_bytes)
TENSOR = Dialect(_make_tensor_request, _read_tensor)
TENSOR_PHOTO = Dialect(_make_tensor_photo_request, _read_tensor)
METHOD = Dialect(_make_method_request, _read_list)
