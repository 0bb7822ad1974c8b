"""Ray Serve is used as its documentation teaches: python -m benchmarks.servers.ray_serve PORT"""

from __future__ import annotations

import signal
import sys
from typing import Any

import numpy as np
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.servers import graphs


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Predictor:
    def __init__(self) -> None:
        self.graphs = graphs.load_all()

    async def __call__(self, request: Request) -> Any:
        path = request.url.path
        if path.startswith("/v2/models/"):
            return self._infer(
                path.split("/")[3],
                await request.body(),
                int(request.headers[graphs.HEADER_LENGTH]),
            )

        if path == "/predict_photo":
            return {
                "predictions": self.graphs[request.query_params["model"]].predict_photo(
                    await request.body()
                )
            }

        asked = await request.json()
        inputs = np.array(asked["inputs"], dtype=np.float32)
        if path == "/compare":
            return graphs.compare(self.graphs, asked["task"], inputs)

        return {
            "model": asked["model"],
            "predictions": self.graphs[asked["model"]].predict(inputs),
        }

    def _infer(self, name: str, body: bytes, header_length: int) -> Response:
        answer, length = graphs.infer_binary(
            self.graphs[name], name, body, header_length
        )
        headers = {graphs.HEADER_LENGTH: str(length)}
        return Response(answer, media_type="application/octet-stream", headers=headers)


def main() -> None:
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        _node_ip_address="127.0.0.1",
        log_to_driver=False,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    serve.run(Predictor.bind())  # type: ignore[attr-defined]  # the decorator adds it
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    # `sigwait` takes them, in its time.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
