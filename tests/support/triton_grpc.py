"""Triton's gRPC client is imported into a pool of its own, since KServe's registers the same names in the default."""

from __future__ import annotations

from unittest.mock import patch

from google.protobuf import descriptor_pool

with patch.object(
    descriptor_pool, "Default", return_value=descriptor_pool.DescriptorPool()
):
    import tritonclient.grpc as triton
    import tritonclient.grpc.aio as triton_aio
    from tritonclient.grpc import service_pb2, service_pb2_grpc

__all__ = ["service_pb2", "service_pb2_grpc", "triton", "triton_aio"]
