"""All peers share this code: sessions, decoding of photographs and binary tensors.

Only their frameworks differ. It needs numpy, onnxruntime, orjson and Pillow.
"""

from __future__ import annotations

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import orjson
from numpy.typing import NDArray
from PIL import Image

PHOTO = "cat_or_automobile-cnn"
"""Servers whose requests name no model take this one for photographs."""
HEADER_LENGTH = "inference-header-content-length"


@dataclass(frozen=True)
class Graph:
    """A session, and what an answer needs of its card; `size_px` is None where it takes no images."""

    session: onnxruntime.InferenceSession
    task: str
    classes: list[str] | None
    size_px: tuple[int, int] | None
    example: list[float] | None

    def labels(self, inputs: NDArray[Any]) -> NDArray[np.int64]:
        """Returns class indices `(n_rows,)`."""
        name = "features" if self.size_px is None else "pixels"
        labels: NDArray[np.int64] = self.session.run(["label"], {name: inputs})[0]
        return labels

    def predict(self, inputs: NDArray[Any]) -> list[str]:
        """Returns the class name of each row."""
        assert self.classes is not None
        return [self.classes[label] for label in self.labels(inputs)]

    def predict_photo(self, content: bytes) -> list[str]:
        """Returns the class name of one image file."""
        return self.predict(self.decode(content))

    def decode(self, content: bytes) -> NDArray[np.uint8]:
        """Returns pixels `(1, height, width, 3)` of an image file, in the size that the network works on."""
        with Image.open(BytesIO(content)) as image:
            return self.resize(image)

    def resize(self, image: Image.Image) -> NDArray[np.uint8]:
        """Returns pixels `(1, height, width, 3)` of the size that the network works on."""
        assert self.size_px is not None
        return np.asarray(image.convert("RGB").resize(self.size_px))[None]


def load(path: Path) -> Graph:
    """Loads one file into a session with one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    card = orjson.loads(session.get_modelmeta().custom_metadata_map["veredicto.card"])
    is_image = card["input"]["type"] == "image"
    size_px = (card["input"]["width"], card["input"]["height"]) if is_image else None

    return Graph(
        session,
        card["task"],
        card.get("classes"),
        size_px,
        card["input"].get("example"),
    )


def load_all() -> dict[str, Graph]:
    """Loads every file of the folder that the benchmark names in BENCHMARK_MODELS."""
    return {
        path.stem: load(path)
        for path in sorted(Path(os.environ["BENCHMARK_MODELS"]).glob("*.onnx"))
    }


def compare(
    graphs: dict[str, Graph], task: str, features: NDArray[np.float32]
) -> dict[str, Any]:
    """Returns the answers of every classifier of the task, and the class of their mean probabilities."""
    chosen = {name: graph for name, graph in graphs.items() if graph.task == task}
    answers = []

    for name, graph in chosen.items():
        labels, probabilities = graph.session.run(
            ["label", "probabilities"], {"features": features}
        )
        assert graph.classes is not None
        predictions = [graph.classes[label] for label in labels]
        answers.append(
            {"model": name, "predictions": predictions, "probabilities": probabilities}
        )
        classes = graph.classes

    mean = np.mean([each["probabilities"] for each in answers], axis=0)
    predictions = [classes[label] for label in mean.argmax(axis=1)]
    for answer in answers:
        answer["probabilities"] = answer["probabilities"].tolist()

    consensus = {"predictions": predictions, "probabilities": mean.tolist()}

    return {"task": task, "classes": classes, "models": answers, "consensus": consensus}


def infer_binary(
    graph: Graph, name: str, body: bytes, header_length: int
) -> tuple[bytes, int]:
    """Takes one binary tensor of the Open Inference Protocol; returns the body with another and its JSON's length."""
    tensor = orjson.loads(body[:header_length])["inputs"][0]
    features = np.frombuffer(body, np.float32, offset=header_length).reshape(
        tensor["shape"]
    )
    labels = graph.labels(features)
    content = labels.tobytes()
    output = {
        "name": "label",
        "datatype": "INT64",
        "shape": labels.shape,
        "parameters": {"binary_data_size": len(content)},
    }
    head = orjson.dumps({"model_name": name, "outputs": [output]})

    return head + content, len(head)
