"""This package sends requests: as many as a server answers, or at a fixed rate."""
