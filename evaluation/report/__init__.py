"""The report for people: the evidence of an evaluation as one HTML page. Only `evaluation` imports it."""
