"""FastAPI is used as its documentation teaches: sessions are made in the lifespan, typed bodies, typed answers.

Small runs are awaited in location, since a thread would cost more; photographs go to a thread.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from benchmarks.servers import graphs

_graphs: dict[str, graphs.Graph] = {}


class Rows(BaseModel):
    model: str
    inputs: list[list[float]]


class Compared(BaseModel):
    task: str
    inputs: list[list[float]]


class Predictions(BaseModel):
    model: str
    predictions: list[str]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    _graphs.update(graphs.load_all())
    yield
    _graphs.clear()


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
async def predict(rows: Rows) -> Predictions:
    predictions = _graphs[rows.model].predict(np.array(rows.inputs, dtype=np.float32))
    return Predictions(model=rows.model, predictions=predictions)


@app.post("/predict_photo")
async def predict_photo(model: str, request: Request) -> Predictions:
    predictions = await run_in_threadpool(
        _graphs[model].predict_photo, await request.body()
    )
    return Predictions(model=model, predictions=predictions)


@app.post("/compare")
async def compare(rows: Compared) -> dict[str, Any]:
    return graphs.compare(_graphs, rows.task, np.array(rows.inputs, dtype=np.float32))


@app.post("/v2/models/{name}/infer")
async def infer(
    name: str,
    request: Request,
    inference_header_content_length: Annotated[int, Header()],
) -> Response:
    body = await request.body()
    answer, length = graphs.infer_binary(
        _graphs[name], name, body, inference_header_content_length
    )
    return Response(
        answer,
        media_type="application/octet-stream",
        headers={graphs.HEADER_LENGTH: str(length)},
    )
