"""The OpenAPI document is valid, names every route, and describes what is really answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.server import Server

ROW = [1.0, 2.0]
COURSE = {"/course", "/course/{number}", "/curso", "/curso/{number}"}
CHANGES = "/v2/repository/models/{name}/"
"""The calls that load and unload models are closed to all in a server without tokens."""


@pytest.fixture(scope="session")
def interface(server: Server) -> dict[str, Any]:
    """The fixture gives the answer of `/docs.json`."""
    return server.client.get("/docs.json").json()


def test_the_document_is_valid_openapi(interface: dict[str, Any]) -> None:
    """The document fulfils the JSON schema of the OpenAPI specification."""
    # This and jsonschema take 1.3 s of processor to import, which every worker's collection would pay.
    from openapi_spec_validator import validate

    validate(interface)

    assert interface["openapi"].startswith("3.")


def test_every_route_is_there(interface: dict[str, Any]) -> None:
    """The document has the routes of the calls, of the views, of the probes and of the protocol, and no others."""
    calls = {
        "/predict",
        "/predict_proba",
        "/compare",
        "/transform",
        "/generate",
        "/explain",
        "/feedback",
        "/invocations",
        "/judge",
    }
    views = {
        "/models",
        "/models/{name}",
        "/models/{name}/layers",
        "/models/{name}/learnt",
        "/tasks/{task}/comparison",
        "/tasks/{task}/examples",
        "/tasks/{task}/verdict",
        "/tasks/{task}/to-label",
    }
    pages = {"/", "/trust", "/live", "/docs", "/docs.json"} | COURSE
    probes = {"/livez", "/readyz", "/healthz", "/metrics"}
    of_model = ("", "/{name}", "/{name}:predict")
    platforms = {"/ping"} | {f"/v1/models{each}" for each in of_model}
    protocol = {"/v2", "/v2/health/live", "/v2/health/ready", "/v2/repository/index"}
    models = {
        f"/v2/models/{{name}}{version}{ending}"
        for version in ("", "/versions/{version}")
        for ending in ("", "/ready", "/config", "/stats", "/infer")
    }
    changes = {f"{CHANGES}{action}" for action in ("load", "unload")}

    routes = calls | views | pages | probes | protocol | models | platforms | changes
    assert set(interface["paths"]) == routes


def test_every_route_answers(interface: dict[str, Any], server: Server) -> None:
    """Every route answers as the document says: 200 where it takes nothing, 403 where it changes what is served."""
    version = server.client.get("/models/cifar10-mlp").json()["version"]

    for path, operations in interface["paths"].items():
        url = path.format(name="cifar10-mlp", version=version, task="cifar10", number=1)
        for method in operations:
            status = server.client.request(method, url).status_code
            takes_nothing = method == "get" or path == "/v2/repository/index"
            expected = 200 if takes_nothing else 400
            if path.startswith(CHANGES):
                expected = 403

            assert status == expected, (method, path)


@pytest.mark.parametrize(
    ("path", "request_body", "status"),
    [
        ("/predict", {"model": "points-mlp", "inputs": [ROW, {"x": 1, "y": 2}]}, 200),
        ("/predict", {"task": "points", "inputs": [ROW]}, 200),
        (
            "/predict",
            {"model": "points-mlp", "inputs": [ROW, [0, 0]], "min_probability": 0.9},
            200,
        ),
        ("/predict_proba", {"model": "points-mlp", "inputs": [ROW]}, 200),
        ("/predict_proba", {"model": "points-mlp", "inputs": [ROW], "top": 1}, 200),
        ("/compare", {"task": "points", "inputs": [ROW, ROW]}, 200),
        (
            "/compare",
            {"task": "points", "inputs": [ROW, ROW], "labels": ["blue", "blue"]},
            200,
        ),
        ("/predict", {"model": "tacos-linear", "inputs": [[10], [None, 1]]}, 400),
        ("/predict", {"model": "tacos-linear", "inputs": [[10], {"price": 20}]}, 200),
        ("/predict", {"model": "digits-kmeans", "inputs": [[0] * 64]}, 200),
        ("/transform", {"model": "digits-pca", "inputs": [[0] * 64]}, 200),
        ("/generate", {"model": "digits-gan", "count": 2}, 200),
        ("/generate", {"model": "digits-gan", "count": None, "seed": None}, 200),
        ("/explain", {"model": "points-mlp", "inputs": [ROW], "flips": None}, 200),
        ("/explain", {"model": "tacos-linear", "inputs": [[10]]}, 200),
        (
            "/explain",
            {"model": "points-logistic", "inputs": [ROW], "class": "blue"},
            200,
        ),
        ("/explain", {"model": "points-knn", "inputs": [ROW]}, 200),
        ("/explain", {"model": "points-mlp", "inputs": [ROW], "flips": True}, 200),
        (
            "/explain",
            {"model": "points-decision_tree", "inputs": [ROW], "method": "shapley"},
            200,
        ),
        ("/explain", {"model": "wine-mlp", "inputs": [[1] * 13]}, 200),
        ("/explain", {"model": "points-mlp", "inputs": [ROW], "method": "x"}, 400),
        ("/explain", {"model": "digits-kmeans", "inputs": [[0] * 64]}, 400),
        ("/generate", {"model": "digits-gan", "count": 100_000}, 413),
        (
            "/invocations",
            {"instances": [ROW], "parameters": {"model": "points-mlp"}},
            200,
        ),
        ("/predict", {"model": "points-mlp", "inputs": []}, 400),
        ("/predict", {"model": "nothing", "inputs": [ROW]}, 404),
    ],
)
def test_requests_and_answers_are_as_described(
    interface: dict[str, Any],
    server: Server,
    path: str,
    request_body: dict[str, Any],
    status: int,
) -> None:
    """Requests and answers validate against the document's own schemas."""
    operation = interface["paths"][path]["post"]
    response = server.client.post(
        path, json=request_body, headers={"Accept": "application/json"}
    )

    assert response.status_code == status

    described = operation["responses"][str(status)]["content"]["application/json"][
        "schema"
    ]
    _validate(response.json(), described, interface)
    _validate(
        request_body,
        operation["requestBody"]["content"]["application/json"]["schema"],
        interface,
    )


@pytest.mark.parametrize(
    "path", ["/predict", "/predict_proba", "/compare", "/transform", "/generate"]
)
def test_the_examples_are_answered(
    interface: dict[str, Any], server: Server, path: str
) -> None:
    """The example that the reference fills in is answered with 200 as it stands."""
    content = interface["paths"][path]["post"]["requestBody"]["content"]

    assert server.post(path, content["application/json"]["example"]).status_code == 200


def test_the_protocols_answers_are_as_described(
    interface: dict[str, Any], server: Server
) -> None:
    """Every view of a model and of the server, and the example's inference, validate against their schemas."""
    for path, operations in interface["paths"].items():
        is_view = "{version}" not in path and not path.startswith(CHANGES)
        if path.startswith("/v2") and is_view:
            ((method, operation),) = operations.items()
            body = (
                operation.get("requestBody", {})
                .get("content", {})
                .get("application/json", {})
                .get("example")
            )
            answer = server.client.request(
                method, path.format(name="points-mlp"), json=body
            )

            assert answer.status_code == 200, (path, answer.text)

            described = operation["responses"]["200"]["content"]["application/json"][
                "schema"
            ]
            _validate(answer.json(), described, interface)


def test_the_list_of_models_is_as_described(
    interface: dict[str, Any], server: Server
) -> None:
    """The list of models validates against its schema."""
    described = interface["paths"]["/models"]["get"]["responses"]["200"]["content"][
        "application/json"
    ]["schema"]
    _validate(server.client.get("/models").json(), described, interface)


def _validate(
    instance: object, schema: dict[str, Any], interface: dict[str, Any]
) -> None:
    import jsonschema

    jsonschema.validate(
        instance,
        schema | {"components": interface["components"]},
        jsonschema.Draft202012Validator,
    )
