"""This package says how each contender is installed, started and asked; the load and the tables use it."""
