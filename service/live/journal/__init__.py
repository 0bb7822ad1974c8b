"""The journal keeps predictions that were answered and their true labels, in one SQLite file. `live` imports it."""
