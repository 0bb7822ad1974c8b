"""The server of a worker: uvicorn's, with a listener in a thread of its own and an end that loses no request.

Only `service.composition` and `service.worker_main` import this package.
"""
