"""Requests with images are sent to a real server process in every way that the contract knows."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Iterator

import bentoml
import numpy as np
import pytest

from tests.support.image_files import picture
from tests.support.responses import error_of
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_image_model, write_tiny

FORMATS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "GIF": "image/gif",
}
PREDICT = "/predict?model=hue-first"


def row(content: bytes) -> dict[str, str]:
    return {"b64": b64encode(content).decode()}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has two models of images and one of rows, and small limits."""
    folder = tmp_path_factory.mktemp("images")
    write_tiny(folder, tiny_card())
    for family in ("first", "second"):
        write_image_model(folder, family=family)

    limits = {
        "VEREDICTO_MAX_PIXELS": 100_000,
        "VEREDICTO_MAX_IMAGE_BYTES": 200_000,
        "VEREDICTO_MAX_ROWS": 50,
    }

    with serve(
        tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder, **limits
    ) as running:
        yield running


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_is_the_body(images: Server, kind: str) -> None:
    """A picture alone is answered where its media type is the body's and the query names the model."""
    answer = images.post_raw(PREDICT, picture("blue", kind=kind), FORMATS[kind])

    assert answer.json()["predictions"] == ["blue"]


def test_a_form_holds_several_files(images: Server) -> None:
    """A form's files may differ in format and size, and the answers come in the files' order."""
    colours = ("blue", "red", "green", "blue")
    kinds = ("PNG", "JPEG", "GIF", "BMP")
    files = [
        (
            "image",
            (
                f"{number}",
                picture(colour, (8 + 4 * (number % 3), 9), kind),
                FORMATS[kind],
            ),
        )
        for number, (colour, kind) in enumerate(zip(colours, kinds, strict=True))
    ]
    answer = images.client.post("/predict", files=files, data={"model": "hue-first"})

    assert answer.json()["predictions"] == list(colours)


def test_rows_are_base64(images: Server) -> None:
    """Images in a JSON body are written in base64."""
    body = {
        "model": "hue-first",
        "inputs": [row(picture("red")), row(picture("blue", kind="JPEG"))],
    }

    assert images.post("/predict", body).json()["predictions"] == ["red", "blue"]


def test_a_form_of_images_may_have_a_bound(images: Server) -> None:
    """A grey image is under the bound in a form, with its reason, and a red one is not."""
    files = [("image", picture("grey")), ("image", picture("red"))]
    fields = {"model": "hue-first", "min_probability": "0.5"}

    answer = images.client.post("/predict", files=files, data=fields).json()

    assert answer["predictions"] == [None, "red"]
    assert answer["reasons"] == [
        "probability 0.33333334 of 'red' is under min_probability 0.5",
        None,
    ]


def test_json_of_images_may_have_a_bound(images: Server) -> None:
    """A bound in JSON gives the answer that a bound in a form gives."""
    contents = [picture("grey"), picture("red")]
    form = images.client.post(
        "/predict",
        files=[("image", content) for content in contents],
        data={"model": "hue-first", "min_probability": "0.5"},
    ).json()
    fields = {
        "model": "hue-first",
        "inputs": [row(content) for content in contents],
        "min_probability": 0.5,
    }

    answer = images.post("/predict", fields).json()

    assert answer == form


def test_a_file_may_have_a_bound_in_the_query(images: Server) -> None:
    """A bound in the query leaves a grey image without an answer."""
    url = f"{PREDICT}&min_probability=0.5"

    answer = images.post_raw(url, picture("grey"), "image/png").json()

    assert answer["predictions"] == [None]


def test_images_may_name_a_task(images: Server) -> None:
    """A task is taken in a form, in the query of a file and in JSON; of two equal models the smaller file is the
    champion.
    """
    red = picture("red")

    form = images.client.post("/predict", files={"image": red}, data={"task": "hue"})
    raw = images.post_raw("/predict?task=hue", red, "image/png")
    rows = images.post("/predict", {"task": "hue", "inputs": [row(red)]})

    assert form.json()["model"] == "hue-first"
    assert form.json()["predictions"] == ["red"]
    assert form.json() == raw.json() == rows.json()


def test_all_ways_give_the_same_probabilities(images: Server) -> None:
    """File, form and JSON give the same probabilities, those that numpy computes."""
    content = picture("#204060")
    powers = np.exp(np.array([0x20, 0x40, 0x60]) / 10 - 9.6)

    raw = images.post_raw("/predict_proba?model=hue-first", content, "image/png").json()
    form = images.client.post(
        "/predict_proba", files={"image": content}, data={"model": "hue-first"}
    ).json()
    rows = images.post(
        "/predict_proba", {"model": "hue-first", "inputs": [row(content)]}
    ).json()

    assert raw == form == rows
    assert raw["probabilities"][0] == pytest.approx(powers / powers.sum(), abs=1e-6)


def test_a_file_may_have_a_top_in_the_query(images: Server) -> None:
    """`top` in the query of a file gives the most probable class with its probability."""
    content = picture("#204060")
    url = "/predict_proba?model=hue-first"
    probabilities = images.post_raw(url, content, "image/png").json()["probabilities"]

    answer = images.post_raw(f"{url}&top=1", content, "image/png").json()

    assert answer["top"] == [[{"class": "blue", "probability": probabilities[0][2]}]]


def test_models_of_images_are_compared(images: Server) -> None:
    """`/compare` takes image files with labels as it takes rows."""
    files = [("image", picture(colour)) for colour in ("red", "green", "blue")]
    data = {"task": "hue", "label": ["red", "green", "red"]}
    answer = images.client.post("/compare", files=files, data=data).json()

    assert answer["consensus"]["predictions"] == ["red", "green", "blue"]
    assert [each["metrics"]["accuracy"]["value"] for each in answer["models"]] == [
        pytest.approx(2 / 3)
    ] * 2
    assert answer["pairs"][0]["agreement"] == 1.0


def test_bentos_own_client_sends_images(images: Server) -> None:
    """BentoML's client gets answers for images as for rows."""
    with bentoml.SyncHTTPClient(images.url) as client:
        answer = client.predict(model="hue-first", inputs=[row(picture("green"))])

    assert answer["predictions"] == ["green"]


WRONG = {
    "no file": (
        lambda server: server.client.post(
            "/predict", files={"model": (None, "hue-first")}
        ),
        400,
        "expected at least one file in the field 'image', got none",
    ),
    "another field": (
        lambda server: server.client.post(
            "/predict", files={"photo": b"x"}, data={"model": "hue-first"}
        ),
        400,
        "form file 'photo': expected files in the field 'image'",
    ),
    "an unknown field": (
        lambda server: server.post_raw(
            f"{PREDICT}&url=http", picture("red"), "image/png"
        ),
        400,
        "unknown field 'url'; beside the image this call takes model, task, min_probability, coverage, group",
    ),
    "no model": (
        lambda server: server.post_raw("/predict", picture("red"), "image/png"),
        400,
        'missing required field model; this call takes {"model": NAME (or "task": TASK), "inputs": [ROW, ...], '
        '"min_probability"?: P, "coverage"?: P, "group"?: NAME}',
    ),
    "a bound that is no number": (
        lambda server: server.post_raw(
            f"{PREDICT}&min_probability=nan", picture("red"), "image/png"
        ),
        400,
        None,
    ),
    "an unknown model": (
        lambda server: server.post_raw(
            "/predict?model=hue", picture("red"), "image/png"
        ),
        404,
        "unknown model 'hue' (it is a task, whose models begin with 'hue-'); "
        "known models: colour-first, hue-first, hue-second",
    ),
    "a top that is no number": (
        lambda server: server.post_raw(
            "/predict_proba?model=hue-first&top=all", picture("red"), "image/png"
        ),
        400,
        None,
    ),
    "an image for a model of rows": (
        lambda server: server.post_raw(
            "/predict?model=colour-first", picture("red"), "image/png"
        ),
        400,
        "colour-first takes rows of features, not images: send them as JSON; "
        "GET /models/colour-first lists the features",
    ),
    "a row for a model of images": (
        lambda server: server.post(
            "/predict", {"model": "hue-first", "inputs": [[1, 2]]}
        ),
        400,
        'inputs[0]: hue-first takes images: expected {"b64": "<base64 of a JPEG, PNG, WebP, BMP or GIF file>"}, '
        "got a list of 2 values",
    ),
    "no base64": (
        lambda server: server.post(
            "/predict", {"model": "hue-first", "inputs": [{"b64": "!"}]}
        ),
        400,
        None,
    ),
    "a lying media type": (
        lambda server: server.post_raw(PREDICT, picture("red"), "image/jpeg"),
        400,
        "inputs[0]: its Content-Type is image/jpeg, its bytes are those of a PNG file",
    ),
    "no boundary": (
        lambda server: server.post_raw("/predict", b"--x", "multipart/form-data"),
        400,
        "malformed multipart: expected a boundary in the Content-Type, got 'multipart/form-data'",
    ),
    "half a form": (
        lambda server: server.post_raw(
            "/predict",
            b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nhu',
            "multipart/form-data; boundary=x",
        ),
        400,
        "malformed multipart: the body ends before its last boundary",
    ),
    "too many pixels": (
        lambda server: server.post_raw(
            PREDICT, picture("red", size=(400, 300)), "image/png"
        ),
        413,
        "inputs[0]: 120000 pixels are over the limit of 100000 for the images of a request (VEREDICTO_MAX_PIXELS)",
    ),
    "too many pixels together": (
        lambda server: server.client.post(
            "/predict",
            files=[("image", picture("red", size=(300, 200)))] * 2,
            data={"model": "hue-first"},
        ),
        413,
        "inputs: 120000 pixels are over the limit of 100000 for the images of a request (VEREDICTO_MAX_PIXELS)",
    ),
    "too many bytes": (
        lambda server: server.post_raw(PREDICT, bytes(200_001), "image/png"),
        413,
        "a body of 200001 bytes is over the limit of 200000 bytes (VEREDICTO_MAX_IMAGE_BYTES): "
        "send the rows in several requests",
    ),
    "another media type": (
        lambda server: server.post_raw(PREDICT, b"%PDF", "application/pdf"),
        415,
        None,
    ),
    "an image where none is taken": (
        lambda server: server.post_raw(
            "/generate?model=hue-first", picture("red"), "image/png"
        ),
        415,
        "expected Content-Type application/json, got 'image/png'; with curl: -H 'Content-Type: application/json'",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said(images: Server, what: str) -> None:
    """A wrong request of images gets the contract's JSON error with its status and its reason."""
    send, status, text = WRONG[what]
    error = error_of(send(images), status)

    assert text is None or error == text


def test_what_nobody_waits_for_is_not_run(server: Server) -> None:
    """Requests whose clients have left make room: few of them are run, and one more is answered."""
    image = row(picture("red"))
    body = json.dumps({"model": "cifar10-cnn", "inputs": [image] * 60}).encode()
    request = (
        f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    statistics = "/v2/models/cifar10-cnn/stats"
    before = server.client.get(statistics).json()["model_stats"][0]["inference_stats"][
        "success"
    ]["count"]
    host, port = server.url.removeprefix("http://").split(":")
    for _ in range(12):
        with socket.create_connection((host, int(port))) as client:
            client.sendall(request)

    assert (
        server.post("/predict", {"model": "cifar10-cnn", "inputs": [image]}).status_code
        == 200
    )

    after = server.client.get(statistics).json()["model_stats"][0]["inference_stats"][
        "success"
    ]["count"]

    assert after - before <= 6
