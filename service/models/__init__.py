"""This package loads exported files: session, graph, model, registry, and the rows and images they take.

It imports `contract`.
"""
