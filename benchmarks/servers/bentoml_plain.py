"""BentoML is used as its documentation teaches: a service class, typed methods, arrays and images."""

from __future__ import annotations

from typing import Annotated, Any

import bentoml
import numpy as np
from bentoml.validators import DType
from PIL.Image import Image

from benchmarks.servers import graphs

Rows = Annotated[np.ndarray, DType("float32")]


@bentoml.service(workers=1)
class Plain:
    def __init__(self) -> None:
        self.graphs = graphs.load_all()

    @bentoml.api
    def predict(self, model: str, inputs: Rows) -> dict[str, Any]:
        return {"model": model, "predictions": self.graphs[model].predict(inputs)}

    @bentoml.api
    def predict_photo(self, image: Image) -> dict[str, Any]:
        graph = self.graphs[graphs.PHOTO]
        return {
            "model": graphs.PHOTO,
            "predictions": graph.predict(graph.resize(image)),
        }

    @bentoml.api
    def compare(self, task: str, inputs: Rows) -> dict[str, Any]:
        return graphs.compare(self.graphs, task, inputs)
