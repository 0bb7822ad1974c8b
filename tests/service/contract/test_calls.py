"""The table of calls is the one place that names the calls: everything else follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from keyword import iskeyword
from typing import Any, get_type_hints

import bentoml
import msgspec
import pytest

from service.app import Veredicto
from service.calls.data_plane import DataPlane
from service.contract.calls import CALLS, Call
from service.http.application import Application
from service.models.registry import Registry
from service.reference.document import describe_interface
from service.settings import Settings
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_tiny

COUNT = {"inputs": [[1.0], [2.0]]}

each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The OpenAPI document describes a service of one tiny classifier."""
    return describe_interface([tiny_card()])


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> DataPlane:
    """The data plane has no models."""
    folder = tmp_path_factory.mktemp("none")

    return DataPlane(Registry.load(folder), Settings(models=folder))


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has one call more, `count_rows`, by one line in its table."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny(folder, tiny_card())

    with serve(
        tmp_path_factory.mktemp("home"),
        words=("-m", "bentoml", "serve", "tests.support.extra_call:Veredicto"),
        VEREDICTO_MODELS=folder,
    ) as running:
        yield running


def test_names_of_calls_are_unique() -> None:
    """No two calls of the table have the same name, and so no two have the same route."""
    names = [call.name for call in CALLS]

    assert len(set(names)) == len(names)


@each_call
def test_a_call_is_a_method_of_the_data_plane(plane: DataPlane, call: Call) -> None:
    """The data plane has a method of the call's name, which takes the call's request."""
    method = getattr(plane, call.name)

    assert get_type_hints(method)["request"] is call.request


@pytest.mark.parametrize(
    "call", [call for call in CALLS if call.picture], ids=lambda call: call.name
)
def test_a_picture_is_a_method_of_the_data_plane(plane: DataPlane, call: Call) -> None:
    """The data plane has the method that draws a call's answer, and it takes the call's request."""
    method = getattr(plane, str(call.picture))

    assert get_type_hints(method)["request"] is call.request


@each_call
def test_a_call_is_a_method_of_bentoml(call: Call) -> None:
    """BentoML's service has a method of the call's name, whose parameters are the fields of the request's JSON.

    A field that is a keyword of Python's has another name there.
    """
    fields = {
        field.name if iskeyword(field.encode_name) else field.encode_name
        for field in msgspec.structs.fields(call.request)
    }

    method = Veredicto.apis[call.name]

    assert set(method.input_spec.model_fields) == fields
    assert method.route == call.route


def test_bentoml_has_no_other_methods() -> None:
    """BentoML's service has the calls of the table and no others."""
    assert set(Veredicto.apis) == {call.name for call in CALLS}


def test_the_description_of_bentoml_is_made_once() -> None:
    """BentoML's schema, which takes long to make, is made once for all who ask."""
    assert Veredicto.schema() is Veredicto.schema()
    assert len(Veredicto.schema()["routes"]) == len(CALLS)


@each_call
def test_a_call_has_a_route(application: Application, call: Call) -> None:
    """The application has a route at the call's path, which counts its requests under it."""
    route = application.fast_routes[call.route.encode()]

    assert route.path == f"/{call.name}"
    assert route.metrics.route == f"/{call.name}"


@each_call
def test_a_call_is_an_operation_of_the_document(
    document: dict[str, Any], call: Call
) -> None:
    """The OpenAPI document has a POST at the call's path with the schemas of its request and its answer."""
    operation = document["paths"][call.route]["post"]
    request = operation["requestBody"]["content"]["application/json"]["schema"]
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]

    assert operation["operationId"] == call.name
    assert request["$ref"].endswith(f"/{call.request.__name__}")
    assert answer["$ref"].endswith(f"/{call.answer.__name__}")


@each_call
def test_a_call_with_a_picture_offers_a_png(
    document: dict[str, Any], call: Call
) -> None:
    """The OpenAPI document lists a PNG among the answers exactly where the call has a picture."""
    answers = document["paths"][call.route]["post"]["responses"]["200"]["content"]

    assert ("image/png" in answers) == (call.picture is not None)


@each_call
def test_fields_in_the_query_are_fields_of_the_request(call: Call) -> None:
    """The names in a call's query, and the one that image files give, are fields of its request."""
    fields = {field.encode_name for field in msgspec.structs.fields(call.request)}
    named = {*call.query, call.image_of} - {None}

    assert named <= fields


def test_a_new_call_is_a_route(extended: Server) -> None:
    """A call with a request, an answer, a method and a line in the table is answered over HTTP."""
    assert extended.post("/count_rows", COUNT).json() == {"n_rows": 2}


def test_a_new_call_checks_its_request(extended: Server) -> None:
    """A wrong request of a new call is refused with its place, as those of the others are."""
    response = extended.post("/count_rows", {"inputs": [["x"]]})

    assert response.status_code == 400
    assert response.json()["error"].startswith("inputs[0][0]: expected ")


def test_a_new_call_is_an_operation(extended: Server) -> None:
    """The OpenAPI document that the server gives out has the new call."""
    paths = extended.client.get("/docs.json").json()["paths"]

    assert paths["/count_rows"]["post"]["summary"] == "The number of rows"


def test_a_new_call_is_a_method_of_bentomls_client(extended: Server) -> None:
    """BentoML's client has a method for the new call."""
    with bentoml.SyncHTTPClient(extended.url) as client:
        answer = client.count_rows(**COUNT)

    assert answer == {"n_rows": 2}
