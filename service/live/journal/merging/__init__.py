"""Several journals are merged into one file. The command alone imports it."""
