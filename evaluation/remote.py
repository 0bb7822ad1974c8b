"""This module asks the classifiers of a task on a running server, over HTTP with httpx."""

from __future__ import annotations

import ssl
from base64 import b64decode
from dataclasses import replace
from statistics import median
from time import perf_counter, sleep
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
from numpy.typing import NDArray

from model_card import Card, CardError, from_document
from service.errors import EvaluationError, TooLarge
from service.judging.classifiers import ClassifiedRows, Classifier
from service.models.images.media_types import ImageFile

TIMEOUT_S = 120
MAX_TRIES = 5
"""A request that the server has no room for just now is sent so often."""
MAX_WAIT_S = 10
MAX_BYTES = 4_000_000
"""A request of several rows has at most so many bytes, so that the usual limits of a server hold."""
RUNS = 20


class UnknownPath(EvaluationError):
    """The server has nothing at this path."""


class RemoteClassifiers:
    """Asks a server over one kept connection, with the methods of `LocalClassifiers`."""

    timing = "one row over HTTP to the server and back, /predict_proba"

    def __init__(self, url: str, task: str) -> None:
        """Raises EvaluationError for a server that cannot be asked, or in its words for an unknown task."""
        self._server = _Server(url)
        self._task = task
        try:
            self.contenders = self._list()
            about = self._server.get("/v2")
        except EvaluationError:
            self.close()
            raise

        self.software = {"server": f"{about['name']} {about['version']}"}

    def close(self) -> None:
        """Ends the connection."""
        self._server.close()

    def _list(self) -> list[Classifier]:
        listed = self._server.get("/models")["models"]
        classifiers = [each for each in listed if each["kind"] == "classifier"]
        names = [each["name"] for each in classifiers if each["task"] == self._task]
        if not names:
            known = ", ".join(sorted({each["task"] for each in classifiers})) or "none"
            raise EvaluationError(
                f"{self._server.shown}: unknown task {self._task!r}; its tasks with classifiers: {known}"
            )

        return [self._describe(name) for name in names]

    def _describe(self, name: str) -> Classifier:
        """Returns a model with what it was learnt from, which servers of earlier versions do not tell."""
        path = f"/models/{quote(name)}"
        described = _describe(self._server.get(path))
        try:
            told = self._server.get(f"{path}/learnt")
        except UnknownPath:
            return described

        if told["version"] != described.version:
            raise EvaluationError(
                f"{self._server.shown}: its models changed while they were asked: {name}"
            )

        return replace(described, learnt=read_learnt(told["hashes"], name))

    def classify(self, rows: list[Any]) -> list[ClassifiedRows]:
        """Asks `/compare`, which asks all models at once; raises TooLarge where fewer rows may go through."""
        answer = self._server.post("/compare", {"task": self._task}, rows)
        index = {name: position for position, name in enumerate(answer["classes"])}
        answered = {each["model"]: each for each in answer["models"]}

        for contender in self.contenders:
            if answered.get(contender.name, {}).get("version") != contender.version:
                raise EvaluationError(
                    f"{self._server.shown}: its models changed while they were asked: {contender.name}"
                )

        return [_read(answered[contender.name], index) for contender in self.contenders]

    def latencies_ms(self, row: Any) -> list[float]:
        """Returns the median of 20 requests, one at a time, for each contender."""
        return [self._time_ms(each.name, row) for each in self.contenders]

    def _time_ms(self, name: str, row: Any) -> float:
        times = []

        for _ in range(RUNS):
            started = perf_counter()
            self._server.post("/predict_proba", {"model": name}, [row])
            times.append((perf_counter() - started) * 1000)

        return median(times)


_FAILURES: dict[int, type[EvaluationError | TooLarge]] = {
    404: UnknownPath,
    413: TooLarge,
    504: TooLarge,
}
"""After 413 and 504 fewer rows may go through: they were over a limit, or not done in time."""


class _Server:
    """Keeps one client; each answer is JSON, each failure an EvaluationError or a TooLarge in the server's words."""

    def __init__(self, url: str) -> None:
        try:
            address = httpx.URL(url if "//" in url else f"http://{url}")
        except httpx.InvalidURL:
            address = httpx.URL()

        if address.scheme not in ("http", "https") or not address.host:
            raise EvaluationError(f"--url: expected http://HOST:PORT, got {url!r}")

        self._client = httpx.Client(
            base_url=address,
            timeout=TIMEOUT_S,
            verify=ssl.create_default_context(),
            trust_env=False,
        )
        self.shown = f"{address.scheme}://{address.netloc.decode()}"

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        """Returns the answer to a GET."""
        return self._ask(self._client.build_request("GET", path))

    def post(self, path: str, fields: dict[str, str], rows: list[Any]) -> Any:
        """Returns the answer to rows; raises TooLarge for several rows of more than `MAX_BYTES`."""
        request = self._encode(path, fields, rows)
        n_bytes = int(request.headers["Content-Length"])
        if n_bytes > MAX_BYTES and len(rows) > 1:
            raise TooLarge(
                f"inputs: {n_bytes} bytes are over the {MAX_BYTES} of one request"
            )

        return self._ask(request)

    def _encode(
        self, path: str, fields: dict[str, str], rows: list[Any]
    ) -> httpx.Request:
        """Builds a request of JSON, or of a form where the rows are image files."""
        if not isinstance(rows[0], ImageFile):
            return self._client.build_request(
                "POST", path, json={**fields, "inputs": rows}
            )

        files = [("image", ("image", row.content)) for row in rows]
        request = self._client.build_request("POST", path, data=fields, files=files)
        request.read()  # so that it can be sent again

        return request

    def _ask(self, request: httpx.Request) -> Any:
        path = request.url.path
        response = self._send(request)

        try:
            answer = response.json()
        except ValueError:
            raise EvaluationError(
                f"{self.shown}{path}: expected JSON from Veredicto, got {response.content[:60]!r}"
            ) from None

        if response.status_code != 200:
            words = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise _FAILURES.get(response.status_code, EvaluationError)(
                f"{self.shown}{path} answered {response.status_code}: {words}"
            )

        return answer

    def _send(self, request: httpx.Request) -> httpx.Response:
        """Sends, and again after the wait that the server asks for where it has no room just now."""
        response = self._try(request)
        for _ in range(MAX_TRIES - 1):
            if response.status_code not in (429, 503):
                break

            wait = response.headers.get("Retry-After", "1")
            sleep(min(MAX_WAIT_S, float(wait) if wait.isdigit() else 1))
            response = self._try(request)

        return response

    def _try(self, request: httpx.Request) -> httpx.Response:
        """Sends once more where the server has ended a kept connection: asking has no effect, so twice is once."""
        try:
            try:
                return self._client.send(request)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                return self._client.send(request)
        except httpx.HTTPError as error:
            raise EvaluationError(
                f"{self.shown}{request.url.path}: no answer: {error or type(error).__name__}"
            ) from None


def _describe(document: dict[str, Any]) -> Classifier:
    version = document.pop("version")
    document.pop("runtime")

    try:
        card: Card = from_document(document)
    except CardError as error:
        raise EvaluationError(
            f"the server's card of {document.get('name')!r}: {error}"
        ) from None

    return Classifier(name=card.name, version=version, card=card, size_bytes=None)


def read_learnt(hashes: Any, name: str) -> NDArray[np.uint64] | None:
    """Returns the hashes in ascending order, None where the file has none."""
    if hashes is None:
        return None
    try:
        return np.frombuffer(b64decode(hashes, validate=True), dtype="<u8")
    except (TypeError, ValueError) as error:
        raise EvaluationError(
            f"the server's hashes of rows that {name!r} was learnt from: {error}"
        ) from None


def _read(answer: dict[str, Any], index: dict[str, int]) -> ClassifiedRows:
    label = np.array([index[name] for name in answer["predictions"]], dtype=np.int64)
    return ClassifiedRows(label, np.array(answer["probabilities"], dtype=np.float64))
