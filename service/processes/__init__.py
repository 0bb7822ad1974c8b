"""The supervisor starts worker processes and replaces them; each worker has a link to it.

Only `service.launch` and `service.server` import this package.
"""
