"""Observability is what an operator sees of a running server besides metrics: log lines, request ids and spans."""
