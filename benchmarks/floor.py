"""The floor: a bare ASGI callable that parses, runs and answers one model, and does nothing else.

No validation, no limits, no errors, no metrics, no other route: what is left is uvicorn, JSON and
onnxruntime, which every Python server pays for.
"""

from __future__ import annotations

import os
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
import orjson

_options = onnxruntime.SessionOptions()
_options.intra_op_num_threads = _options.inter_op_num_threads = 1
_session = onnxruntime.InferenceSession(os.environ["FLOOR_MODEL"], _options, providers=["CPUExecutionProvider"])
_card = orjson.loads(_session.get_modelmeta().custom_metadata_map["veredicto.card"])
_classes, _name = _card["classes"], _card["name"]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    features = np.array(orjson.loads(body)["inputs"], dtype=np.float32)
    labels = _session.run(["label"], {"features": features})[0]
    answer = orjson.dumps(
        {"model": _name, "version": "000000000000", "predictions": [_classes[label] for label in labels]}
    )
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
