"""Statistics: numbers from arrays, on numpy alone. Every other package may import it; it imports nothing of ours."""
