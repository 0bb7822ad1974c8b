"""A run over gRPC outlives a real server that goes away."""

from __future__ import annotations

from pathlib import Path

from loadtest.sending import grpc_sender
from loadtest.sending.grpc_sender import Channels
from loadtest.sending.pacing import ClosedLoop
from loadtest.targets import grpc_model
from loadtest.targets.options import TargetOptions
from loadtest.targets.payloads import find_tensors
from tests.support.server import free_port, serve


def test_callers_of_a_server_that_is_gone_wait_before_they_ask_again(
    models: Path, tmp_path: Path
) -> None:
    """The server's answers are counted first, and then some failures a second for each caller."""
    port = free_port()
    channels = Channels(host=f"127.0.0.1:{port}", is_secure=False, metadata={})
    with serve(tmp_path, VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port) as server:
        inputs = grpc_model.find_inputs(channels, "colour-first")
        wanted = TargetOptions(url="", model="colour-first")
        (tensors,), _ = find_tensors(wanted, inputs, None)
        server_ends = [server.process.kill]

        samples = grpc_sender.send(
            channels,
            [grpc_model.encode("colour-first", tensors)],
            ClosedLoop(concurrency=2, duration_s=2),
            timeout_s=2,
            on_progress=lambda progress: (
                server_ends.pop()() if server_ends and progress.elapsed_s > 1 else None
            ),
        )

    failed = sum(samples.count_errors().values())
    assert int(samples.is_ok.sum()) > 10
    assert 0 < failed < 60
