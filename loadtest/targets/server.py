"""A test asks a server over HTTP beforehand where it listens, and what it says of its models."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Mapping
from http.client import (
    BadStatusLine,
    HTTPConnection,
    HTTPException,
    HTTPSConnection,
)
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from loadtest.sending.connection import Address
from loadtest.targets.requests import Request
from service.errors import LoadTestError

TIMEOUT_S = 30
NEVER_ANSWERED = (400, 401, 403, 404, 405, 413, 415, 422)
MAX_SHOWN_BYTES = 300
MAX_SHOWN_CHARACTERS = 60
PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}


class Server:
    """This asks one server of HTTP, for each question over a new connection."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._parts = split_url(url)
        self._headers = {"Accept": "application/json", **headers}
        self.base = f"{self._parts.scheme}://{self._parts.netloc}"

    def get(self, path: str) -> Any:
        """Returns the JSON that a path answers with, or None where there is no such path."""
        status, content = self.fetch(path)
        if status == 404:
            return None

        try:
            answer = json.loads(content)
        except ValueError:
            raise LoadTestError(
                f"{self.base}{path}: expected JSON, got status {status} and {content[:60]!r}"
            ) from None

        if status != 200:
            words = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise LoadTestError(f"{self.base}{path} answered {status}: {words}")

        return answer

    def fetch(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Returns the status and the content of an answer."""
        connection = self._connect()
        try:
            connection.request(
                method, path, body=body, headers={**(headers or {}), **self._headers}
            )
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException) as error:
            raise LoadTestError(f"{self.base}{path}: {_say_failure(error)}") from None
        finally:
            connection.close()

    def try_once(self, request: Request) -> None:
        """Sends one request; raises LoadTestError in the server's words where it can never be answered."""
        headers = {"Content-Type": request.content_type, **request.headers}
        status, content = self.fetch(
            request.path, method=request.method, body=request.body, headers=headers
        )
        if status in NEVER_ANSWERED:
            words = content[:MAX_SHOWN_BYTES].decode(errors="replace")
            raise LoadTestError(f"{self.base}{request.path} answered {status}: {words}")

    def list_models(self, task: str) -> list[str]:
        """Returns the names of a task's classifiers; raises LoadTestError, which names the tasks that there are."""
        models = _find_models(self.get("/models"))
        if models is None:
            raise LoadTestError(
                f"{self.base}: --task expects a server of Veredicto, which lists its models at /models"
            )

        names = [
            each["name"]
            for each in models
            if each["task"] == task and each["kind"] == "classifier"
        ]
        if not names:
            known = ", ".join(
                sorted(
                    {each["task"] for each in models if each["kind"] == "classifier"}
                )
            )
            raise LoadTestError(
                f"{self.base}: unknown task {task!r}; its tasks with classifiers: {known or 'none'}"
            )

        return names

    def find_card(self, name: str) -> dict[str, Any] | None:
        """Returns a model's card, or None where the server has none of that name, or something else there."""
        found = self.get(f"/models/{quote(name)}")
        return found if _is_card(found) else None

    def find_inputs(self, name: str) -> list[dict[str, Any]] | None:
        """Returns the inputs that the Open Inference Protocol tells of a model, or None where there is no such path."""
        path = f"/v2/models/{quote(name)}"
        found = self.get(path)
        if found is None:
            return None

        inputs = found.get("inputs") if isinstance(found, dict) else None
        if (
            not isinstance(inputs, list)
            or not inputs
            or not all(map(_is_input, inputs))
        ):
            shown = json.dumps(found)[:MAX_SHOWN_BYTES]
            raise LoadTestError(
                f"{self.base}{path}: expected a model's inputs with name, datatype and shape, got {shown}"
            )

        return inputs

    def resolve(self) -> Address:
        """Returns the first address of the server that takes a connection."""
        parts = self._parts
        host = parts.hostname or ""
        try:
            found = socket.getaddrinfo(host, port_of(parts), type=socket.SOCK_STREAM)
        except OSError as error:
            raise LoadTestError(f"{self.base}: {error.strerror}") from None

        failure = OSError("no address")
        for family, _, _, _, sockaddr in found:
            try:
                with socket.socket(family, socket.SOCK_STREAM) as probe:
                    probe.settimeout(TIMEOUT_S)
                    probe.connect(sockaddr)
            except OSError as error:
                failure = error
                continue

            tls = ssl.create_default_context() if parts.scheme == "https" else None
            return Address(host=host, family=family, sockaddr=sockaddr, tls=tls)

        raise LoadTestError(
            f"{self.base}: no connection: {failure.strerror or failure}"
        )

    def _connect(self) -> HTTPConnection:
        host, port = self._parts.hostname or "", port_of(self._parts)
        if self._parts.scheme == "https":
            return HTTPSConnection(
                host, port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )

        return HTTPConnection(host, port, timeout=TIMEOUT_S)


def _say_failure(error: OSError | HTTPException) -> str:
    """Returns what went wrong; the beginning of what is no HTTP, which may hold any bytes, is escaped."""
    if isinstance(error, BadStatusLine) and not isinstance(error, OSError):
        return f"expected HTTP, got {str(error)[:MAX_SHOWN_CHARACTERS]!r}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"no answer: {error.verify_message}: SSL_CERT_FILE may name a file with whom to trust"
    return f"no answer: {error or type(error).__name__}"


def _find_models(listed: Any) -> list[dict[str, Any]] | None:
    """Returns the models that `/models` lists, or None where something else is listed there."""
    models = listed.get("models") if isinstance(listed, dict) else None
    if not isinstance(models, list):
        return None

    is_good = all(
        isinstance(each, dict) and {"name", "task", "kind"} <= each.keys()
        for each in models
    )
    return models if is_good else None


def _is_card(found: Any) -> bool:
    """Says whether it is one of our cards; of the file that it describes, its server has made sure."""
    return (
        isinstance(found, dict)
        and isinstance(found.get("input"), dict)
        and {"schema_version", "name", "kind"} <= found.keys()
        and "type" in found["input"]
    )


def _is_input(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(found.get("name"), str)
        and isinstance(found.get("datatype"), str)
        and isinstance(found.get("shape"), list)
        and all(_is_length(each) for each in found["shape"])
    )


def _is_length(found: Any) -> bool:
    """Says whether it is an axis' length; some servers tell it as text."""
    return re.fullmatch("-?[0-9]{1,18}", str(found)) is not None


def split_url(url: str) -> SplitResult:
    """Returns the parts of an address, which may come without its scheme."""
    try:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        is_good = parts.scheme in PORTS and parts.hostname and port_of(parts)
    except ValueError:
        is_good = False

    if not is_good:
        raise LoadTestError(
            f"--url: expected http://HOST:PORT, https://... or grpc://HOST:PORT, got {url!r}"
        )
    if parts.username is not None:
        raise LoadTestError(
            "--url: expected no name and password in the address: give them as --header 'Authorization: ...'"
        )

    return parts


def port_of(parts: SplitResult) -> int:
    return parts.port or PORTS[parts.scheme]
