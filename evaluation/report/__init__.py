"""This package writes the report, the evidence of an evaluation as one HTML page. Only `evaluation` imports it."""
