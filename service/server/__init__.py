"""A worker's server is uvicorn's, with a listener in a thread of its own and an end that loses no request.

Only `service.app` imports this package; `service.server.worker` is the program of a worker.
"""
