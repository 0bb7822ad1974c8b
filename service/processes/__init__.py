"""The supervisor starts worker processes and replaces them; each worker has a link to it.

Only `service.__main__`, `service.app` and `service.http` import this package.
"""
