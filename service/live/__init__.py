"""This package follows live predictions: monitor, shadows, drift, comparison. `calls` and the transports import it."""
