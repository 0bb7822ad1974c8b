"""This package holds the families of tabular models, one module each, and the registry of all families."""
