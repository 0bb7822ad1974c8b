"""Bodies of requests are read here: forms, CSV, and the JSON and bytes of inferences. Only `http` imports it."""
