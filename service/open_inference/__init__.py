"""This package is the Open Inference Protocol v2 without a transport. `http` and `grpc` import it."""
