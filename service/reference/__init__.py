"""This package makes the OpenAPI document of the HTTP interface. `http` imports it."""
