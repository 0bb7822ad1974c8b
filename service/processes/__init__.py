"""The supervisor starts worker processes and replaces them; each worker has a link to it.

Only `service.launch`, `service.composition` and `service.server` import this package.
"""
