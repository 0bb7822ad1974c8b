"""This package is the gRPC transport of the Open Inference Protocol. Only `app` imports it."""
