"""The classifiers of a task on a running server, asked over HTTP. Standard library."""

from __future__ import annotations

import json
import uuid
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from statistics import median
from time import perf_counter, sleep
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np

from evaluation.classifiers import Classifier, Said
from model_card import Card, CardError, from_document
from service.errors import TooLarge, Unusable
from service.models.images import ImageFile

TIMEOUT_S = 120
TRIES = 5
"""Of a request that the server has no room for just now."""
LONGEST_WAIT_S = 10
TOO_MUCH = (413, 504)
"""Statuses after which fewer rows may go through: over a limit, and not done in time."""
MOST_BYTES = 4_000_000
"""Of a request of several rows, so that the usual limits of a server hold."""
RUNS = 20


class RemoteClassifiers:
    """The same as `LocalClassifiers`, of a server; one connection, kept."""

    timing = "one row over HTTP to the server and back, /predict_proba"

    def __init__(self, url: str, task: str) -> None:
        """Raises Unusable for a server that cannot be asked, and with its words for a task that it does not have."""
        self._server = _Server(url)
        self._task = task
        try:
            self.contenders = self._list()
            about = self._server.get("/v2")
        except Unusable:
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
            raise Unusable(
                f"{self._server.shown}: unknown task {self._task!r}; its tasks with classifiers: {known}"
            )

        return [_describe(self._server.get(f"/models/{quote(name)}")) for name in names]

    def classify(self, rows: list[Any]) -> list[Said]:
        """By `/compare`, which asks all models at once; raises TooLarge where fewer rows may go through."""
        body, media_type = _encode({"task": self._task}, rows)
        if len(body) > MOST_BYTES and len(rows) > 1:
            raise TooLarge(
                f"inputs: {len(body)} bytes are over the {MOST_BYTES} of one request"
            )

        answer = self._server.post("/compare", body, media_type)
        index = {name: position for position, name in enumerate(answer["classes"])}
        said = {each["model"]: each for each in answer["models"]}

        for contender in self.contenders:
            if said.get(contender.name, {}).get("version") != contender.version:
                raise Unusable(
                    f"{self._server.shown}: its models changed while they were asked: {contender.name}"
                )

        return [_say(said[contender.name], index) for contender in self.contenders]

    def latencies_ms(self, row: Any) -> list[float]:
        """The median of 20 requests, one at a time."""
        return [self._time_ms(each.name, row) for each in self.contenders]

    def _time_ms(self, name: str, row: Any) -> float:
        body, media_type = _encode({"model": name}, [row])
        times = []

        for _ in range(RUNS):
            started = perf_counter()
            self._server.post("/predict_proba", body, media_type)
            times.append((perf_counter() - started) * 1000)

        return median(times)


class _Server:
    """One kept connection; every answer is JSON, every failure an Unusable or a TooLarge with the server's words."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unusable(f"--url: expected http://HOST:PORT, got {url!r}")

        connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = connection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._prefix = parts.path.rstrip("/")
        self.shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: bytes, media_type: str) -> Any:
        return self._ask("POST", path, body, {"Content-Type": media_type})

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Any:
        for attempt in range(TRIES):
            status, wait_s, content = self._exchange(method, path, body, headers)
            if status in (429, 503) and attempt < TRIES - 1:
                sleep(wait_s)
                continue
            break

        try:
            answer = json.loads(content)
        except ValueError:
            raise Unusable(
                f"{self.shown}{path}: expected JSON from Veredicto, got {content[:60]!r}"
            ) from None

        if status != 200:
            words = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise (TooLarge if status in TOO_MUCH else Unusable)(
                f"{self.shown}{path} answered {status}: {words}"
            )

        return answer

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, float, bytes]:
        """Status, seconds after which to ask again, and body."""
        try:
            response = self._send(method, path, body, headers)
            wait = response.headers.get("Retry-After", "1")
            return (
                response.status,
                min(LONGEST_WAIT_S, float(wait) if wait.isdigit() else 1),
                response.read(),
            )
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise Unusable(
                f"{self.shown}{path}: no answer: {error or type(error).__name__}"
            ) from None

    def _send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> HTTPResponse:
        """Once more where the server has ended a connection that it kept: asking has no effect, so twice is once."""
        for is_last in (False, True):
            try:
                self._connection.request(method, self._prefix + path, body, headers)
                return self._connection.getresponse()
            except (BrokenPipeError, ConnectionResetError):
                self._connection.close()
                if is_last:
                    raise
        raise AssertionError("unreachable")


def _encode(fields: dict[str, str], rows: list[Any]) -> tuple[bytes, str]:
    """Body and media type: JSON, or a form where the rows are image files."""
    if not isinstance(rows[0], ImageFile):
        return json.dumps({**fields, "inputs": rows}).encode(), "application/json"

    boundary = uuid.uuid4().hex
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode()
        for name, text in fields.items()
    ]
    head = b'Content-Disposition: form-data; name="image"; filename="image"\r\n\r\n'
    parts += [head + row.content for row in rows]
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), part) for part in parts)

    return (
        body + b"--%s--\r\n" % boundary.encode(),
        f"multipart/form-data; boundary={boundary}",
    )


def _describe(document: dict[str, Any]) -> Classifier:
    version = document.pop("version")
    document.pop("runtime")

    try:
        card: Card = from_document(document)
    except CardError as error:
        raise Unusable(
            f"the server's card of {document.get('name')!r}: {error}"
        ) from None

    return Classifier(name=card.name, version=version, card=card, size_bytes=None)


def _say(answer: dict[str, Any], index: dict[str, int]) -> Said:
    label = np.array([index[name] for name in answer["predictions"]], dtype=np.int64)
    return Said(label, np.array(answer["probabilities"], dtype=np.float64))
