"""This package computes numbers from arrays, on numpy alone. All packages may import it; it imports nothing of ours."""
