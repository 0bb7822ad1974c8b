"""Every path and every method of gRPC stands here with the rights of which one is enough to call it."""

from __future__ import annotations

PREDICT = "predict"
OBSERVE = "observe"
ADMIN = "admin"
RIGHTS = (PREDICT, OBSERVE, ADMIN)
"""No right implies another: who loads models need not see what is asked of them."""
Rights = frozenset[str]

OPEN: Rights = frozenset()
"""All that needs no right is open to everyone: the probes, which have no way to carry a token."""
ANY: Rights = frozenset(RIGHTS)
"""Whoever has any token may learn which path is unknown."""
_PREDICT: Rights = frozenset({PREDICT})
_OBSERVE: Rights = frozenset({OBSERVE})
_ADMIN: Rights = frozenset({ADMIN})
_DESCRIBE: Rights = frozenset({PREDICT, OBSERVE})
"""A client of the protocol reads a graph's metadata before it can ask for an inference."""

REPOSITORY = "/v2/repository/models/"
_MODELS = "/v2/models/"
_V1_MODELS = "/v1/models"
_SHOWN = (
    "/course/",
    "/curso/",
    "/models/",
    "/static/",
    "/static_content/",
    "/tasks/",
)
_RIGHTS: dict[str, Rights] = {
    "/livez": OPEN,
    "/readyz": OPEN,
    "/healthz": OPEN,
    "/ping": OPEN,
    "/v2/health/live": OPEN,
    "/v2/health/ready": OPEN,
    "/predict": _PREDICT,
    "/predict_proba": _PREDICT,
    "/compare": _PREDICT,
    "/transform": _PREDICT,
    "/explain": _PREDICT,
    "/generate": _PREDICT,
    "/feedback": _PREDICT,
    "/invocations": _PREDICT,
    "/judge": _PREDICT,
    "/": _OBSERVE,
    "/course": _OBSERVE,
    "/curso": _OBSERVE,
    "/trust": _OBSERVE,
    "/live": _OBSERVE,
    "/docs": _OBSERVE,
    "/docs.json": _OBSERVE,
    "/schema.json": _OBSERVE,
    "/metrics": _OBSERVE,
    "/models": _OBSERVE,
    "/v2": _DESCRIBE,
    "/v2/": _DESCRIBE,
    "/v2/models/stats": _OBSERVE,
    "/v2/repository/index": _OBSERVE,
}
_METHODS: dict[str, Rights] = {
    "ServerLive": OPEN,
    "ServerReady": OPEN,
    "ServerMetadata": _DESCRIBE,
    "ModelReady": _DESCRIBE,
    "ModelMetadata": _DESCRIBE,
    "ModelInfer": _PREDICT,
    "ModelConfig": _OBSERVE,
    "ModelStatistics": _OBSERVE,
    "RepositoryIndex": _OBSERVE,
    "RepositoryModelLoad": _ADMIN,
    "RepositoryModelUnload": _ADMIN,
}
_SERVICES: dict[str, Rights] = {
    "grpc.health.v1.Health": OPEN,
    "grpc.reflection.v1.ServerReflection": _OBSERVE,
    "grpc.reflection.v1alpha.ServerReflection": _OBSERVE,
}


def find_rights(path: str) -> Rights:
    """Returns the rights of which one is enough for a path over HTTP; none means that it is open."""
    rights = _RIGHTS.get(path)
    if rights is not None:
        return rights
    if path.startswith(REPOSITORY):
        return _ADMIN
    if path.startswith(_MODELS):
        return _find_model_rights(path)
    if path.startswith(_V1_MODELS):
        return _PREDICT if path.endswith(":predict") else _DESCRIBE
    if path.startswith(_SHOWN):
        return _OBSERVE
    return ANY


def _find_model_rights(path: str) -> Rights:
    if path.endswith("/infer"):
        return _PREDICT
    return _OBSERVE if path.endswith(("/config", "/stats")) else _DESCRIBE


def find_method_rights(method: str) -> Rights:
    """Returns the rights of which one is enough for a method of gRPC, which is named /PACKAGE.SERVICE/METHOD."""
    service, _, name = method.lstrip("/").partition("/")
    return _SERVICES.get(service) or (
        OPEN if service in _SERVICES else _METHODS.get(name, ANY)
    )
