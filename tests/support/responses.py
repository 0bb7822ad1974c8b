"""What tests read of a server's responses."""

from __future__ import annotations


def error_of(response: object, status: int) -> str:
    """The text of the contract's one error shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    return body["error"]
