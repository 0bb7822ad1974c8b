"""Responses of a server are read here as tests need them."""

from __future__ import annotations


def error_of(response: object, status: int) -> str:
    """Returns the text of the contract's one error shape; fails where the response has another status or shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    return body["error"]
