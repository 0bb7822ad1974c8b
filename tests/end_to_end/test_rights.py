"""Each route over HTTP and each method of gRPC lets in the tokens of its rights and no others, at a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from service.access.tokens import make_token
from service.grpc.messages import PACKAGE, make_pool, rename_package
from service.http.views import PROBES
from tests.conftest import write_models
from tests.support.server import Server, free_port, serve
from tests.support.triton_grpc import service_pb2

OPEN = ""
RIGHTS = ("predict", "observe", "admin")
MODEL, VERSION = "colour-first", "-1"
DESCRIBE = "predict observe"

ROUTES = {
    **dict.fromkeys([f"GET {path}" for path in PROBES], OPEN),
    **dict.fromkeys(
        [
            f"POST /{name}"
            for name in ("predict", "predict_proba", "compare", "transform", "explain")
        ],
        "predict",
    ),
    "GET /ping": OPEN,
    "POST /invocations": "predict",
    "POST /v1/models/{name}:predict": "predict",
    "GET /v1/models": "predict observe",
    "GET /v1/models/{name}": "predict observe",
    "POST /generate": "predict",
    "POST /feedback": "predict",
    "POST /judge": "predict",
    "GET /": "observe",
    "GET /trust": "observe",
    "GET /live": "observe",
    "GET /course": "observe",
    "GET /course/{number}": "observe",
    "GET /curso": "observe",
    "GET /curso/{number}": "observe",
    "GET /docs": "observe",
    "GET /docs.json": "observe",
    "GET /schema.json": "observe",
    "GET /static/0/app.js": "observe",
    "GET /static_content/swagger-ui.css": "observe",
    "GET /metrics": "observe",
    "GET /models": "observe",
    "GET /models/{name}": "observe",
    "GET /models/{name}/layers": "observe",
    "GET /models/{name}/learnt": "observe",
    "GET /tasks/{task}/comparison": "observe",
    "GET /tasks/{task}/examples": "observe",
    "GET /tasks/{task}/verdict": "observe",
    "GET /tasks/{task}/to-label": "observe",
    "GET /v2": DESCRIBE,
    "GET /v2/": DESCRIBE,
    "GET /v2/models/stats": "observe",
    "POST /v2/repository/index": "observe",
    "POST /v2/repository/models/{name}/load": "admin",
    "POST /v2/repository/models/{name}/unload": "admin",
    **{
        f"{method} /v2/models/{{name}}{version}{view}": right
        for version in ("", "/versions/{version}")
        for method, view, right in (
            ("GET", "", DESCRIBE),
            ("GET", "/ready", DESCRIBE),
            ("GET", "/config", "observe"),
            ("GET", "/stats", "observe"),
            ("POST", "/infer", "predict"),
        )
    },
    "GET /nowhere": "predict observe admin",
    "POST /nowhere": "predict observe admin",
}
"""The rights of which one is enough for each route; a path that is unknown is told to whoever has any."""
HEALTH, REFLECTION = "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"
METHODS = {
    **{
        f"/{PACKAGE}.GRPCInferenceService/{name}": right
        for name, right in {
            "ServerLive": OPEN,
            "ServerReady": OPEN,
            "ServerMetadata": DESCRIBE,
            "ModelReady": DESCRIBE,
            "ModelMetadata": DESCRIBE,
            "ModelInfer": "predict",
            "ModelConfig": "observe",
            "ModelStatistics": "observe",
            "RepositoryIndex": "observe",
            "RepositoryModelLoad": "admin",
            "RepositoryModelUnload": "admin",
        }.items()
    },
    f"/{HEALTH}/Check": OPEN,
    f"/{HEALTH}/Watch": OPEN,
    f"/{HEALTH}/List": OPEN,
    f"/{REFLECTION}/ServerReflectionInfo": "observe",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "observe",
}
LIMIT_S = 60


@dataclass(frozen=True)
class Guarded:
    """A server asks for tokens, of which each has one right."""

    server: Server
    channel: grpc.Channel
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The server speaks HTTP and gRPC."""
    folder = tmp_path_factory.mktemp("guarded")
    made = {right: make_token(right, frozenset({right})) for right in RIGHTS}
    file = folder / "tokens.txt"
    file.write_text("".join(f"{line}\n" for _, line in made.values()))
    port = free_port()
    with (
        serve(
            folder,
            VEREDICTO_MODELS=write_models(folder / "models"),
            VEREDICTO_TOKENS=file,
            VEREDICTO_RELOAD_S=0,
            VEREDICTO_GRPC_PORT=port,
        ) as server,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Guarded(
            server, channel, {name: token for name, (token, _) in made.items()}
        )


def test_no_documented_route_is_missing_here(guarded: Guarded) -> None:
    """Every route of the interface's own document is in the table."""
    headers = {"Authorization": f"Bearer {guarded.tokens['observe']}"}
    document = guarded.server.client.get("/docs.json", headers=headers).json()
    documented = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if method in ("get", "post")
    }

    assert len(documented) > 20
    assert {_normalize(each) for each in documented} - ROUTES.keys() == set()


def _normalize(route: str) -> str:
    """Returns a route with the names that parts of a path have in the table."""
    return route.replace("{model_name}", "{name}").replace(
        "{model_version}", "{version}"
    )


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_lets_in_who_has_its_right(guarded: Guarded, route: str) -> None:
    """A route answers 401 without a token, 403 to a token without its right, and neither to one with it."""
    method, path = route.split()
    path = path.format(name=MODEL, version=VERSION, task="colour", number=1)
    found = {None: guarded.server.client.request(method, path).status_code}
    for right, token in guarded.tokens.items():
        headers = {"Authorization": f"Bearer {token}"}
        response = guarded.server.client.request(method, path, headers=headers)
        found[right] = response.status_code

    enough = ROUTES[route].split()
    assert (found.pop(None) == 401) == bool(enough)
    for right, status in found.items():
        is_let_in = right in enough or not enough
        assert (status not in (401, 403)) == is_let_in, (right, status)


def test_no_served_method_is_missing_here(guarded: Guarded) -> None:
    """Every method of every service that the server lists by reflection is in the table."""
    metadata = (("authorization", f"Bearer {guarded.tokens['observe']}"),)
    ask = guarded.channel.stream_stream(f"/{REFLECTION}/ServerReflectionInfo")
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    content = next(
        iter(ask(iter([request.SerializeToString()]), LIMIT_S, metadata=metadata))
    )
    listed = reflection_pb2.ServerReflectionResponse.FromString(content)
    file = reflection_pb2.DESCRIPTOR.serialized_pb
    newer = rename_package(file, "v1alpha", "v1")
    pool = make_pool(health_pb2.DESCRIPTOR.serialized_pb, file, newer)
    served = {
        f"/{service.name}/{method.name}"
        for service in listed.list_services_response.service
        for method in pool.FindServiceByName(service.name).methods
    }

    assert len(served) > 10
    assert served - METHODS.keys() == set()


@pytest.mark.parametrize("method", METHODS)
def test_a_method_lets_in_who_has_its_right(guarded: Guarded, method: str) -> None:
    """A method is UNAUTHENTICATED without a token, denied to one without its right, and neither to one with it."""
    found = {
        right: _ask(guarded.channel, method, token)
        for right, token in {None: None, **guarded.tokens}.items()
    }
    if set(found.values()) == {"UNIMPLEMENTED"}:
        return  # it is of the protocol, and not served

    enough = METHODS[method].split()
    assert (found.pop(None) == "UNAUTHENTICATED") == bool(enough)
    for right, code in found.items():
        is_let_in = right in enough or not enough
        is_refused = code in ("UNAUTHENTICATED", "PERMISSION_DENIED")
        assert is_refused != is_let_in, (right, code)


def test_a_call_has_one_token(guarded: Guarded) -> None:
    """Two tokens that differ are both refused, since a proxy may have looked at the other; one sent twice is one."""
    method = f"/{PACKAGE}.GRPCInferenceService/ModelReady"
    observe, predict = guarded.tokens["observe"], guarded.tokens["predict"]

    assert _ask(guarded.channel, method, observe, observe) == "OK"
    assert _ask(guarded.channel, method, observe, predict) == "INVALID_ARGUMENT"
    assert _ask(guarded.channel, method, observe, "unknown") == "INVALID_ARGUMENT"


def _ask(channel: grpc.Channel, method: str, *tokens: str | None) -> str:
    """Returns the code of the first answer to an empty message, or of what came in its place."""
    metadata = [("authorization", f"Bearer {each}") for each in tokens if each]
    ask: Callable[..., Any] = channel.stream_stream(method)
    answers = ask(iter([_MESSAGES.get(method, b"")]), LIMIT_S, metadata=metadata)
    try:
        next(iter(answers))
    except grpc.RpcError as error:
        return str(error.code().name)
    finally:
        answers.cancel()
    return "OK"


_MESSAGES = {
    f"/{PACKAGE}.GRPCInferenceService/{name}": kind(name=MODEL).SerializeToString()
    for name, kind in {
        "ModelReady": service_pb2.ModelReadyRequest,
        "ModelMetadata": service_pb2.ModelMetadataRequest,
    }.items()
}
