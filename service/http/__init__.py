"""This package is the HTTP transport: routes, bodies, and the fast path through uvicorn. Only `app` imports it."""
