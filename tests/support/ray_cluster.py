"""A cluster of Ray on this machine, to which tests add nodes that may be lost; the tests do not install Ray."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.server import free_port

HAS_RAY = importlib.util.find_spec("ray") is not None


def choose_ports() -> dict[str, int]:
    """Returns ports of a node's agents: for those that choose their own Ray waits 15 seconds, on a busy machine too."""
    agents = (
        "metrics_agent_port",
        "metrics_export_port",
        "dashboard_agent_listen_port",
        "runtime_env_agent_port",
    )
    return {agent: free_port() for agent in agents}


@contextmanager
def start_cluster() -> Iterator[Any]:
    """Yields a cluster with a head of one processor."""
    with pytest.MonkeyPatch.context() as patch:
        # On a busy machine its processes take long to start.
        patch.setenv("RAY_raylet_start_wait_time_s", "180")
        patch.setenv("RAY_agent_register_timeout_ms", "180000")
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "include_dashboard": False, **choose_ports()}
        found = Cluster(initialize_head=True, head_node_args=head)
        try:
            yield found
        finally:
            found.shutdown()
