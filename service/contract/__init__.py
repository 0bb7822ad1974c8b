"""This package has the shapes of requests and answers, JSON and arrays.

All packages of `service` above the ground may import it.
"""
