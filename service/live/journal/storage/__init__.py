"""The journal's file: its tables, its log, its locks, and what is said where it cannot be used."""
