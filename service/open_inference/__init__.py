"""The Open Inference Protocol v2 without a transport: tensors in, tensors out. `http` and `grpc` import it."""
