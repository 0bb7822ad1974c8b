"""The OpenAPI document of the HTTP interface. `http` imports it."""
