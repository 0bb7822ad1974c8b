"""The report of a load test: one page that loads nothing; it is imported where one is written."""
