"""`python tests/support/ask_models.py URL` asks each model of a server for one answer, and prints status and answer.

It imports nothing of ours, so it runs wherever the server can be reached, as in its own network namespace.
"""

from __future__ import annotations

import base64
import json
import sys
import zlib
from struct import pack
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

LIMIT_S = 120
CALLS = {
    "classifier": "/predict_proba",
    "regressor": "/predict",
    "clusterer": "/predict",
    "transformer": "/transform",
    "generator": "/generate",
}


def ask(url: str, body: Any = None) -> tuple[int, Any]:
    """Returns the status and the JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        with urlopen(Request(url, data, headers), timeout=LIMIT_S) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def make_png(size_px: int) -> bytes:
    """Returns a grey image of this size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            pack(">I", len(content))
            + name
            + content
            + pack(">I", zlib.crc32(name + content))
        )

    head = pack(">IIBBBBB", size_px, size_px, 8, 2, 0, 0, 0)
    line = b"\0" + b"\x80" * (3 * size_px)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(line * size_px))
        + chunk(b"IEND", b"")
    )


def ask_model(url: str, name: str) -> tuple[int, Any]:
    """Returns the status and a model's answer to its card's example, to an image, or to nothing."""
    card = ask(f"{url}/models/{name}")[1]
    request: dict[str, Any] = {"model": name}
    if card["input"]["type"] == "features":
        request["inputs"] = [card["input"]["example"]]
    elif card["input"]["type"] == "image":
        image = base64.b64encode(make_png(64)).decode()
        request["inputs"] = [{"b64": image}]
    else:
        request["count"] = 1

    return ask(url + CALLS[card["kind"]], request)


def main(url: str) -> None:
    """Prints the status and the answer of each model by its name, as JSON."""
    names = [each["name"] for each in ask(f"{url}/models")[1]["models"]]
    sys.stdout.write(json.dumps({name: ask_model(url, name) for name in names}))


if __name__ == "__main__":
    main(sys.argv[1])
