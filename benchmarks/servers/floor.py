"""The floor is a bare ASGI callable that parses, runs and answers, and does nothing else.

No validation, no limits, no errors, no metrics, no other route: what is left is uvicorn, JSON or Pillow, and
onnxruntime, which every Python server pays for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from benchmarks.servers import graphs

_graphs = graphs.load_all()
_INFER = "/v2/models/"
_JSON = b"application/json"


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return

    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]

    answer, headers = _answer(scope, body)
    headers.append((b"content-length", b"%d" % len(answer)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def _answer(
    scope: dict[str, Any], body: bytes
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    path = scope["path"]
    if path.startswith(_INFER):
        return _infer(path[len(_INFER) : -len("/infer")], body, dict(scope["headers"]))

    if scope["query_string"]:
        name = scope["query_string"].removeprefix(b"model=").decode()
        predictions = _graphs[name].predict_photo(body)
        return orjson.dumps(
            {"model": name, "version": "000000000000", "predictions": predictions}
        ), _json()

    request = orjson.loads(body)
    features = np.array(request["inputs"], dtype=np.float32)
    if path == "/compare":
        return orjson.dumps(graphs.compare(_graphs, request["task"], features)), _json()

    name = request["model"]
    predictions = _graphs[name].predict(features)

    return orjson.dumps(
        {"model": name, "version": "000000000000", "predictions": predictions}
    ), _json()


def _infer(
    name: str, body: bytes, headers: dict[bytes, bytes]
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    key = graphs.HEADER_LENGTH.encode()
    answer, length = graphs.infer_binary(_graphs[name], name, body, int(headers[key]))
    return answer, [
        (b"content-type", b"application/octet-stream"),
        (key, b"%d" % length),
    ]


def _json() -> list[tuple[bytes, bytes]]:
    return [(b"content-type", _JSON)]
