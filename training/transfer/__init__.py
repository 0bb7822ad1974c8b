"""This package holds networks that have learnt elsewhere, as they were published or taught a new task at low cost."""
