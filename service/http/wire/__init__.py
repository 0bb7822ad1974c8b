"""This package reads requests off a connection, within limits, and has the fast path through uvicorn's protocol."""
