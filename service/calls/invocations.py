"""Platforms that host one model ask for predictions of instances, and know neither its name nor its kind."""

from __future__ import annotations

from typing import Any

from service.contract.requests import (
    InvocationsRequest,
    PredictProbaRequest,
    PredictRequest,
    TransformRequest,
)
from service.errors import InvalidRequest, NotFound, VeredictoError
from service.models.model import Model
from service.models.registry import Registry

DEFAULT_SIGNATURE = "serving_default"
"""Clients of TensorFlow Serving send this name where they mean none."""
FIELDS = {
    "predict": "predictions",
    "predict_proba": "probabilities",
    "transform": "outputs",
}
"""Each call of these has its predictions in this field of its answer."""
_PARAMETERS = {"model", "call"}

PlainRequest = PredictRequest | PredictProbaRequest | TransformRequest


def _read_parameters(request: InvocationsRequest) -> dict[str, str]:
    """Returns the parameters that have a value; null is as if they were absent."""
    given = request.parameters or {}
    return {name: value for name, value in given.items() if value is not None}


def find_name(registry: Registry, request: InvocationsRequest) -> str:
    """Returns the name of the model that a request is for: the one that it names, or the only one.

    It raises InvalidRequest where that is none.
    """
    parameters = _read_parameters(request)
    unknown = sorted(parameters.keys() - _PARAMETERS)
    if unknown:
        raise InvalidRequest(
            f"unknown parameter {unknown[0]!r}; known parameters: call, model"
        )

    if "model" in parameters:
        return parameters["model"]
    if "" in registry.aliases:
        return registry.aliases[""]

    names = [name for name in registry.versions if name not in registry.aliases]
    if len(names) != 1:
        raise InvalidRequest(
            f"expected the name of a model, got none, and there are {len(names)}: send it in parameters.model, "
            "or set VEREDICTO_MODEL_NAME"
        )

    return names[0]


def find_model(registry: Registry, name: str) -> Model:
    """Returns the model of a name; raises NotFound, and InvalidRequest for a graph without a card."""
    try:
        return registry.model(name)
    except NotFound:
        if name in registry.versions:
            raise InvalidRequest(
                f"{name} has no card, which says what a row is: send tensors to /v2/models/{name}/infer"
            ) from None
        raise


def find_call(model: Model, request: InvocationsRequest) -> str:
    """Returns the call that a request means, which is that of the model's kind where it names none.

    It raises InvalidRequest.
    """
    signature = request.signature_name
    if signature == DEFAULT_SIGNATURE:
        signature = None
    named = _read_parameters(request).get("call") or signature
    if named is None or named == DEFAULT_SIGNATURE:
        return "transform" if model.card.kind == "transformer" else "predict"

    if signature not in (None, named):
        raise InvalidRequest(
            f"expected one call, got {named[:100]!r} in parameters.call and {signature[:100]!r} in signature_name"
        )

    if named not in FIELDS:
        raise InvalidRequest(
            f"expected one of the calls {', '.join(FIELDS)}, got {named[:100]!r}"
        )

    return named


def make_request(call: str, name: str, rows: Any) -> PlainRequest:
    """Returns the request of a call for these rows."""
    if call == "predict":
        return PredictRequest(model=name, inputs=rows)
    if call == "predict_proba":
        return PredictProbaRequest(model=name, inputs=rows)
    return TransformRequest(model=name, inputs=rows)


def reword(error: VeredictoError) -> None:
    """Makes an error say `instances` where it says `inputs`, which this request does not have."""
    text = str(error)
    if text.startswith("inputs"):
        error.args = (text.replace("inputs", "instances", 1),)
