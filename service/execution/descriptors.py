"""Connections take descriptors, of which a process has so many: no port may take those that another one needs."""

from __future__ import annotations

import resource

from service.settings import Settings

OWN_DESCRIPTORS = 128
"""A process needs at most so many descriptors for itself, and for those who are being refused."""


def count_connections(settings: Settings) -> int:
    """Returns how many connections a port may have: no more than there are descriptors for, since the rest would wait.

    HTTP and gRPC have half of the descriptors each, where both are served.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return settings.max_connections

    n_ports = 2 if settings.grpc_port else 1
    n_allowed = max(soft // 4, soft - OWN_DESCRIPTORS) // n_ports

    return min(settings.max_connections, max(1, n_allowed))
