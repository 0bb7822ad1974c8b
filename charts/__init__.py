"""This package is the one chart kit: what `--report` and the evaluation's report draw with, in one look."""
