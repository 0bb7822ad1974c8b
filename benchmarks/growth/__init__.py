"""This package measures what more of everything costs: `python -m benchmarks.growth`."""
