"""Rows are explained here, by contributions, paths and what would flip a class; only `service.calls` imports it."""
