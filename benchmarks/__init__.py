"""Benchmarks measure the service against peers and a bare floor: `python -m benchmarks`. Nothing imports it."""
