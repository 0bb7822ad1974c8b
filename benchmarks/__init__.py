"""Measurements against peers and bare floors: `python -m benchmarks`."""
