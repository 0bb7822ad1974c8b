"""Evaluation of exported files or a running server on labelled rows: `python -m evaluation`. Nothing imports it."""
