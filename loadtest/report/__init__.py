"""This package draws the report of a load test, a page that loads nothing; it is imported where one is written."""
