"""LitServe is used as its documentation teaches: python -m benchmarks.servers.litserve_server PORT"""

from __future__ import annotations

import sys
from typing import Any

import litserve
import numpy as np
from numpy.typing import NDArray

from benchmarks.servers import graphs


class OnnxAPI(litserve.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002  # LitServe's signature
        self.graphs = graphs.load_all()

    def decode_request(self, request):  # type: ignore[no-untyped-def]  # LitServe reads an annotation as a schema
        if "image" in request:
            return graphs.PHOTO, self.graphs[graphs.PHOTO].decode(
                request["image"].file.read()
            )
        return request["model"], np.array(request["inputs"], dtype=np.float32)

    def predict(self, asked: tuple[str, NDArray[Any]]) -> list[str]:
        model, inputs = asked
        return self.graphs[model].predict(inputs)

    def encode_response(self, output: list[str]) -> dict[str, Any]:
        return {"predictions": output}


if __name__ == "__main__":
    server = litserve.LitServer(OnnxAPI(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
    )
