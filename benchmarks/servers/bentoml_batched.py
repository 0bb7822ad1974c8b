"""BentoML batches adaptively here: a batchable method takes one input, so each model has a method of its own."""

from __future__ import annotations

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType
from PIL.Image import Image

from benchmarks.servers import graphs

Rows = Annotated[np.ndarray, DType("float32")]
MAX_ROWS = 4000
MAX_PHOTOS = 32
LATENCY_MS = 10_000


@bentoml.service(workers=1)
class Batched:
    def __init__(self) -> None:
        self.graphs = graphs.load_all()

    @bentoml.api(batchable=True, max_batch_size=MAX_ROWS, max_latency_ms=LATENCY_MS)
    def breast_cancer_logistic(self, inputs: Rows) -> np.ndarray:
        return self.graphs["breast_cancer-logistic"].labels(inputs)

    @bentoml.api(batchable=True, max_batch_size=MAX_ROWS, max_latency_ms=LATENCY_MS)
    def benchmark_mlp(self, inputs: Rows) -> np.ndarray:
        return self.graphs["benchmark-mlp"].labels(inputs)

    @bentoml.api(batchable=True, max_batch_size=MAX_PHOTOS, max_latency_ms=LATENCY_MS)
    def photo(self, images: list[Image]) -> list[int]:
        graph = self.graphs[graphs.PHOTO]
        labels: list[int] = graph.labels(
            np.concatenate([graph.resize(image) for image in images])
        ).tolist()
        return labels
