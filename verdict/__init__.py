"""Classifiers are judged here by what they answered and what is true, in numbers and words; no file, no server."""
