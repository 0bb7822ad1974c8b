"""This package judges exported files or a running server on labelled rows; only `scoring` imports it."""
