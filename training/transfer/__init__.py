"""This package holds what networks that have learnt elsewhere need to learn a new task at low cost."""
